"""Samples without labels, from files: what a trained network is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from rheobase.data import NAMES, Events
from rheobase.data.folders.images import read_images
from rheobase.data.folders.problems import inside
from rheobase.data.folders.reading import Reading
from rheobase.data.folders.recordings import EventRecordings, read_recordings
from rheobase.data.folders.scan import KIND_OF, SUFFIXES, files_in
from rheobase.data.folders.sounds import read_sounds
from rheobase.data.formats.arrays import images
from rheobase.data.formats.found_series import LIKE_STEPS, RESAMPLE, padded, unlike_step
from rheobase.data.formats.idx import read_idx
from rheobase.data.formats.npz import read_npz
from rheobase.data.sets.series import read_series
from rheobase.errors import DataError
from rheobase.files import FAILURES, why
from rheobase.problems import Problems
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task, unlike_lengths

REMEDY = "write it with np.save(path, x) or np.savez_compressed(path, x=x)"


@dataclass(frozen=True)
class SampleFiles:
    """Samples, the names of their files where each has one of its own, and what one should know of the reading."""

    x: Tensor | Events
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_samples(path: Path, settings: Settings, task: Task) -> SampleFiles:
    """The samples of a file, or of all files in a folder and below it, read as those of the training were.

    Images (n, *sample), float32, also come from a .npy, a .npz with x, or an idx file, plain or .gz.

    Raises: `DataError` with all that is wrong with the files. Values are checked by the encoder.
    """
    audio = settings.reading.sample_rate is not None  # which every run on sounds has
    if task.scaling is not None and not audio:
        found = read_series(path, settings.reading, labelled=False, steps=task.longest)
        if unlike := unlike_step(found.step, task.step):
            raise DataError(str(path), unlike, LIKE_STEPS, RESAMPLE)
        return SampleFiles(padded(found.series, max(map(len, found.series))), tuple(found.names), found.notes)
    kind = "audio" if audio else "images" if task.duration_ms is None else "events"
    if not path.exists():
        given = "no such file or folder"
        raise DataError(str(path), given, f"{kind}, or a .npy, .npz or idx file of samples", "check the path")
    if kind == "images" and path.is_file() and KIND_OF.get(path.suffix.lower()) != "images":
        return SampleFiles(images(_array(path), str(path), "x"))
    files = files_in(path) if path.is_dir() else [path]
    names = [inside(file, path) for file in files]
    problems = Problems(str(path))
    if not files:
        problems.add("no files in it")
    for file, name in zip(files, names, strict=True):
        if KIND_OF.get(file.suffix.lower()) != kind:
            problems.add(f"is no file of {kind} ({', '.join(SUFFIXES[kind])})", name)
    if kind == "images":
        problems.tell("files of images")
        return SampleFiles(_read_images(files, names, settings.reading, task, problems), tuple(names))
    if audio:
        problems.tell("files of sounds")
        sounds = read_sounds(files, names, settings.reading, problems)
        return SampleFiles(padded(sounds.bands, max(map(len, sounds.bands))), tuple(names), sounds.notes)
    if settings.data in NAMES:
        problems.add(f"the network was trained on {settings.data}, whose recordings are not read file by file")
    problems.tell("files of events, and a network that was trained on such")
    held = read_recordings(files, names, settings.reading, problems)
    return SampleFiles(held.events, tuple(names), (*held.notes, *_lengths(held, settings, task, problems)))


def _lengths(held: EventRecordings, settings: Settings, task: Task, problems: Problems) -> tuple[str, ...]:
    """What to know of how long recordings last. Raises `DataError` where all of them say that t has another unit."""
    used, lasting = task.duration_ms or 0.0, held.lengths / 1000.0
    if unlike := unlike_lengths(used, settings.steps, float(lasting.min()), float(lasting.max())):
        given, expected, remedy = unlike
        raise DataError(problems.source, given, expected, remedy)
    late = int((lasting >= used).sum())
    said = f"{late} of {len(lasting)} recordings last longer than {used:.6g} ms: the rest is left out"
    return (said,) if late else ()


def _read_images(files: list[Path], names: list[str], reading: Reading, task: Task, problems: Problems) -> Tensor:
    shape = task.sample_shape
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[-1] != 3):
        given = f"image files for a network that takes samples of shape {shape}"
        raise DataError(
            problems.source, given, "one of (height, width) or (height, width, 3)", "give a .npy of samples"
        )
    return read_images(files, names, reading, problems, shape=shape)


def _array(path: Path) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return read_npz(path, ("x",), REMEDY)["x"]
    if suffix != ".npy":
        return read_idx(path)
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FAILURES as error:
        raise DataError(str(path), f"a file that cannot be read ({why(error)})", "a whole .npy file", REMEDY) from error
