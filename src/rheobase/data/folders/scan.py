"""What lies in a user's folder: files of one kind, with their classes, groups and parts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rheobase.data.folders.problems import inside
from rheobase.data.folders.reading import Reading
from rheobase.errors import DataError
from rheobase.problems import Problems

SUFFIXES = {
    "images": (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"),
    "audio": (".wav", ".flac"),
    "events": (
        ".aedat",
        ".aedat2",
        ".aedat4",
        ".bin",
        ".bs2",
        ".raw",
        ".dat",
        ".h5",
        ".hdf5",
        ".npz",
        ".npy",
        ".csv",
        ".txt",
        ".es",
    ),
}
"""The files that are read, by kind."""
KIND_OF = {suffix: kind for kind, suffixes in SUFFIXES.items() for suffix in suffixes}
READ = "; ".join(f"{kind} ({', '.join(suffixes)})" for kind, suffixes in SUFFIXES.items())

TRAIN, TEST = ("train", "training"), ("test", "testing")
_ASIDE = {"thumbs.db", "desktop.ini", "__macosx"}  # what systems leave behind; names that begin with a dot, too
EXPECTED = f"a folder of idx files; or of {READ}, all of one kind, in folders CLASS or train/CLASS and test/CLASS"
_LAYOUT = "CLASS/files, or train/CLASS/files and test/CLASS/files"


@dataclass(frozen=True)
class Found:
    """The files of a folder, in a fixed order.

    Shapes: label (files,) int64, group (files,) names or None, in_test (files,) bool or None where no folder says it.
    """

    folder: Path
    kind: str
    files: tuple[Path, ...]
    label: Tensor
    classes: tuple[str, ...]
    group: np.ndarray | None
    in_test: Tensor | None
    notes: tuple[str, ...]
    unit: str = "files"
    said: str = "the folders train and test"

    @property
    def names(self) -> list[str]:
        """The files from the folder on."""
        return [inside(file, self.folder) for file in self.files]


def files_in(folder: Path) -> list[Path]:
    """All files in a folder and below it, sorted; links are followed, what systems leave behind is passed over."""
    found, seen = list[Path](), set[str]()
    for place, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()  # a link back up
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _aside(name))
        found += [Path(place) / name for name in files if not _aside(name)]
    return sorted(found, key=lambda file: natural(file.as_posix()))


def _aside(name: str) -> bool:
    return name.startswith(".") or name.lower() in _ASIDE


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers in a text by their value.

    >>> sorted(["10", "9", "b", "a2", "a10"], key=natural)
    ['9', '10', 'a2', 'a10', 'b']
    """
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def scan(folder: Path, reading: Reading, problems: Problems) -> Found:
    """What lies in a folder. Faults that leave other files to be read are noted among the problems.

    Raises: `DataError` for a folder of no use, `ParameterError` for choices that mean nothing for such files.
    """
    everything = files_in(folder)
    if not everything:
        problems.add("no files in it")
        raise problems.error(EXPECTED)
    kinds = _kinds(everything)
    if len(kinds) != 1:
        problems.add(f"{_counted(everything)}: {'no kind of data that is read' if not kinds else 'several kinds'}")
        raise problems.error(EXPECTED)
    kind = next(iter(kinds))
    reading.check_fits(kind, str(folder))
    by_pattern = reading.pattern is not None and "label" in re.compile(reading.pattern).groupindex
    has_parts = _has_parts(folder, by_pattern)
    places = [_Place.of(file, folder, has_parts, reading) for file in everything]
    kept, aside = list[_Place](), list[str]()
    for place in places:
        if KIND_OF.get(place.file.suffix.lower()) is None and place.depth == 0:
            aside.append(place.name)
        elif KIND_OF.get(place.file.suffix.lower()) is None:
            said = f"has the suffix {place.file.suffix}, which is not read" if place.file.suffix else "has no suffix"
            problems.add(said, place.name)
        elif place.fault is not None:
            problems.add(place.fault, place.name)
        else:
            kept.append(place)
    _check_folders(folder, has_parts, by_pattern, kept, problems)
    classes = tuple(sorted({place.label for place in kept}, key=natural))
    if len(classes) < 2:
        problems.add(f"{'one class alone, ' + classes[0] if classes else 'no classes'}, where {_LAYOUT} was expected")
        raise problems.error(EXPECTED)
    suffixes = Counter(place.file.suffix.lower() for place in kept)
    shown = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common())
    notes = [f"{kind}: {len(kept)} files ({shown}) in {len(classes)} classes"]
    if aside:
        notes.append(f"left aside: {', '.join(aside[:5])}" + (f" and {len(aside) - 5} more" if len(aside) > 5 else ""))
    group = np.array([place.group for place in kept]) if reading.group is not None else None
    return Found(
        folder,
        kind,
        tuple(place.file for place in kept),
        torch.tensor([classes.index(place.label) for place in kept]),
        classes,
        group,
        torch.tensor([place.part == "test" for place in kept]) if has_parts else None,
        tuple(notes),
    )


