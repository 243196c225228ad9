from __future__ import annotations

import gzip
import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rheobase.data import Delta, Held, Population, Reading, Scaled, Scaling, SeriesDataset, Slope, load
from rheobase.data.encoding.series import Currents, lengths_of
from rheobase.data.formats.ts import read_ts
from rheobase.data.sets.series import read_series
from rheobase.errors import DataError, InputError, ParameterError, ShapeError
from rheobase.learning import LOSSES, loss

HEAD = "@problemName a\n@timeStamps false\n@univariate false\n@equalLength false\n@classLabel true up down\n@data\n"
ROWS = ["1,2,3:4,5,6:up", "1,2:3,4:down", "5,6,7:1,1,1:up", "0,1:0,1:down", "3,4:1,2:up"] * 3


def ts(path: Path, rows: list[str] = ROWS, head: str = HEAD) -> Path:
    path.write_text(head + "\n".join(rows) + "\n")
    return path


def table(path: Path, change: dict[int, str] | None = None) -> Path:
    lines = ["trial,t,ax,ay,gesture,subject"]
    for k in range(12):
        lines += [f"r{k},{t},{k + t},{-t},{'ab'[k % 2]},p{k // 2 % 3}" for t in (1, 0, 2)[: 2 + k % 2]]
    for at, text in (change or {}).items():
        lines[at] = text
    path.write_text("\n".join(lines) + "\n")
    return path


def test_ts_is_read_to_its_values(tmp_path: Path) -> None:
    data = load(ts(tmp_path / "a_TRAIN.ts"))
    assert isinstance(data, SeriesDataset)
    assert (data.classes, data.sample_shape, data.longest) == (("up", "down"), (2,), 3)
    packed = tmp_path / "b.ts.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a_TRAIN.ts").read_bytes()))
    assert read_ts(packed).series[1].tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_a_test_file_beside_it_is_the_test_part(tmp_path: Path) -> None:
    ts(tmp_path / "a_TEST.ts", ROWS[:4])
    data = load(ts(tmp_path / "a_TRAIN.ts"))
    assert (len(data.y_train), len(data.y_test)) == (15, 4)
    assert any("a_TEST.ts" in note for note in data.notes)


def test_all_problems_of_a_ts_file_are_told_at_once(tmp_path: Path) -> None:
    rows = [*ROWS, "1,?:2,3:up", "1,2:3:up", "1,2:3,4:left", "1,2:3,4:", "1,x:3,4:up"]
    with pytest.raises(DataError) as caught:
        load(ts(tmp_path / "a.ts", rows))
    said = str(caught.value)
    for words in (
        "5 problems",
        "line 22: a missing value in channel 1, step 1",
        "line 23: channels of 2, 1 steps",
        "line 24: class 'left'",
        "line 25: no class",
        "line 26: 'x', no number",
    ):
        assert words in said


def test_files_of_others(shared_data: Path) -> None:
    folder = shared_data / "files_for_readers" / "timeseries"
    stamped = read_ts(folder / "UnitTestTimeStamps_TRAIN.ts")
    assert stamped.series[0][:, 0].tolist() == [241.97, 241.75, 241.64, 241.71]
    assert (stamped.labels, stamped.notes) == (["1", "1", "2", "2"], ())
    gesture = read_ts(folder / "PickupGestureWiimoteZ_TRAIN.ts")
    assert sorted({len(one) for one in gesture.series})[::48][0] == 29
    assert max(map(len, gesture.series)) == 361
    assert len(gesture.series) == 50
    for name in ("CardanoSentiment_TEST.ts", "Covid3Month_TRAIN.ts"):
        with pytest.raises(DataError, match="regression"):
            read_ts(folder / name)
    arrow = load(folder / "ArrowHead_TRAIN.tsv")
    assert arrow.classes == ("0", "1", "2")
    assert arrow.x_train.shape[1:] == (251, 1)
    assert len(arrow.y_train) + len(arrow.y_test) == 36
    for name in ("UnitTest_Tsf_Loader.tsf", "GunPoint_TRAIN.arff"):
        with pytest.raises(DataError, match=r"got an? (\.tsf|ARFF) file"):
            load(folder / name)


