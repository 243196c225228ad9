"""Series in the arrays of a .npz or .npy file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rheobase.data.formats.found_series import FoundSeries
from rheobase.data.formats.npz import check_room_for_arrays, names_of, read_npy, read_npz
from rheobase.problems import Problems

EXPECTED = "numbers (samples, time, channels), and a class for each sample"
REMEDY = (
    "np.savez_compressed(path, x=x, y=y), or x_train, y_train, x_test and y_test; lengths=... where series end early"
)


BYTES_A_VALUE = 28
"""As float64, and as float32 of all series and of each part, with what is taken on the way; measured."""


def series_or_images(path: Path) -> str | None:
    """What the samples of a .npz are: images, series, or None where they could be either.

    Numbers with three axes are series, unless they are 8-bit or yes and no: (samples, time, channels). Those from 0 to
    1 are images where they are square, and could be either where they are not. Other arrays are images.
    """
    keys = names_of(path)
    key = "x_train" if "x_train" in keys else "x"
    if key not in keys:
        return "images"
    check_room_for_arrays(path, (key,), 0)
    x = read_npz(path, (key,), REMEDY)[key]
    if x.ndim != 3 or x.dtype.kind not in "iuf" or x.dtype == np.uint8 or not x.size:
        return "images"
    known = x[np.isfinite(x)]
    if x.dtype.kind != "f" or not known.size or known.min() < 0 or known.max() > 1:
        return "series"
    return "images" if x.shape[1] == x.shape[2] else None


def read_series_arrays(path: Path, roles: Mapping[str, tuple[str, ...]], *, labelled: bool = True) -> FoundSeries:
    """The series of a .npz, or of x.npy with the classes in y.npy beside it.

    **Raises**: DataError with all that is wrong, by sample; pickled objects are refused.
    """
    problems = Problems(str(path), REMEDY)
    check_room_for_arrays(path, names_of(path), BYTES_A_VALUE)
    if path.suffix.lower() == ".npy":
        held = {"x": read_npy(path, REMEDY)}
        other = classes_beside(path)
        if labelled and other is None:
            problems.add("no classes: call the array x.npy or x_NAME.npy, and put y.npy or y_NAME.npy beside it")
        elif labelled and other is not None and not other.is_file():
            problems.add(f"no classes: no file {other.name} beside it")
        elif labelled and other is not None:
            held["y"] = read_npy(other, REMEDY)
    else:
        held = read_npz(path, names_of(path), REMEDY)
    group = roles.get("group", ("",))[0]
    parts = (
        ("_train", "_test") if "x_train" in held and "x_test" in held else ("_train",) if "x_train" in held else ("",)
    )
    series, labels, groups, said = list[np.ndarray](), list[str](), list[str](), list[str]()
    for part in parts:
        x = _of(held, f"x{part}", problems)
        if x is None:
            continue
        if x.ndim == 2:
            x = x[..., None]
        if x.ndim != 3 or x.dtype.kind not in "iuf" or not x.size:
            problems.add(f"x{part} of shape {x.shape} and dtype {x.dtype}" + (": images?" if x.ndim > 3 else ""))
            continue
        series += _cut(x, held.get(f"lengths{part}"), part, problems)
        said += [part[1:]] * len(x)
        for key, out, wanted in ((f"y{part}", labels, labelled), (f"{group}{part}", groups, bool(group))):
            words = _of(held, key, problems) if wanted else None
            if words is not None and (words.dtype.kind not in "iuUb" or words.shape != (len(x),)):
                given = f"{key} of shape {words.shape} and dtype {words.dtype}"
                problems.add(f"{given}, not one whole number or word for each of {len(x)} samples")
            elif words is not None:
                out += [str(word).strip() for word in words.tolist()]
                for k in [k for k, word in enumerate(out[len(out) - len(x) :]) if word.lower() in ("", "nan", "?")]:
                    problems.add(f"no class or group in {key}", f"sample {k}")
    if len({one.shape[1] for one in series}) > 1:
        problems.add("x_train and x_test with other numbers of channels")
    problems.tell(EXPECTED)
    channels = tuple(map(str, range(series[0].shape[1])))
    return FoundSeries(series, channels, labels, groups=groups, parts=said if len(parts) > 1 else ())


def classes_beside(path: Path) -> Path | None:
    """The file that holds the classes of an array in x.npy or x_NAME.npy; None for one that is called otherwise.

    >>> classes_beside(Path("one.npy")) is None
    True
    """
    found = re.fullmatch(r"x([-_.].*)", path.name, re.IGNORECASE)
    return path.with_name(f"y{found[1]}") if found else None


def _of(held: Mapping[str, np.ndarray], key: str, problems: Problems) -> np.ndarray | None:
    if key not in held:
        problems.add(f"no {key} among {', '.join(held) or 'none'}")
    return held.get(key)


def _cut(x: np.ndarray, lengths: np.ndarray | None, part: str, problems: Problems) -> list[np.ndarray]:
    """Each series up to its end; NaN and infinity before it are noted."""
    steps = np.full(len(x), x.shape[1])
    if lengths is not None:
        if (
            lengths.shape != (len(x),)
            or lengths.dtype.kind not in "iu"
            or lengths.min() < 1
            or lengths.max() > x.shape[1]
        ):
            problems.add(f"lengths{part} that are not whole numbers from 1 to {x.shape[1]}, one for each sample")
        else:
            steps = lengths
    out = [values[:n] for values, n in zip(x.astype(np.float64), steps.tolist(), strict=True)]
    for k, values in enumerate(out):
        if not np.isfinite(values).all():
            step, channel = np.argwhere(~np.isfinite(values))[0]
            word = "NaN" if np.isnan(values[step, channel]) else "infinity"
            problems.add(f"{word} in x{part} (lengths{part}=... where series end early)", f"sample {k}, step {step}")
    return out
