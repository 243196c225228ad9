"""Event files of every format: to their true contents, or refused with the reason; never wrong in silence."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from rheobase.data.formats.aedat2 import read_aedat2_of
from rheobase.data.formats.event_file import read_event_file
from rheobase.data.formats.recording import Recording
from rheobase.errors import DataError, ParameterError

# what a person knows of a file that does not say it; and what is refused, by a word of the reason
TOLD = {"TranslatingBarX.aedat": "davis240"}
COLUMNS = {"sample_events.csv": {"x": "0", "y": "1", "t": "2", "p": "3"}}
REFUSED = {
    "VowelSounds.aedat": "AEChip",
    "generic.es": "generic events, which have no pixels",
    "not_aedat.aedat": "begins with b'AEDT",
    "sample_events.csv": "--columns x=0,y=1,p=2,t=3, say",
}
TRUE_KEYS = ("davis_layout_polarity_events", "true_decode", "own_decode", "aedat_package")


@pytest.fixture(scope="module")
def samples(real) -> tuple[Path, dict]:
    folder = real("files_for_readers")
    return folder / "events", json.loads((folder / "truth.json").read_text())


NAMES = (
    "IMU_translBoxes.aedat",
    "TranslatingBarX.aedat",
    "VowelSounds.aedat",
    "evt2_a.raw",
    "evt3_a.raw",
    "generic.es",
    "nmnist_1.bs2",
    "nmnist_10.bs2",
    "not_aedat.aedat",
    "sample.aedat4",
    "sample_aedat_header.aedat",
    "sample_events.csv",
)


def test_no_file_is_passed_over(samples):
    assert {path.name for path in samples[0].iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_file_is_read_to_its_true_contents_or_refused(samples, name):
    folder, truth = samples
    if name in REFUSED:
        with pytest.raises(DataError, match=REFUSED[name].replace("(", r"\(")):
            read_event_file(folder / name)
        return
    read = read_event_file(folder / name, sensor=TOLD.get(name))
    stated = truth[f"events/{name}"]
    true = next((stated[key] for key in TRUE_KEYS if key in stated), stated)
    if true.get("words") == 0:
        assert len(read) == 0
        return
    assert len(read) == true["events"]
    assert [int(read.t[0]), int(read.t[-1])] == [true["first_time"], true["last_time"]]
    assert [int(read.x.min()), int(read.x.max())] == true["x_range"]
    assert [int(read.y.min()), int(read.y.max())] == true["y_range"]
    assert int(read.p.sum()) == true["on_events"]
    rows = np.stack([read.t, read.x, read.y, read.p], 1)
    assert rows[:3].tolist() == true["first3_t_x_y_p"]
    assert rows[-1].tolist() == true["last_t_x_y_p"]
    assert int((np.diff(read.t) < 0).sum()) == true["time_goes_back"]


def test_columns_without_names_are_told(samples):
    for name, columns in COLUMNS.items():
        read, true = read_event_file(samples[0] / name, columns=columns), samples[1][f"events/{name}"]
        rows = np.stack([read.x, read.y, read.t, read.p], 1)
        assert (len(rows), rows[:3].tolist(), rows[-1].tolist()) == (true["rows"], true["first3"], true["last"])


def test_text_by_number_by_name_and_what_is_wrong_with_it(tmp_path):
    (tmp_path / "a.txt").write_text("5 1 3 0\n\n9 2 0 1\n")
    read = read_event_file(tmp_path / "a.txt", columns={"t": "0", "y": "1", "x": "2", "p": "3"})
    assert [values.tolist() for values in (read.x, read.y, read.p, read.t)] == [[3, 0], [1, 2], [0, 1], [5, 9]]
    (tmp_path / "a.csv").write_text("us,x,y,on\n5,3,1,0\n9,0,2\n9.5,0,2,1\n")
    with pytest.raises(DataError, match="does not name p, t"):
        read_event_file(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"2 problems: line 3: 3 values for 4 columns; line 4: .* no whole number"):
        read_event_file(tmp_path / "a.csv", columns={"t": "us", "p": "on"})
    with pytest.raises(ParameterError, match="did you mean 'us'"):
        read_event_file(tmp_path / "a.csv", columns={"t": "uss", "p": "on"})


def test_a_camera_that_a_file_does_not_say_is_asked_for(samples):
    with pytest.raises(DataError, match="--sensor names it"):
        read_event_file(samples[0] / "TranslatingBarX.aedat")


@pytest.mark.parametrize("sensor", ["dvs128", "davis240"])
def test_a_cochlea_is_no_camera_whatever_one_says(samples, sensor):
    with pytest.raises(DataError, match="may be no events of pixels"):
        read_event_file(samples[0] / "VowelSounds.aedat", sensor=sensor)


def test_a_last_event_that_is_cut_short_is_told(samples):
    assert read_event_file(samples[0] / "IMU_translBoxes.aedat").notes == (
        "a last event of 7 bytes in place of 8 left out",
    )


@pytest.mark.parametrize("size", [0, 20, 300, 5000, 100_000, -1])
def test_an_aedat4_file_that_is_cut_or_damaged(samples, tmp_path, size):
    raw = (samples[0] / "sample.aedat4").read_bytes()
    if size == -1:
        raw = bytes(byte ^ (0xFF if at == 2340 else 0) for at, byte in enumerate(raw))
    (tmp_path / "a.aedat4").write_bytes(raw[:size] if size >= 0 else raw)
    with pytest.raises(DataError, match=r"a\.aedat4: got"):
        read_event_file(tmp_path / "a.aedat4")


def dat(folder: Path, **header: object) -> Path:
    lines = "".join(f"% {key} {value}\n" for key, value in header.items())
    words = [(5, 3 | 2 << 14 | 1 << 28), (9, 4 | 7 << 14)]
    raw = lines.encode() + bytes([0, 8]) + b"".join(struct.pack("<II", *word) for word in words)
    (folder / "a.dat").write_bytes(raw)
    return folder / "a.dat"


def test_dat(tmp_path):
    read = read_event_file(dat(tmp_path, Version=2, Height=8, Width=6))
    assert [*map(list, (read.x, read.y, read.p, read.t))] == [[3, 4], [2, 7], [1, 0], [5, 9]]
    assert read.size == (6, 8)
    with pytest.raises(DataError, match="1 events outside the sensor, the first at x = 4, y = 7"):
        read_event_file(dat(tmp_path, Version=2, Height=7, Width=6))


def test_evt3_vectors_time_and_its_overflow(tmp_path):
    def word(kind: int, value: int) -> int:
        return kind << 12 | value

    words = [
        word(8, 4095),
        word(6, 7),
        word(0, 5),
        word(3, 1 << 11 | 20),
        word(4, 0b1000_0000_0001),
        word(5, 0b10),
        word(2, 3),
        word(8, 0),
        word(6, 1),
        word(2, 1 << 11 | 9),
    ]
    raw = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% end\n" + struct.pack(f"<{len(words)}H", *words)
    (tmp_path / "a.raw").write_bytes(raw)
    read = read_event_file(tmp_path / "a.raw")
    before, after = 4095 << 12 | 7, (1 << 24) + 1
    assert read.x.tolist() == [20, 31, 33, 3, 9]
    assert read.p.tolist() == [1, 1, 1, 0, 1]
    assert read.t.tolist() == [before, before, before, before, after]
    assert read.size == (1280, 720)


def test_evt2_events_before_the_first_time_are_left_out_and_told(tmp_path):
    words = [1 << 28 | 5 << 11 | 6, 8 << 28 | 2, 1 << 28 | 3 << 22 | 5 << 11 | 6]
    (tmp_path / "a.raw").write_bytes(b"% evt 2.0\n" + struct.pack("<3I", *words))
    read = read_event_file(tmp_path / "a.raw")
    assert (read.t.tolist(), read.x.tolist(), read.y.tolist()) == ([2 << 6 | 3], [5], [6])
    assert read.notes == ("1 events before the first time left out",)


def test_another_encoding_is_refused(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"% evt 2.1\n" + bytes(8))
    with pytest.raises(DataError, match=r"EVT 2\.1"):
        read_event_file(tmp_path / "a.raw")


ARRAYS = {"x": np.array([3, 0]), "y": np.array([1, 2]), "p": np.array([-1, 1]), "t": np.array([5, 9])}


def written(folder: Path, arrays: dict[str, np.ndarray], how: str) -> Path:
    path = folder / f"a.{how.split('-')[0]}"
    if how == "npz":
        np.savez(path, **arrays)
    elif how == "npy":
        table = np.empty(2, [(name, "i8") for name in arrays])
        for name, values in arrays.items():
            table[name] = values
        np.save(path, table)
    elif how == "csv":
        lines = [",".join(arrays), *(",".join(map(str, row)) for row in zip(*arrays.values(), strict=True))]
        path.write_text("\n".join(lines))
    else:
        import h5py

        with h5py.File(path, "w") as file:
            group = file.create_group("events") if how == "h5-group" else file
            for name, values in arrays.items():
                group[name] = values
    return path


@pytest.mark.parametrize("how", ["npz", "npy", "csv", "h5", "h5-group"])
def test_arrays_by_name(tmp_path, how):
    read = read_event_file(written(tmp_path, ARRAYS, how))
    assert [values.tolist() for values in (read.x, read.y, read.p, read.t)] == [[3, 0], [1, 2], [0, 1], [5, 9]]


def test_float_times_are_seconds_and_it_is_told(tmp_path):
    read = read_event_file(written(tmp_path, ARRAYS | {"t": np.array([0.5, 0.25])}, "npz"))
    assert read.t.tolist() == [500_000, 250_000]
    assert read.notes == ("times as floats, taken for seconds",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"p": np.array([0, 2])}, r"p with the values \[0, 2\]"),
        ({"x": np.array([1.0, 2.0])}, "x of dtype float64"),
        ({"x": np.array([1])}, "arrays of shapes"),
        ({"x": np.array([-1, 0])}, "x from -1"),
        ({"t": np.array([0.0, 1e9])}, "t as floats from 0 to 1e"),
        ({"t": np.array([0.0, np.nan])}, "t as floats"),
        ({"t": np.array([2_000_000, 0])}, "go back by 2 s after event 0"),
        ({"x": np.array([None, 1], dtype=object)}, "may run any code"),
    ],
)
def test_bad_arrays(tmp_path, change, said):
    with pytest.raises(DataError, match=said) as caught:
        read_event_file(written(tmp_path, ARRAYS | change, "npz"))
    assert "allow_pickle" not in str(caught.value)


def test_a_pickle_is_refused_without_advice_to_load_it(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object))
    with pytest.raises(DataError, match="may run any code") as caught:
        read_event_file(tmp_path / "a.npy")
    assert "allow_pickle" not in str(caught.value)


def test_a_bin_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "a.bin").write_bytes(np.random.default_rng(0).integers(0, 200, 5000, dtype=np.uint8).tobytes())
    with pytest.raises(DataError, match="times that go back at"):
        read_event_file(tmp_path / "a.bin")


def test_an_empty_file(tmp_path):
    (tmp_path / "a.aedat").touch()
    with pytest.raises(DataError, match="0 bytes"):
        read_event_file(tmp_path / "a.aedat")


def test_the_far_corner_of_a_davis346(tmp_path):
    words = [(259 << 22 | 345 << 12 | 1 << 11, 12), (1 << 31, 13), (1 << 10, 14)]
    header = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346red\r\n"
    (tmp_path / "a.aedat").write_bytes(header + b"".join(struct.pack(">II", *word) for word in words))
    read = read_event_file(tmp_path / "a.aedat")
    assert [*map(list, (read.x, read.y, read.p, read.t))] == [[345], [259], [1], [12]]


def test_another_camera_than_the_file_says(tmp_path):
    header = b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"
    (tmp_path / "a.aedat").write_bytes(header + struct.pack(">ii", 3 << 8 | 5 << 1, 12))
    read = read_aedat2_of(tmp_path / "a.aedat")
    assert (read.x.tolist(), read.y.tolist(), read.p.tolist(), read.size) == ([5], [3], [1], (128, 128))
    assert isinstance(read, Recording)
    with pytest.raises(DataError, match="davis240, as --sensor says"):
        read_event_file(tmp_path / "a.aedat", sensor="davis240")
    (tmp_path / "b.aedat").write_bytes(b"#!AER-DAT2.0\r\n# AEChip: some.Cochlea\r\n")
    with pytest.raises(DataError, match=r"events of some\.Cochlea"):
        read_event_file(tmp_path / "b.aedat")


def test_event_streams_of_pixels_say_what_converts_them(tmp_path):
    path = tmp_path / "a.es"
    path.write_bytes(b"Event Stream\x02\x00\x00\x01\x22\x00\x1a\x00" + bytes(8))
    with pytest.raises(DataError, match=r"of DVS events.*faery"):
        read_event_file(path)
