"""The sounds of a folder of audio files, as the currents of a cochlea-like filter bank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from pathlib import Path

import numpy as np

from rheobase.data.encoding.cochlea import BANDS, FRAME_MS, Cochlea
from rheobase.data.folders.parts import contents, copies, cut, digest, groups_of
from rheobase.data.folders.problems import Watch, bytes_of, first_read, read_each
from rheobase.data.folders.reading import Reading
from rheobase.data.folders.scan import Found
from rheobase.data.formats.audio_file import Sound, read_audio
from rheobase.data.formats.found_series import padded
from rheobase.data.series import SeriesDataset
from rheobase.memory import check_room
from rheobase.problems import Problems

EXPECTED = "sounds of one channel and one rate"
_WITH_BANDS = 1.6  # measured, with what the filter bank makes


@dataclass(frozen=True, eq=False)
class Sounds:
    """Sounds in bands: of each file (steps, bands) float32, not negative; `reading` has rate and bands filled in.

    `seconds` (files,) is how long each lasts; `notes` say what was done.
    """

    bands: list[np.ndarray]
    seconds: np.ndarray
    reading: Reading
    notes: tuple[str, ...]


def sound_folder(found: Found, reading: Reading, problems: Problems, watch: Watch | None = None) -> SeriesDataset:
    """The sounds of a folder, as series of the currents of a cochlea-like filter bank.

    **Raises**: DataError with all problems of all files.
    """
    sounds = read_sounds(found.files, found.names, reading, problems, watch=watch)
    in_test, how = cut(found, reading)
    sums = contents(found)
    x = padded(sounds.bands, max(map(len, sounds.bands)))
    centres = Cochlea(sounds.reading.sample_rate or 0, x.shape[2]).centres
    return SeriesDataset(
        str(found.folder),
        x[~in_test],
        found.label[~in_test],
        x[in_test],
        found.label[in_test],
        found.classes,
        channels=tuple(f"{f:.0f} Hz" for f in centres),
        step=sounds.reading.frame,
        groups=groups_of(found, reading, in_test),
        notes=(*found.notes, *sounds.notes, how, *copies(found, in_test, sums)),
        reading=sounds.reading,
        digest=digest(found, in_test, sums),
    )


def read_sounds(
    files: Sequence[Path],
    names: Sequence[str],
    reading: Reading,
    problems: Problems,
    *,
    watch: Watch | None = None,
) -> Sounds:
    """The sounds of audio files, resampled where `reading` says a rate, each in the bands of a `Cochlea`.

    **Raises**: DataError with all problems, those that were found before as well; before they are read, for sounds that
    do not fit into memory.
    """
    if (first := first_read(files, _with_size)) is not None:
        sound, size = first
        total = bytes_of(files)
        # the samples of all, at so many bytes for one of the file as in the first, and what the filter bank makes
        needs = total * sound.samples.nbytes / size * _WITH_BANDS
        given = f"{len(files)} sounds of {total / 2**30:.3g} GiB in files"
        check_room(problems.source, given, needs, "take fewer files, or store them at a lower rate")
    read = read_each(files, names, read_audio, problems, watch)
    rates = Counter(sound.rate for _, sound in read)
    rate = reading.sample_rate or max(rates, key=lambda one: rates[one], default=0)
    for name, sound in read:
        if sound.samples.shape[1] > 1 and not reading.mono:
            problems.add(f"{sound.samples.shape[1]} channels (--mono averages them)", name)
        if sound.rate < rate:
            said = f"{sound.rate} Hz, which has nothing of what {rate} Hz holds above {sound.rate / 2:g} Hz"
            problems.add(f"{said} (--sample-rate {min(rates)} takes all down to that)", name)
        elif sound.rate != rate and reading.sample_rate is None:
            problems.add(f"{sound.rate} Hz where most have {rate} Hz (--sample-rate {min(rates)} resamples all)", name)
    problems.tell(EXPECTED)
    cochlea = Cochlea(rate, reading.bands or BANDS, reading.frame or FRAME_MS)
    heard, seconds = list[np.ndarray](), list[float]()
    for done, (_, sound) in enumerate(read, start=1):
        samples = _prepared(sound, rate, reading.duration)
        heard.append(cochlea(samples))
        seconds.append(len(samples) / rate)
        if watch is not None:
            watch("filtering sounds", done, len(read))
    centres = cochlea.centres
    resampled = sum(count for one, count in rates.items() if one != rate)
    whence = f"{resampled} files resampled" if resampled else "as the files are"
    cut = " (--duration)" if reading.duration else ""
    notes = (
        f"{rate} Hz ({whence}; --sample-rate changes it), {min(seconds):.3g} to {max(seconds):.3g} s long{cut}",
        f"{cochlea.bands} gammatone bands from {centres[0]:.0f} to {centres[-1]:.0f} Hz, rectified, smoothed, "
        f"compressed, in steps of {cochlea.frame_ms:g} ms (--bands, --frame)",
    )
    chosen = replace(reading, sample_rate=rate, bands=cochlea.bands, frame=cochlea.frame_ms)
    return Sounds(heard, np.array(seconds), chosen, notes)


def _with_size(path: Path) -> tuple[Sound, int]:
    return read_audio(path), path.stat().st_size


def _prepared(sound: Sound, rate: int, duration: float | None) -> np.ndarray:
    """One channel, at `rate`, of `duration` ms at most."""
    samples = sound.samples.mean(axis=1)
    if sound.rate != rate:
        from scipy.signal import resample_poly

        common = gcd(rate, sound.rate)
        samples = np.asarray(resample_poly(samples, rate // common, sound.rate // common))
    return samples if duration is None else samples[: max(1, round(duration * rate / 1000))]