def _kinds(files: Iterable[Path]) -> set[str]:
    return {KIND_OF[file.suffix.lower()] for file in files if file.suffix.lower() in KIND_OF}


def _counted(files: list[Path]) -> str:
    counts = Counter(file.suffix.lower() or "without suffix" for file in files)
    return ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common(8))


def _has_parts(folder: Path, by_pattern: bool) -> bool:
    """Whether folders say which files train and which test.

    Raises: `DataError` where one of the two is missing, or others are beside them, unless a pattern gives the classes.
    """
    names = {entry.name.lower() for entry in folder.iterdir() if entry.is_dir() and not _aside(entry.name)}
    train, test = names & set(TRAIN), names & set(TEST)
    others = names - set(TRAIN) - set(TEST)
    if len(train) == 1 and len(test) == 1 and not others:
        return True
    if by_pattern or not (train or test):
        return False
    given = f"the folders {', '.join(sorted(names))}"
    remedy = "name them so; of what trains, a share is held back to validate, so a third part is not needed; "
    remedy += "where train is a class, --pattern '^(?P<label>[^/]+)/' says so"
    raise DataError(str(folder), given, "train and test, with nothing beside them; or a folder for each class", remedy)


@dataclass(frozen=True)
class _Place:
    """One file: its name from the folder on, its part, class and group, or what is wrong with its place."""

    file: Path
    name: str
    depth: int  # folders between it and the top, or its part
    part: str
    label: str
    group: str
    fault: str | None

    @classmethod
    def of(cls, file: Path, folder: Path, has_parts: bool, reading: Reading) -> _Place:
        name = inside(file, folder)
        above = name.split("/")[:-1]
        part = "test" if has_parts and above and above[0].lower() in TEST else "train"
        if has_parts:
            above = above[1:]
        match = re.search(reading.pattern, name) if reading.pattern else None
        named = match.groupdict() if match else {}
        fault = None
        if reading.pattern and (match is None or any(value is None for value in named.values())):
            fault = f"the pattern {reading.pattern} is not found in its path"
        label = named.get("label")
        if label is None and fault is None:
            if not above:
                fault = f"lies in no class folder ({_LAYOUT}; or --pattern with a group `label`)"
            elif len(above) > 1:
                fault = f"lies deeper than {_LAYOUT} (--pattern with a group `label` says which part is the class)"
            label = above[0] if above else ""
        group = named.get(reading.group) if reading.group is not None else None
        return cls(file, name, len(above), part, label or "", group or "", fault)


def _check_folders(folder: Path, has_parts: bool, by_pattern: bool, kept: list[_Place], problems: Problems) -> None:
    """Classes that are empty, or in one part alone."""
    tops = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not _aside(entry.name)]
    if not by_pattern:
        if has_parts:
            tops = [sub for top in tops for sub in sorted(top.iterdir()) if sub.is_dir() and not _aside(sub.name)]
        for top in tops:
            if not files_in(top):
                problems.add("an empty class folder", inside(top, folder))
    if has_parts:
        trained = {place.label for place in kept if place.part == "train"}
        tested = {place.label for place in kept if place.part == "test"}
        for name in sorted(tested - trained, key=natural):
            problems.add(f"class {name} is in the test part and not in the training part")
        if not tested:
            problems.add("no files in the test part")
