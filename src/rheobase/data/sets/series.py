"""A user's own time series: .ts files, tables, and arrays (samples, time, channels)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rheobase.data.folders.parts import cut, same_samples
from rheobase.data.folders.reading import ROLES, Reading
from rheobase.data.folders.scan import Found
from rheobase.data.formats.found_series import FoundSeries, in_order, padded, unlike_step
from rheobase.data.formats.series_arrays import read_series_arrays
from rheobase.data.formats.series_table import read_series_table
from rheobase.data.formats.table import PARQUET
from rheobase.data.formats.ts import read_ts
from rheobase.data.groups import Groups
from rheobase.data.series import SeriesDataset
from rheobase.errors import DataError
from rheobase.problems import Problems

TEXT = (".csv", ".tsv")
TABLES = (*TEXT, *PARQUET)
# what is not read, in words, and what to do; the conversion was run on files of the archive
OTHERS = {
    ".arff": (
        "an ARFF file",
        "take the .ts file of the same set, or convert it with aeon: X, y = load_from_arff_file(FILE), then "
        "save_to_ts_file(X, y, label_type='classification')",
    ),
    ".tsf": ("a .tsf file, a set of forecasting without classes", "take a set with classes, or write a table"),
}
_EXPECTED = "series with a class each, of two classes or more"
_PARTS = {"train": False, "training": False, "test": True, "testing": True}


def suffix(path: Path) -> str:
    """The suffix of a file in lower case, without that of gzip."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def is_series(path: Path) -> bool:
    """Whether the name of a file says that it holds series."""
    return suffix(path) in (".ts", *TABLES, *OTHERS)


def read_series(path: Path, reading: Reading, *, labelled: bool = True, steps: int | None = None) -> FoundSeries:
    """The series of one file; `steps` of those of the training, where no label is asked for.

    **Raises**: DataError, ParameterError.
    """
    kind = suffix(path)
    if kind in OTHERS:
        given, remedy = OTHERS[kind]
        raise DataError(str(path), given, "a .ts, .csv, .tsv, .parquet, .npz or .npy file", remedy)
    if kind == ".ts":
        found = read_ts(path, labelled=labelled)
        channels = tuple(map(str, range(len(found.series[0].T))))
        return FoundSeries(found.series, channels, found.labels, classes=found.classes, notes=found.notes)
    roles = reading.roles_of(ROLES, "time series")
    if kind in TABLES:
        return read_series_table(path, roles, labelled=labelled, header=reading.header, steps=steps)
    return read_series_arrays(path, roles, labelled=labelled)


def from_series(path: Path, reading: Reading) -> SeriesDataset:
    """The data set of a file of series; NAME_TEST beside NAME_TRAIN is its test part.

    Else a column `part`, a share of the samples or whole groups are.

    **Raises**: DataError with all that is wrong; ParameterError for choices that do not fit the file.
    """
    reading.check_fits("series", str(path))
    if suffix(path) not in TEXT:
        reading.refuse_all({"header"}, str(path), "no .csv or .tsv, whose first line it is of")
    both = [path] if (beside := beside_it(path)) is None else [path, beside]
    problems = Problems(str(path), "mend these, and give one file of series")
    found = list[FoundSeries]()
    for file in both:
        try:
            found.append(read_series(file, reading))
        except DataError as error:
            if len(both) == 1:
                raise
            problems.add_error(error, file.name)
    problems.tell(_EXPECTED)
    first, last = found[0], found[-1]
    if first.series[0].shape[1] != last.series[0].shape[1]:
        widths = f"{first.series[0].shape[1]} channels, {both[-1].name} {last.series[0].shape[1]}"
        problems.add(f"{path.name} has {widths}")
    elif first.channels != last.channels:
        found[-1] = last = _in_order_of(first, last, path.name, both[-1].name, problems)
    if unlike := unlike_step(last.step, first.step):
        problems.add(f"{both[-1].name} has {unlike} as in {path.name}")
    series, labels = [s for one in found for s in one.series], [word for one in found for word in one.labels]
    seen = in_order(labels)
    classes = tuple(name for name in first.classes if name in seen) or seen
    if len(classes) < 2:
        problems.add(f"one class alone, {seen[0]!r}: nothing to learn")
    in_test = _parts(found, problems)
    problems.tell(_EXPECTED)
    number = {name: k for k, name in enumerate(classes)}
    label = torch.tensor([number[word] for word in labels])
    if first.columns is not None:
        reading = replace(reading, columns=first.columns)
    group = np.array([word for one in found for word in one.groups]) if first.groups else None
    said = f"{both[-1].name} beside it" if len(both) > 1 else "the part that the file says"
    listed = Found(path, "series", (), label, classes, group, in_test, (), unit="series", said=said)
    test, how = cut(listed, reading)
    x = padded(series, max(map(len, series)))
    same = same_samples(x[~test], label[~test], x[test], label[test])
    notes = (f"time series ({suffix(path)[1:]})", *first.notes, how, *same, *_odd(x.shape[1], x.shape[2]))
    groups = None
    if group is not None and reading.group is not None:
        groups = Groups.of(reading.group, group[~test.numpy()], group[test.numpy()])
    return SeriesDataset(
        str(path),
        x[~test],
        label[~test],
        x[test],
        label[test],
        classes,
        channels=first.channels,
        step=first.step,
        groups=groups,
        notes=notes,
        reading=reading,
        digest=_digest(x.numpy(), label.numpy(), test.numpy()),
    )


def _in_order_of(first: FoundSeries, other: FoundSeries, name: str, beside: str, problems: Problems) -> FoundSeries:
    """The series of a second table with its channels in the order of the first, by their names."""
    if sorted(first.channels) != sorted(other.channels):
        theirs, ours = (", ".join(one.channels) for one in (other, first))
        problems.add(f"{beside} has the channels {theirs}, where {name} has {ours}")
        return other
    order = [other.channels.index(channel) for channel in first.channels]
    return replace(other, series=[one[:, order] for one in other.series], channels=first.channels)


def beside_it(path: Path) -> Path | None:
    """The file NAME_TEST.ts beside NAME_TRAIN.ts, where there is one.

    >>> beside_it(Path("a_TRAIN.ts")) is None
    True
    """
    name = re.sub(r"(?i)(?<=_)train(?=\.)", lambda m: {"T": "TEST", "t": "test"}[m[0][0]], path.name, count=1)
    other = path.with_name(name)
    return other if name != path.name and other.is_file() else None


def _parts(found: Sequence[FoundSeries], problems: Problems) -> torch.Tensor | None:
    if len(found) > 1:
        return torch.cat([torch.full((len(one.series),), k > 0) for k, one in enumerate(found)])
    words = found[0].parts
    for word in sorted({word for word in words if word.lower() not in _PARTS}):
        problems.add(f"a part called {word!r}, which is neither train nor test")
    if not words or len(problems):
        return None
    return torch.tensor([_PARTS[word.lower()] for word in words])


def _odd(steps: int, channels: int) -> tuple[str, ...]:
    if channels <= steps:
        return ()
    return (f"caution: {channels} channels of {steps} steps: are the axes (samples, time, channels)?",)


def _digest(*arrays: np.ndarray) -> str:
    hashed = hashlib.sha256()
    for array in arrays:
        hashed.update(str(array.shape).encode() + array.tobytes())
    return hashed.hexdigest()