def test_every_file_of_series_is_read_to_its_true_contents_or_refused(shared_data: Path) -> None:
    folder = shared_data / "files_for_readers"
    truth = json.loads((folder / "truth.json").read_text())
    read = 0
    for path in sorted((folder / "timeseries").iterdir()):
        true = truth[f"timeseries/{path.name}"]
        if path.suffix in (".arff", ".tsf") or (true.get("has_label_or_target") and not _whole_labels(true)):
            with pytest.raises(DataError, match=r"an? (ARFF|\.tsf) file|a set of regression"):
                read_series(path, Reading())
            continue
        found, read = read_series(path, Reading()), read + 1
        lengths = sorted({len(one) for one in found.series})
        assert len(found.series) == true.get("cases", true.get("rows"))
        stated = true.get("lengths", [true.get("series_length", 4)])
        assert (lengths[0], lengths[-1]) == (stated[0], stated[-1])
        assert len(found.channels) == true.get("channels", [1])[0]
        if "first_values" in true:
            first = [float(value) for value in true["first_values"]]  # of tables, to six decimals
            assert found.series[0][:4, 0].tolist() == pytest.approx(first, abs=5.1e-7)
        labels = true.get("labels") or true.get("labels_first_column")
        if labels:
            counts = Counter(float(label) for label in found.labels)
            assert counts == {float(name): count for name, count in labels.items()}
    assert read == 4


def _whole_labels(true: dict[str, Any]) -> bool:
    return "distinct" not in true["labels"]


def test_table_with_named_columns(tmp_path: Path) -> None:
    data = load(table(tmp_path / "a.csv"), reading=Reading(columns="id=trial,label=gesture"))
    assert isinstance(data, SeriesDataset)
    assert (data.channels, data.classes) == (("ax", "ay"), ("a", "b"))
    # steps in the order of the time, not of the rows
    assert sorted(data.x_train[:, :2, 1].flatten().unique().tolist()) == [-1.0, 0.0]
    assert data.x_train[0, 0, 1] == 0
    assert data.groups is not None
    assert data.groups.kind == "subject"
    assert not set(data.groups.train.tolist()) & set(data.groups.test.tolist())
    (_, y), (_, held) = data.split(0.3)
    assert len(y) + len(held) == len(data.y_train)


