"""Audio files of every kind: to their true samples, or refused with the reason."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from rheobase.data.folders.reading import Reading
from rheobase.data.folders.sounds import read_sounds
from rheobase.data.formats.audio_file import read_audio
from rheobase.errors import DataError
from rheobase.problems import Problems

REFUSED = {
    "44100Hz-le-1ch-4bytes-early-eof.wav": "cut short",
    "44100Hz-le-1ch-4bytes-incomplete-chunk.wav": "Incomplete chunk ID",
    "8000Hz-le-1ch-1byte-ulaw.wav": "MULAW",
    "8000Hz-le-3ch-5S-24bit-inconsistent.wav": "header is invalid",
}
NAMES = (
    "44100Hz-2ch-32bit-float-be.wav",
    "44100Hz-le-1ch-4bytes-early-eof.wav",
    "44100Hz-le-1ch-4bytes-incomplete-chunk.wav",
    "44100Hz-le-1ch-4bytes-rf64.wav",
    "48000Hz-2ch-64bit-float-le-wavex.wav",
    "8000Hz-le-1ch-1byte-ulaw.wav",
    "8000Hz-le-2ch-1byteu.wav",
    "8000Hz-le-3ch-5S-24bit-inconsistent.wav",
    "8000Hz-le-3ch-5S-24bit.wav",
    "8000Hz-le-4ch-9S-12bit.wav",
    "soundfile_stereo.wav",
)


@pytest.fixture(scope="module")
def samples(real) -> tuple[Path, dict]:
    folder = real("files_for_readers")
    return folder / "wav", json.loads((folder / "truth.json").read_text())


def test_no_file_is_passed_over(samples):
    assert {path.name for path in samples[0].iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_file_is_read_to_its_true_samples_or_refused(samples, name):
    folder, truth = samples
    if name in REFUSED:
        with pytest.raises(DataError, match=REFUSED[name]):
            read_audio(folder / name)
        return
    true, sound = truth[f"wav/{name}"]["soundfile"], read_audio(folder / name)
    assert sound.rate == true["rate"]
    n, channels = (*true["shape"], 1)[:2]
    assert sound.samples.shape == (n, channels)
    first = np.array(true["first3_as_fraction"]).reshape(3, -1)
    np.testing.assert_allclose(sound.samples[:3], first, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_flac(tmp_path, subtype):
    soundfile = pytest.importorskip("soundfile", reason="the extra `audio` is not installed")
    wave = np.round(np.sin(np.arange(400) / 9) * 20_000) / 32_768
    soundfile.write(tmp_path / "a.flac", wave, 8000, subtype=subtype)
    sound = read_audio(tmp_path / "a.flac")
    np.testing.assert_array_equal(sound.samples[:, 0], wave)
    assert sound.rate == 8000
    raw = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match=r"cut\.flac"):
        read_audio(tmp_path / "cut.flac")


def test_flac_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    (tmp_path / "a.flac").write_bytes(b"fLaC" + bytes(40))
    with pytest.raises(DataError, match=r'pip install "rheobase\[audio\]"'):
        read_audio(tmp_path / "a.flac")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "0 bytes"), (b"ID3 of an mp3", "begins with"), (b"RIFF" + bytes(8), "cannot be read"), (b"RIFF", "cannot")],
)
def test_what_is_no_wav(tmp_path, content, said):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_audio(tmp_path / "a.wav")


def test_whole_numbers_that_became_floats_are_refused(tmp_path):
    sound = np.array([0.0, 1.5, -3000.0], np.float32)
    wavfile.write(tmp_path / "a.wav", 8000, sound)
    with pytest.raises(DataError, match=r"floats of up to 3000; .*divide whole numbers of 16 bits by 32768"):
        read_audio(tmp_path / "a.wav")
    wavfile.write(tmp_path / "a.wav", 8000, sound[:2])  # beyond full scale, as floats may be
    assert read_audio(tmp_path / "a.wav").samples[:, 0].tolist() == [0.0, 1.5]


@pytest.mark.parametrize("length", range(0, 300, 7))
def test_a_wav_that_is_cut_anywhere(tmp_path, length):
    wavfile.write(tmp_path / "a.wav", 8000, np.arange(200, dtype=np.int16))
    raw = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "b.wav").write_bytes(raw[:length])
    with pytest.raises(DataError, match=r"b\.wav"):
        read_audio(tmp_path / "b.wav")


def tone(path: Path, rate: int, hertz: float = 440.0, channels: int = 1, kind: type = np.int16) -> Path:
    wave = np.sin(2 * np.pi * hertz * np.arange(rate // 4) / rate) * 0.5
    wave = wave if kind is np.float32 else wave * 32_767
    wavfile.write(path, rate, np.repeat(wave[:, None], channels, 1).squeeze().astype(kind))
    return path


def heard(folder: Path, **reading):
    files = sorted(folder.iterdir())
    return read_sounds(files, [file.name for file in files], Reading(**reading), Problems(str(folder)))


def test_sounds_of_one_rate(tmp_path):
    tone(tmp_path / "a.wav", 8000)
    tone(tmp_path / "b.wav", 8000, kind=np.float32)
    sounds = heard(tmp_path, bands=16)
    assert [one.shape for one in sounds.bands] == [(25, 16), (25, 16)]
    # whole numbers are rounded, which weak bands show
    np.testing.assert_allclose(sounds.bands[0], sounds.bands[1], atol=1e-3)
    assert (sounds.reading.sample_rate, sounds.reading.bands, sounds.reading.frame) == (8000, 16, 10.0)
    assert [len(one) for one in heard(tmp_path, duration=100, frame=20).bands] == [5, 5]


def test_rates_and_channels_are_refused_or_brought_together(tmp_path):
    for k in range(3):
        tone(tmp_path / f"{k}.wav", 16_000)
    tone(tmp_path / "high.wav", 44_100)
    tone(tmp_path / "low.wav", 8000)
    tone(tmp_path / "two.wav", 16_000, channels=2)
    with pytest.raises(DataError) as caught:
        heard(tmp_path)
    for words in (
        "3 problems",
        "high.wav: 44100 Hz where most have 16000 Hz (--sample-rate 8000 resamples all)",
        "low.wav: 8000 Hz, which has nothing of what 16000 Hz holds above 4000 Hz",
        "two.wav: 2 channels (--mono",
    ):
        assert words in str(caught.value), words
    sounds = heard(tmp_path, sample_rate=8000, mono=True)
    low = sounds.bands[4]
    for one in sounds.bands:
        assert one.shape == low.shape
        np.testing.assert_allclose(one[3:-3], low[3:-3], rtol=0.05, atol=2e-3)
    assert "5 files resampled" in sounds.notes[0]
