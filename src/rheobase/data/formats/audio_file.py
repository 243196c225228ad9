"""Reader of audio files: WAV through SciPy, FLAC through soundfile, told apart by their content."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rheobase.errors import DataError
from rheobase.files import why

_WAVES = (b"RIFF", b"RIFX", b"RF64")
# how SciPy refuses what it does not read, and fails on what is damaged
_FAILURES = (ValueError, EOFError, TypeError, OverflowError, UnboundLocalError, ZeroDivisionError, struct.error)
_AGAIN = "get the file again"
LOUDEST = 10.0  # times full scale: beyond, floats are whole numbers in disguise


@dataclass(frozen=True, eq=False)
class Sound:
    """samples (n, channels) float64, where 1 is full scale: the largest value of whole numbers; rate in Hz."""

    samples: np.ndarray
    rate: int

    def __repr__(self) -> str:
        n, channels = self.samples.shape
        return f"Sound({n / self.rate:.3g} s, {channels} channels, {self.rate} Hz)"


def read_audio(path: Path) -> Sound:
    """The samples of a WAV or FLAC file of any depth; whole numbers become fractions of their largest value.

    **Raises**: DataError for a file that is empty, cut short, of another format, or packed in a way that is not read.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a WAV or FLAC file", "check the path and its rights") from error
    if not raw:
        raise DataError(str(path), "an empty file of 0 bytes", "a WAV or FLAC file", _AGAIN)
    if raw.startswith(_WAVES):
        sound = _wave(raw, path)
    elif raw.startswith(b"fLaC"):
        sound = _flac(raw, path)
    else:
        given = f"a file that begins with {raw[:12]!r}"
        raise DataError(str(path), given, "a WAV or FLAC file", "check what it is, whatever its suffix says")
    if not len(sound.samples):
        raise DataError(str(path), "no samples", "a sound", _AGAIN)
    if not np.isfinite(sound.samples).all():
        raise DataError(str(path), "samples that are NaN or infinite", "numbers", "mend or leave out the file")
    return sound


def _wave(raw: bytes, path: Path) -> Sound:
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            # parts of a file that hold no sound; but not that its end is missing
            warnings.simplefilter("error", wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", r"Chunk \(non-data\) not understood")
            rate, values = wavfile.read(io.BytesIO(raw))
    except wavfile.WavFileWarning as error:
        raise DataError(str(path), f"a file that is cut short ({error})", "a whole WAV file", _AGAIN) from error
    except _FAILURES as error:
        given = f"a file that cannot be read ({why(error)})"
        remedy = "save it as WAV of whole numbers (PCM) or floats, or as FLAC"
        raise DataError(str(path), given, "a whole WAV file, not packed", remedy) from error
    if rate < 1:
        raise DataError(str(path), f"a rate of {rate} Hz", "at least 1 Hz", _AGAIN)
    samples = values.reshape(len(values), -1).astype(np.float64)
    if values.dtype.kind == "u":
        samples = (samples - 128) / 128
    elif values.dtype.kind == "i":
        samples /= float(np.iinfo(values.dtype).max) + 1
    elif samples.size and (largest := float(np.abs(samples).max())) > LOUDEST:
        # NaN is told by the caller
        given, expected = f"floats of up to {largest:.4g}", f"floats in which 1 is full scale, at most {LOUDEST:g}"
        raise DataError(str(path), given, expected, "divide whole numbers of 16 bits by 32768 before they are floats")
    return Sound(samples, int(rate))


def _flac(raw: bytes, path: Path) -> Sound:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        given = f"no package soundfile ({error})"
        raise DataError(str(path), given, "the package that reads FLAC", 'pip install "rheobase[audio]"') from error
    try:
        with soundfile.SoundFile(io.BytesIO(raw)) as file:
            said, rate = file.frames, file.samplerate
            samples = file.read(dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        given = f"a file that cannot be read ({error})"
        raise DataError(str(path), given, "a whole FLAC file", _AGAIN) from error
    if len(samples) != said:
        raise DataError(str(path), f"{len(samples)} samples of {said}", "a whole FLAC file", _AGAIN)
    return Sound(samples, int(rate))