def test_all_problems_of_a_table_are_told_at_once(tmp_path: Path) -> None:
    change = {2: "r0,0,nan,0,a,p0", 4: "r1,0,2,high,b,p0", 7: "r2,1,1,1,b,p1"}
    with pytest.raises(DataError) as caught:
        load(table(tmp_path / "a.csv", change), reading=Reading(columns="id=trial,label=gesture"))
    said = str(caught.value)
    for words in (
        "line 3: a missing value in column 'ax'",
        "line 5: 'high', no finite number, in column 'ay'",
        "series 'r2' with several values for its label",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\nhello,world\nmore,text\n", "no column for the label.*text in column 'a', 'b'"),
        ("id;t;x;label\n1;0;0,5;a\n2;0;-1,5;b\n", "text in column 'x': .*write 0.5 for 0,5"),
        ("id,t,x,label\n1,0,1,a\n1,1\n2,0,1\n", "2 problems: line 3: 2 values for 4 columns; line 4: 3 values"),
        ("id,t,x\n1,0,1\n", "no column for the label"),
        ("id,t,x,label\n1,0,1,a\n1,1,1,a\n2,0,1,a\n", "one class alone, 'a'"),
        ("id,t,x,label\n1,0,1,a\n1,0,1,a\n2,0,1,b\n", "a second row of series '1' for one time"),
        ("id,t,x,label\n1,0,1,\n1,1,1,\n2,0,1,b\n", "line 2, line 3: no label in column 'label'"),
        ("", "no line"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        load(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("head", "rows", "series"),
    [
        ("label,v0,v1", 0, 4),
        ("label,0,1", 0, 4),
        ("gait,0,1", 0, 4),  # as pandas names columns of arrays
        ("gait,0.5,1.0", 0, 4),  # times of the steps
        ("walk,0.31,-2", 1, 5),
        ("walk,0.31,0.2", 1, 5),
    ],
)
def test_a_first_line_of_data_is_not_lost(tmp_path: Path, head: str, rows: int, series: int) -> None:
    body = [f"{'walk' if k % 2 else 'run'},{0.3 + k},{1.7 - k}" for k in range(4)]
    (tmp_path / "a.csv").write_text("\n".join([head, *body]))
    named = None if "label" in head or rows else "label=gait"
    found = read_series(tmp_path / "a.csv", Reading(columns=named))
    assert (len(found.series), len(found.labels)) == (series, series)
    assert set(found.labels) == {"walk", "run"}
    assert found.series[rows].flatten().tolist() == [0.3, 1.7]


@pytest.mark.parametrize("head", ["0,1,2,3", "1,2,3,4", "gait,10,30,70"])
def test_a_first_line_that_may_be_either_is_asked_about(tmp_path: Path, head: str) -> None:
    first = "walk" if head.startswith("gait") else "1"
    (tmp_path / "a.csv").write_text(f"{head}\n" + "\n".join(f"{first},{k},{k * k},0.5" for k in range(4)))
    with pytest.raises(DataError, match=r"may name the columns or be data.*--no-header where it is data"):
        read_series(tmp_path / "a.csv", Reading())
    column = head.split(",")[0]
    assert len(read_series(tmp_path / "a.csv", Reading(header=True, columns=f"label={column}")).series) == 4
    assert len(read_series(tmp_path / "a.csv", Reading(header=False)).series) == 5


def test_a_missing_value_in_the_first_line_is_told_not_taken_for_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,0.5,nan\n2,0.1,0.2\n")
    with pytest.raises(DataError, match="line 1: a missing value in column '2'"):
        read_series(tmp_path / "a.csv", Reading())


def test_the_header_is_of_tables_in_text(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"--header: got .*no \.csv or \.tsv"):
        load(ts(tmp_path / "a.ts"), reading=Reading(header=True))


def test_lines_without_names_and_an_id_have_no_label_unless_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join(f"{k // 2},{k % 2},{0.1 * k},{k // 2 % 2}" for k in range(8)))
    with pytest.raises(DataError, match="no column for the label among 0, 1, 2, 3"):
        read_series(tmp_path / "a.csv", Reading(columns="id=0,time=1"))
    found = read_series(tmp_path / "a.csv", Reading(columns="id=0,time=1,label=3"))
    assert (len(found.series), found.channels, list(found.labels)) == (4, ("2",), ["0", "1", "0", "1"])


def test_arrays_of_series_and_images(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 30, 3)), np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y)
    data = load(tmp_path / "a.npz")
    assert isinstance(data, SeriesDataset)
    assert (len(data.y_train), len(data.y_test)) == (16, 4)
    np.savez(tmp_path / "either.npz", x_train=abs(x) / 10, y_train=y, x_test=abs(x) / 10, y_test=y)
    with pytest.raises(DataError, match="--kind images or --kind series"):
        load(tmp_path / "either.npz")
    assert isinstance(load(tmp_path / "either.npz", reading=Reading(kind="series")), SeriesDataset)
    assert not isinstance(load(tmp_path / "either.npz", reading=Reading(kind="images")), SeriesDataset)
    x[3, 4, 1], x[5] = np.nan, np.inf
    np.savez(tmp_path / "bad.npz", x=x, y=y)
    with pytest.raises(DataError, match=r"sample 3, step 4: NaN.*sample 5, step 0: infinity"):
        load(tmp_path / "bad.npz")
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match=r"no classes: no file y\.npy"):
        load(tmp_path / "x.npy")
    np.save(tmp_path / "one.npy", x)
    with pytest.raises(DataError, match=r"one\.npy: .*no classes: call the array x\.npy or x_NAME\.npy"):
        load(tmp_path / "one.npy")
    words = np.array(["a", "b", "", "a", "nan", *"b" * 15])
    np.savez(tmp_path / "unlabelled.npz", x=np.ones((20, 3, 1)), y=words)
    with pytest.raises(DataError, match="2 problems: sample 2, sample 4: no class or group in y"):
        load(tmp_path / "unlabelled.npz", reading=Reading(kind="series"))
    (tmp_path / "p.npz").write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(DataError, match=r"p\.npz"):
        load(tmp_path / "p.npz")


def test_lengths_end_a_series(tmp_path: Path) -> None:
    x = np.ones((8, 5, 2))
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(8) % 2, lengths=np.arange(1, 9).clip(max=5))
    data = load(tmp_path / "a.npz", reading=Reading(kind="series"))
    assert sorted(torch.cat(data.lengths).tolist()) == [1, 2, 3, 4, 5, 5, 5, 5]  # type: ignore[attr-defined]


def test_delta_gives_the_series_back_to_a_threshold() -> None:
    x = torch.randn(3, 40, 2, generator=torch.Generator().manual_seed(0))
    spikes = Delta(0.5)(x)
    level = 0.5 * (spikes[..., :2] - spikes[..., 2:]).cumsum(0)
    assert float((level - x.transpose(0, 1)).abs().max()) < 0.5
    assert bool(((spikes[..., :2] == 0) | (spikes[..., 2:] == 0)).all())


@pytest.mark.parametrize("code", [Currents(), Slope((1.0, 2.0, 3.0)), Delta(0.5), Population(5)])
def test_nothing_comes_after_the_end(code: Currents | Slope | Delta | Population) -> None:
    x = 4 * torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    x[0, 4:] = torch.nan
    out = Scaled(code, Scaling.of(x), bin=2)(x)
    assert out.shape == (3, 2, 3 * code.per_channel)
    assert not bool(out[2, 0].any())
    assert bool(out[2, 1].any())
    assert torch.equal(out[:2, :1], Scaled(code, Scaling.of(x), bin=2)(x[:1, :4]))


