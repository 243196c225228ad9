"""AEDAT 2.0 and 3.1, and the two sets that come in them. Files are written here, byte by byte as the formats say."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.data import EventFrames, cifar10_dvs, dvs_gesture, load
from rheobase.data.formats.aedat import polarity_packets, read_aedat2, read_aedat3
from rheobase.data.sets.cifar10_dvs import CLASSES
from rheobase.errors import DataError, ParameterError

Recording = list[tuple[int, int, int, int]]  # x, y, p, t (us)

HEAD_2 = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
HEAD_3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def draw(count: int, last_us: int, seed: int = 0) -> Recording:
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, last_us, count))
    return [(int(rng.integers(128)), int(rng.integers(128)), int(rng.integers(2)), int(when)) for when in t]


def as_aedat2(events: Recording) -> bytes:
    """Address and time, big-endian: bit 0 is 0 where it grew brighter, then 7 bits of x and 7 of y."""
    return HEAD_2 + b"".join(struct.pack(">ii", y << 8 | x << 1 | (1 - p), t) for x, y, p, t in events)


def packet(events: Recording, *, kind: int = 1, size: int = 8, overflow: int = 0, valid: int = 1) -> bytes:
    """Header of 28 bytes, then 32 bits of data (valid mark, polarity, 15 of y, 15 of x) and 32 of time."""
    head = struct.pack("<hhiiiiii", kind, 1, size, 4, overflow, len(events), len(events), valid * len(events))
    return head + b"".join(struct.pack("<Ii", x << 17 | y << 2 | p << 1 | valid, t) for x, y, p, t in events)


def as_columns(events: Recording) -> list[list[int]]:
    return [list(column) for column in zip(*events, strict=True)]


def in_columns(found: tuple[np.ndarray, ...]) -> list[list[int]]:
    return [column.tolist() for column in found]


def test_aedat2(tmp_path: Path) -> None:
    path, events = tmp_path / "a.aedat", draw(50, 10**6)
    path.write_bytes(as_aedat2(events))
    assert in_columns(read_aedat2(path)) == as_columns(events)
    # bit 15 is a signal on the pin of the camera, no event
    path.write_bytes(as_aedat2(events[:2]) + struct.pack(">ii", 0x8000, 5) + as_aedat2(events[2:])[len(HEAD_2) :])
    assert in_columns(read_aedat2(path)) == as_columns(events)
    path.write_bytes(as_aedat2([]))
    assert len(read_aedat2(path).t) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (as_aedat2(draw(3, 9))[:-1], "23 bytes"),
        (HEAD_3, "begins with"),
        (HEAD_2[:-1], "header without end"),
        (HEAD_2 + struct.pack(">ii", 1 << 16, 0), "addresses from 0x10000"),
        (HEAD_2 + struct.pack(">ii", -1, 0), "addresses from -0x1"),
        (HEAD_2 + struct.pack(">ii", 1, -5), "at -5 us"),
    ],
)
def test_aedat2_that_cannot_be_read(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_aedat2(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_aedat2(tmp_path / "nowhere.aedat")
    with pytest.raises(DataError, match="cannot be read"):
        read_aedat2(tmp_path)


def test_aedat2_of_a_smaller_camera(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(as_aedat2([(3, 64, 0, 1)]))
    with pytest.raises(DataError, match="x = 3, y = 64"):
        read_aedat2(path, 64)


def test_aedat3(tmp_path: Path) -> None:
    path, events = tmp_path / "a.aedat", draw(60, 10**6)
    special = struct.pack("<hhiiiiii", 0, 1, 12, 4, 0, 3, 3, 3) + bytes(36)
    late = [(1, 2, 1, 7), (3, 4, 0, 9)]
    path.write_bytes(
        HEAD_3
        + packet(events[:20])
        + special
        + packet([])
        + packet(events[20:30])
        + packet([(5, 5, 1, 3)], valid=0)
        + packet(events[30:])
        + packet(late, overflow=1)
    )
    packets = polarity_packets(path)
    assert packets.events.tolist() == [20, 10, 1, 30, 2]
    assert packets.first.tolist() == [events[0][3], events[20][3], 3, events[30][3], 2**31 + 7]
    expected = [*events, *((x, y, p, t + 2**31) for x, y, p, t in late)]
    assert in_columns(read_aedat3(path, packets)) == as_columns(expected)
    path.write_bytes(HEAD_3)
    assert len(read_aedat3(path, polarity_packets(path)).t) == 0


def test_times_that_go_back_within_a_packet(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(HEAD_3 + packet([(1, 2, 1, t) for t in (500, 900, 100, 700)], overflow=1) + packet([(0, 0, 0, 3)]))
    packets = polarity_packets(path)
    assert packets.first.tolist() == [2**31 + 100, 3]
    assert packets.last.tolist() == [2**31 + 900, 3]
    assert read_aedat3(path, packets).t.tolist() == [2**31 + t for t in (500, 900, 100, 700)] + [3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (HEAD_2, "begins with"),
        (HEAD_3[:-14], "no line #!END-HEADER"),
        (HEAD_3 + packet(draw(3, 9))[:-1], "3 events of 8 bytes"),
        (HEAD_3 + packet(draw(3, 9)) + b"more", "4 bytes at the end"),
        (HEAD_3 + packet(draw(3, 9), size=0), "3 events of 0 bytes"),
        (HEAD_3 + packet(draw(3, 9), size=4), "polarity events of 4 bytes"),
        (HEAD_3 + packet(draw(3, 9), overflow=-1), "3 events"),
        (HEAD_3 + packet([(128, 0, 0, 0)]), "x = 128"),
        (HEAD_3 + packet([(0, 32767, 0, 0)]), "y = 32767"),
        (HEAD_3 + packet([(0, 0, 0, -1)]), "at -1 us"),
    ],
)
def test_aedat3_that_cannot_be_read(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_aedat3(path, polarity_packets(path))


def test_a_file_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(HEAD_3 + packet(draw(30, 9)))
    packets = polarity_packets(path)
    path.write_bytes(HEAD_3 + packet(draw(20, 9)))
    with pytest.raises(DataError, match="as it was"):
        read_aedat3(path, packets)


def test_a_real_file_of_another_format(real: Callable[[str], Path]) -> None:
    file = real("event_file_samples") / "sample_ncars.dat"
    for read in (read_aedat2, polarity_packets):
        with pytest.raises(DataError, match="begins with"):
            read(file)


@pytest.fixture
def cifar(tmp_path: Path) -> Path:
    """Recording k of class c has k + 1 events in pixel (c, k), from 500 us on."""
    for c, name in enumerate(CLASSES):
        folder = tmp_path / "cifar10_dvs" / name
        folder.mkdir(parents=True)
        for k in range(12):
            raw = as_aedat2([(127 - c, 127 - k, 1, 500 + 1000 * n) for n in range(k + 1)])
            (folder / f"cifar10_{name}_{k}.aedat").write_bytes(raw)
    return tmp_path / "cifar10_dvs"


def test_cifar10_dvs(cifar: Path) -> None:
    data = load("cifar10_dvs", cifar.parent)
    assert data.sample_shape == (2, 128, 128)
    # 12 of each class: by number, 2 before 10, the last four are to test
    assert data.y_train.tolist() == [c for c in range(10) for _ in range(8)]
    assert data.y_test.tolist() == [c for c in range(10) for _ in range(4)]
    frames = EventFrames(12, bin_ms=1.0)
    for x, y, first in ((data.x_train, data.y_train, 0), (data.x_test, data.y_test, 8)):
        out = frames(x)
        for b, c in enumerate(y.tolist()):
            k = first + b % (12 - 4 if first == 0 else 4)
            expected = torch.zeros(12, 2, 128, 128)
            expected[: k + 1, 1, c, k] = 1
            assert torch.equal(out[:, b], expected)
    assert len(cifar10_dvs(cifar, test=0.5).y_test) == 60
    for share in (0.0, 1.0, 0.01):
        with pytest.raises(ParameterError, match="test="):
            cifar10_dvs(cifar, test=share)


def test_cifar10_dvs_reads_files_when_asked(cifar: Path, tmp_path: Path) -> None:
    data = cifar10_dvs(cifar)
    (cifar / "bird" / "cifar10_bird_0.aedat").write_bytes(as_aedat2([]))
    changed = data.x_train[16:17]  # the first bird
    assert changed.take().counts.tolist() == [0]
    (cifar / "bird" / "cifar10_bird_0.aedat").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        changed.take()
    for file in (cifar / "ship").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"no \.aedat files in .*ship.*4724671"):
        cifar10_dvs(cifar)
    with pytest.raises(DataError, match=r"no \.aedat files in .*airplane"):
        cifar10_dvs(tmp_path / "nowhere")


TRIALS = {"train": ["user01_lab", "user02_led"], "test": ["user24_lab"]}
LABELS = "class,startTime_usec,endTime_usec\n4,1000,301000\n11,500000,900000\n\n"


@pytest.fixture
def gestures(tmp_path: Path) -> Path:
    folder = tmp_path / "DvsGesture"
    folder.mkdir()
    for part, names in TRIALS.items():
        (folder / f"trials_to_{part}.txt").write_text("".join(f"{name}.aedat\n" for name in names) + "\n")
        for name in names:
            events = of_user(name)
            packets = b"".join(packet(events[k : k + 37]) for k in range(0, len(events), 37))
            (folder / f"{name}.aedat").write_bytes(HEAD_3 + packets)
            (folder / f"{name}_labels.csv").write_text(LABELS)
    return folder


def of_user(name: str) -> Recording:
    return draw(400, 10**6, seed=int(name[4:6]))


def test_dvs_gesture(gestures: Path) -> None:
    data = load("dvs_gesture", gestures.parent)
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([3, 10, 3, 10], [3, 10])
    assert (data.classes[3], data.classes[10]) == ("right arm clockwise", "other gestures")
    assert data.groups.names == ("user01", "user02", "user24")
    assert data.groups.kind == "user"
    assert len(data.by_group("user02")[1][0]) == 2
    # the size counts whole packets
    inside = sum(1000 <= event[3] < 301_000 for event in of_user("user01"))
    assert inside <= int(data.x_train.sizes()[0]) < inside + 2 * 37
    out = EventFrames(4, bin_ms=100.0)((data.x_train + data.x_test)[torch.tensor([5, 0, 2])])
    for b, (name, begin, end) in enumerate(
        [("user24", 500_000, 900_000), ("user01", 1000, 301_000), ("user02", 1000, 301_000)]
    ):
        expected = torch.zeros(4, 2, 128, 128)
        for x, y, p, t in of_user(name):
            if begin <= t < end:
                expected[(t - begin) // 100_000, p, y, x] += 1
        assert torch.equal(out[:, b], expected)


def test_a_gesture_has_all_its_events_whatever_their_order(gestures: Path) -> None:
    """Packets whose first and last events lie outside a gesture hold events of it, too."""
    before = EventFrames(4, bin_ms=100.0)(dvs_gesture(gestures).x_train[:2])
    rng, events = np.random.default_rng(1), of_user("user01")
    mixed = [events[k] for k in rng.permutation(len(events))]
    packets = b"".join(packet(mixed[k : k + 37]) for k in range(0, len(mixed), 37))
    (gestures / "user01_lab.aedat").write_bytes(HEAD_3 + packets)
    after = EventFrames(4, bin_ms=100.0)(dvs_gesture(gestures).x_train[:2])
    assert int(before.sum()) > 100
    assert torch.equal(before, after)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("user01_lab_labels.csv", "", "columns ''"),
        ("user01_lab_labels.csv", "1,2,3\n", "columns '1,2,3'"),
        ("user01_lab_labels.csv", LABELS + "4,a,7\n", "the line '4,a,7'"),
        ("user01_lab_labels.csv", LABELS + "4,7\n", "the line '4,7'"),
        ("user01_lab_labels.csv", LABELS + "12,6,7\n", "the line '12,6,7'"),
        ("user01_lab_labels.csv", LABELS + "0,6,7\n", "the line '0,6,7'"),
        ("user01_lab_labels.csv", LABELS + "1,7,7\n", "the line '1,7,7'"),
        ("user01_lab_labels.csv", "\xff", "cannot be read"),
        ("user01_lab_labels.csv", None, "cannot be read"),
        ("user01_lab.aedat", None, "cannot be read"),
        ("user01_lab.aedat", "", "empty"),
        ("trials_to_test.txt", "\n", "no gestures in the trials of trials_to_test"),
        ("trials_to_test.txt", None, r"no trials_to_test\.txt.*DvsGesture\.tar\.gz"),
        ("trials_to_test.txt", "user30_lab.aedat", "user30_lab"),
    ],
)
def test_a_folder_that_is_not_whole(gestures: Path, file: str, content: str | None, said: str) -> None:
    (gestures / file).unlink()
    if content is not None:
        (gestures / file).write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=said):
        dvs_gesture(gestures)


def test_gestures_are_read_when_asked(gestures: Path) -> None:
    data = dvs_gesture(gestures)
    (gestures / "user02_led.aedat").unlink()
    EventFrames(2, bin_ms=1.0)(data.x_train[:2])
    with pytest.raises(DataError, match="user02_led"):
        EventFrames(2, bin_ms=1.0)(data.x_train[2:])
