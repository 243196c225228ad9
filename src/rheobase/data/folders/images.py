"""A data set from a folder of image files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rheobase.data.dataset import Dataset
from rheobase.data.folders.parts import contents, copies, cut, digest, groups_of
from rheobase.data.folders.problems import Watch, first_read, read_each
from rheobase.data.folders.reading import Reading, parsed_size
from rheobase.data.folders.scan import Found
from rheobase.data.formats.image_file import read_image
from rheobase.memory import check_room
from rheobase.problems import Problems

EXPECTED = "images that all can be decoded, of one size and one kind"


def image_folder(found: Found, reading: Reading, problems: Problems, watch: Watch | None = None) -> Dataset:
    """The images of a folder, (n, height, width) or (n, height, width, 3), in [0, 1].

    **Raises**: DataError with all problems of all files.
    """
    pixels = read_images(found.files, found.names, reading, problems, watch=watch)
    in_test, how = cut(found, reading)
    sums = contents(found)
    grey = pixels.dim() == 3
    shown = f"{pixels.shape[2]}x{pixels.shape[1]} pixels, {'grey' if grey else 'rgb'}"
    asked = [f"--{name}" for name in ("size", "colour") if getattr(reading, name) is not None]
    shown += f" (by {' and '.join(asked)})" if asked else " (as the files are; --size and --colour change it)"
    return Dataset(
        str(found.folder),
        pixels[~in_test],
        found.label[~in_test],
        pixels[in_test],
        found.label[in_test],
        found.classes,
        groups=groups_of(found, reading, in_test),
        notes=(*found.notes, shown, how, *copies(found, in_test, sums)),
        reading=reading,
        digest=digest(found, in_test, sums),
    )


def read_images(
    files: Sequence[Path],
    names: Sequence[str],
    reading: Reading,
    problems: Problems,
    *,
    shape: tuple[int, ...] | None = None,
    watch: Watch | None = None,
) -> Tensor:
    """The pixels of image files, float32 (n, height, width) or (n, height, width, 3).

    `shape` is that of an image, where it is known; else most images say it.

    **Raises**: DataError with all problems, those that were found before as well; before they are read, for images that
    do not fit into memory.
    """
    size = None if reading.size is None else parsed_size(reading.size)

    def read_one(file: Path) -> np.ndarray:
        return read_image(file, size=size, colour=reading.colour)

    if (first := first_read(files, read_one)) is not None:
        # of each value: as decoded, as float32 of all images, and as float32 of a part
        needs = len(files) * first.size * (first.itemsize + 8)
        given = f"{len(files)} images of {first.shape[1]}x{first.shape[0]} pixels"
        check_room(problems.source, given, needs, "--size makes them smaller; or take fewer")
    read = read_each(files, names, read_one, problems, watch)
    counts = Counter(image.shape for _, image in read)
    usual = shape if shape is not None else max(counts, key=lambda one: counts[one], default=())
    for name, image in read:
        if image.shape != usual:
            problems.add(_unlike(image.shape, usual, shape is not None), name)
    problems.tell(EXPECTED)
    # no array of all images wider than it must be, beside the result
    out = torch.empty(len(read), *usual)
    for k, (_, image) in enumerate(read):
        out[k] = torch.from_numpy(image.astype(np.float32))
        if image.dtype == np.uint8:
            out[k] /= 255
    return out


def _unlike(shape: tuple[int, ...], usual: tuple[int, ...], known: bool) -> str:
    """What an image has, and the others have not; `known`: what a trained network takes."""
    told, whose = list[str](), "the network takes" if known else "most have"
    if shape[:2] != usual[:2]:
        size = f"{usual[1]}x{usual[0]}"
        remedy = "" if known else f" (--size {size} resizes all)"
        told.append(f"{shape[1]}x{shape[0]} pixels where {whose} {size}{remedy}")
    if len(shape) != len(usual):
        colour, other = ("grey", "rgb") if len(shape) == 2 else ("rgb", "grey")
        remedy = "" if known else " (--colour grey or --colour rgb converts all)"
        told.append(f"{colour} where {whose} {other}{remedy}")
    return " and ".join(told)