@pytest.mark.parametrize("code", [Currents(), Slope((1.0, 2.0)), Delta(0.5)])
def test_a_series_that_has_ended_stays_as_a_classifier_of_whole_series_sees_it(code: Currents | Slope | Delta) -> None:
    x = 4 * torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(0))
    x[0, 3:] = torch.nan
    held = Scaled(Held(code, taps=7, steps=4), Scaling.of(x), bin=2, gain=3.0)
    plain = Scaled(code, Scaling.of(x), bin=2, gain=3.0)
    out, z, ends = held(x), plain(x), plain.lengths(x)
    assert ends.tolist() == [2, 3, 3]
    assert held.lengths(x).tolist() == [6, 7, 7]
    assert out.shape == (7, 3, 7 * 2 * code.per_channel)
    for sample, end in enumerate(ends.tolist()):
        whole = torch.cat([z[:end, sample].flip(0), torch.zeros(7 - end, z.shape[-1])])  # the newest first
        assert all(torch.equal(row, whole.flatten()) for row in out[end - 1 : end + 4, sample])
        assert not bool(out[end + 4 :, sample].any())
    # before the end it is a delay line, and 0 steps of hold are that alone
    line = torch.cat([torch.cat([torch.zeros(k, 3, z.shape[-1]), z[: 3 - k]]) for k in range(3)], -1)
    assert torch.equal(out[:3, 1:, : line.shape[-1]], line[:, 1:])
    unheld = Scaled(Held(code, taps=7, steps=0), Scaling.of(x), bin=2, gain=3.0)(x)
    assert torch.equal(unheld[:, 1:], out[:3, 1:])
    assert not bool(unheld[2, 0].any())
    for wrong in ({"taps": 0, "steps": 1}, {"taps": 1, "steps": -1}):
        with pytest.raises(ParameterError, match="an integer of at least"):
            Held(code, **wrong)


def test_a_slope_has_a_usual_size_of_one_on_the_samples_it_is_taken_from() -> None:
    x = 30 * torch.randn(50, 20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).cumsum(1)
    x[:25, 13:] = torch.nan
    for bin_ in (1, 3):
        scaling = Scaling.of(x, bin_)
        code = Scaled(Slope(scaling.slope, weight=1.0), scaling, bin_)
        out, lengths = code(x), code.lengths(x)
        inside = (torch.arange(1, len(out) + 1)[:, None] <= lengths)[1:]  # the first step has no slope
        assert float(out[0, :, 2:].abs().max()) == 0.0
        assert out[1:, :, 2:][inside].square().mean(0).sqrt().tolist() == pytest.approx([1.0, 1.0], rel=1e-6)
        # beside it, the value as the currents have it
        assert torch.equal(out[..., :2], Scaled(Currents(), scaling, bin_)(x))
        sum_of_slopes = out[1:, 25:, 2:].cumsum(0) * torch.tensor(scaling.slope, dtype=torch.float64)
        assert torch.allclose(out[0, 25:, :2] + sum_of_slopes, out[1:, 25:, :2])
    with pytest.raises(ParameterError, match="expected a finite number > 0 for each channel"):
        Slope((1.0, 0.0))
    with pytest.raises(ParameterError, match="weight=0"):
        Slope((1.0,), weight=0)
    with pytest.raises(ShapeError, match="3 channels; expected 2"):
        Slope((1.0, 1.0))(torch.zeros(1, 4, 3))


def test_what_does_not_change_has_a_slope_of_one() -> None:
    assert Scaling.of(torch.ones(3, 4, 1)).slope == (1.0,)
    assert Scaling.of(torch.randn(3, 1, 1)).slope == (1.0,)


def test_nan_inside_a_series_is_refused() -> None:
    x = torch.zeros(2, 3, 1)
    x[1, 1] = torch.nan
    with pytest.raises(InputError, match="nan in sample 1, step 1, channel 0"):
        lengths_of(x)
    with pytest.raises(ParameterError):
        Delta(0.0)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_ended_samples_is_that_of_each_alone(name: str) -> None:
    out = torch.randn(7, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    target, lengths = torch.tensor([0, 3, 1]), torch.tensor([7, 2, 4])
    each = [loss(name)(out[:n, k : k + 1], target[k : k + 1]) for k, n in enumerate(lengths.tolist())]
    assert float(loss(name)(out, target, lengths)) == pytest.approx(float(sum(each)) / 3, rel=1e-12)
    spoiled = out.clone()
    spoiled[2:, 1] = 1e9
    assert torch.equal(loss(name).scores(spoiled, lengths), loss(name).scores(out, lengths))
