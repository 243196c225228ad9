"""What a user can get wrong with a recording ends in one clear error, and what is right is read as it is."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rheobase.errors import BackendUnavailable, DataError, InputError, ParameterError, ShapeError, UnitError
from rheobase.learning import Recording
from rheobase.recordings import read
from rheobase.recordings.formats import package

V = np.array([[-70.0, -69.0, 20.0, -60.0], [-70.0, -70.5, -70.0, -71.0]])
I = np.array([[0.0, 100.0, 100.0, 100.0], [0.0, -50.0, -50.0, -50.0]])  # noqa: E741 - a current


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "cell.npz"
    np.savez(path, **arrays)
    return path


def test_arrays_come_back_in_millivolts_and_picoamperes(tmp_path: Path) -> None:
    file = read(npz(tmp_path, v_V=V / 1000.0, i_nA=I / 1000.0, dt_s=1e-4))
    assert np.stack([s.v for s in file.sweeps]) == pytest.approx(V)
    assert np.stack([s.current for s in file.sweeps]) == pytest.approx(I)
    assert file.sweeps[0].dt == pytest.approx(0.1)


def test_hdf5_says_units_in_attributes(tmp_path: Path) -> None:
    path = tmp_path / "cell.h5"
    with h5py.File(path, "w") as file:
        for name, values, unit in (("v", V / 1000.0, "V"), ("current", I, "pA"), ("dt", 0.1, "ms")):
            file[name] = values
            file[name].attrs["unit"] = unit
    sweep = read(path).sweeps[0]
    assert sweep.v == pytest.approx(V[0])
    assert (sweep.current.max(), sweep.dt) == (100.0, 0.1)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_with_several_sweeps(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "cell.csv"
    names = ("time (ms)", "v 1 (mV)", "v 2 (mV)", "current 1 (nA)", "current 2 (nA)")
    rows = [(0.1 * k, V[0, k], V[1, k], I[0, k] / 1e3, I[1, k] / 1e3) for k in range(4)]
    path.write_text("\n".join(separator.join(map(str, row)) for row in (names, *rows)))
    recording = Recording.read(path, sweeps="1")
    assert recording.v[0].tolist() == V[1].tolist()
    assert recording.current[0].tolist() == pytest.approx(I[1].tolist())
    assert recording.dt == pytest.approx(0.1)


NOT_SAID: list[tuple[dict[str, Any], type[Exception], str]] = [
    (dict(v=V, i=I, dt_ms=0.1), UnitError, r"'v' in no unit; expected a unit of potential.*units=\"mV,pA\""),
    (dict(v_mV=V, i_pA=I, dt=0.1), UnitError, "no unit of time.*interval=0.1"),
    (dict(v_mV=V / 1000.0, i_pA=I, dt_ms=0.1), UnitError, r"a potential of at most 0.071 mV.*units=\"V,pA\""),
    (dict(v_mV=V, i_pA=I / 1000.0, dt_ms=0.1), UnitError, r"a current of at most 0.1 pA.*units=\"mV,nA\""),
    (dict(v_mV=V, dt_ms=0.1), DataError, "no current beside the potential"),
    (dict(i_pA=I, dt_ms=0.1), DataError, "no recorded potential: 'i_pA' in pA"),
    (dict(v_mV=V, i_pA=I[:, :3], dt_ms=0.1), DataError, r"i_pA of shape \(2, 3\)"),
    (dict(v_mV=V, i_pA=I, dt_ms=-0.1), DataError, "one number above 0"),
    (dict(v_mV=V, i_pA=I, t_ms=[0.0, 0.1, 0.3, 0.4]), DataError, "not evenly spaced"),
    (dict(v_mV=V, i_pA=I, t_ms=[0.0, 0.2, 0.4, 0.6], dt_ms=0.1), DataError, "0.1 ms by dt_ms and 0.2 ms by t_ms"),
    (dict(v_mV=V.T, i_pA=I.T, dt_ms=0.1), DataError, r"4 sweeps of 2 samples; .*transpose it: v_mV\.T"),
    (dict(v_mV=V, voltage_mV=V, i_pA=I, dt_ms=0.1), DataError, "v_mV and voltage_mV, both a potential"),
    (dict(v_mV=np.where(V > 0, np.nan, V), i_pA=I, dt_ms=0.1), InputError, "sweep 0: got 1 of 4 samples of 'v_mV' NaN"),
    (dict(v_mV=np.array([None, 1]), i_pA=I, dt_ms=0.1), DataError, "what NumPy cannot read"),
]


@pytest.mark.parametrize(("arrays", "error", "said"), NOT_SAID)
def test_what_is_not_said_is_asked_for(tmp_path: Path, arrays: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        read(npz(tmp_path, **arrays))


def test_a_unit_that_is_said_is_taken(tmp_path: Path) -> None:
    file = read(npz(tmp_path, v=V / 1000.0, i_pA=I / 1000.0, dt=0.1), units="V,nA", interval=0.1)
    assert file.sweeps[0].v == pytest.approx(V[0])
    assert file.sweeps[0].current == pytest.approx(I[0])
    assert "in nA as stated, not 'pA' as in the file" in file.notes[0]


def test_an_interval_that_overrules_the_file_is_told(tmp_path: Path) -> None:
    path = npz(tmp_path, v_mV=V, i_pA=I, dt_ms=0.1)
    file = read(path, interval=0.05)
    assert file.sweeps[0].dt == 0.05
    assert "0.05 ms between samples as stated, not 0.1 ms as in the file" in file.notes[0]
    assert "stated" not in read(path, interval=0.1).notes[0]


@pytest.mark.parametrize("interval", [0.0, -0.1, float("nan"), "0.1"])
def test_an_interval_is_a_time(tmp_path: Path, interval: Any) -> None:
    with pytest.raises(ParameterError, match="ms between two samples"):
        read(npz(tmp_path, v_mV=V, i_pA=I, dt_ms=0.1), interval=interval)


@pytest.mark.parametrize("suffix", [".abf", ".nwb", ".h5", ".wcp", ".atf", ".ibw", ".csv"])
def test_another_content_than_the_suffix_says(tmp_path: Path, suffix: str) -> None:
    path = npz(tmp_path, v_mV=V, i_pA=I, dt_ms=0.1)
    with pytest.raises(DataError, match=f"the suffix {suffix}, and"):
        read(path.rename(path.with_suffix(suffix)))


@pytest.mark.parametrize("name", ["cell.mat", "cell.pkl", "cell", "missing.npz"])
def test_what_is_no_recording(tmp_path: Path, name: str) -> None:
    if "missing" not in name:
        (tmp_path / name).write_bytes(b"1234")
    with pytest.raises(DataError, match=name):
        read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".abf", ".nwb", ".h5", ".wcp", ".ibw", ".npz"])
def test_a_file_that_is_cut_off(tmp_path: Path, suffix: str) -> None:
    begins = {".abf": b"ABF2", ".wcp": b"VER=9\r\n", ".ibw": b"\x05\x00", ".npz": b"PK\x03\x04"}
    path = tmp_path / f"cell{suffix}"
    path.write_bytes(begins.get(suffix, b"\x89HDF\r\n\x1a\n") + bytes(100))
    with pytest.raises(DataError, match="cell"):
        read(path)


@pytest.mark.parametrize("sweeps", ["2", "1:1", "a", "0,0", "-1", "0:3", "0::1", ""])
def test_sweeps_that_there_are_not(tmp_path: Path, sweeps: str) -> None:
    with pytest.raises(ParameterError, match="numbers from 0 to 1"):
        read(npz(tmp_path, v_mV=V, i_pA=I, dt_ms=0.1), sweeps=sweeps)


@pytest.mark.parametrize("units", ["mV,mV", "volt per second", "m", "mV;pA"])
def test_units_that_there_are_not(tmp_path: Path, units: str) -> None:
    with pytest.raises(UnitError, match="units"):
        read(npz(tmp_path, v_mV=V, i_pA=I, dt_ms=0.1), units=units)


def test_a_channel_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"channel 'Vm'.*v_mV"):
        read(npz(tmp_path, v_mV=V, i_pA=I, dt_ms=0.1), channel="Vm")


def test_a_line_that_is_no_numbers_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("time (ms),v (mV),current (pA)\n0,-70,0\n0.1,x,0\n0.2,-70,0\n")
    with pytest.raises(DataError, match=r"line 3: '0.1,x,0'"):
        read(path)


def test_a_package_that_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyabf", None)
    path = tmp_path / "cell.abf"
    path.write_bytes(b"ABF2" + bytes(100))
    with pytest.raises(BackendUnavailable, match=r"pip install rheobase\[recordings\]"):
        read(path)


def nwb(folder: Path, lengths: Sequence[int]) -> Path:
    """A file with a series in current clamp for each length, and its stimulus."""
    path = folder / "cell.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.5.0"
        for k, steps in enumerate(lengths):
            for place, kind, values in (
                ("acquisition", "CurrentClampSeries", np.full(steps, -0.07)),
                ("stimulus/presentation", "CurrentClampStimulusSeries", np.full(steps, 1e-10)),
            ):
                series = file.create_group(f"{place}/{kind}_{k}")
                series.attrs.update({"neurodata_type": kind, "sweep_number": k})
                series["data"] = values
                series["data"].attrs.update({"unit": "volts" if place == "acquisition" else "amperes"})
                series["starting_time"] = float(k)
                series["starting_time"].attrs["rate"] = 10000.0
    return path


def test_sweeps_of_several_lengths_are_told(tmp_path: Path) -> None:
    path = nwb(tmp_path, (4, 5))
    assert [len(sweep.v) for sweep in read(path).sweeps] == [4, 5]
    with pytest.raises(ShapeError, match=r"4 of 0.1 ms .*, 5 of 0.1 ms .*sweeps=\"0:5\""):
        Recording.read(path)
    assert Recording.read(path, sweeps="0").current[0].tolist() == pytest.approx([100.0] * 4)


def test_a_package_that_reads_leaves_numpy_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyabf sets numpy's print options when it is imported."""
    if importlib.util.find_spec("pyabf") is None:  # found without importing it, which would set them for all tests
        pytest.skip("the extra `recordings` is not installed")
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyabf"]:
        monkeypatch.delitem(sys.modules, name)
    with np.printoptions(precision=7):
        package("pyabf", "cell.abf")
        assert np.get_printoptions()["precision"] == 7


def h5(folder: Path, suffix: str = ".h5", **items: Any) -> Path:
    path = folder / f"cell{suffix}"
    with h5py.File(path, "w") as file:
        for name, values in items.items():
            file[name] = values
    return path


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ({"data1": V, "data2": I}, "no potential among data1, data2.*name them v_mV and i_pA"),
        ({"cell/v_mV": V, "cell/i_pA": I}, "the groups cell, and no array at the top"),
        ({"v_mV": V, "i_pA": I, "t_ms": [0.0, 0.1, 0.2]}, r"t_ms of shape \(3,\), beside 4 samples"),
        ({"v_mV": V, "i_pA": I, "t_ms": [[0.0, 0.1, 0.2, 0.3]] * 2}, r"t_ms of shape \(2, 4\)"),
    ],
)
def test_hdf5_that_does_not_say_what_is_what(tmp_path: Path, items: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(h5(tmp_path, **items))


NAME = "CurrentClampSeries_0"
BROKEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no data": (lambda f: f.__delitem__(f"acquisition/{NAME}/data"), f"{NAME} without data"),
    "text": (lambda f: replaced(f, f"acquisition/{NAME}/data", [b"a", b"b"]), f"{NAME} with data of"),
    "no rate": (lambda f: f[f"acquisition/{NAME}/starting_time"].attrs.__delitem__("rate"), f"{NAME} without a rate"),
    "rate": (lambda f: f[f"acquisition/{NAME}/starting_time"].attrs.modify("rate", -1.0), "a rate of -1"),
    "a link": (
        lambda f: f["acquisition"].__setitem__("gone", h5py.SoftLink("/nowhere")),
        "gone, a link to what is not",
    ),
    "no group": (lambda f: replaced(f, "acquisition", 3.0), "no CurrentClampSeries, but nothing"),
    "no stimulus": (lambda f: f.__delitem__("stimulus"), "no current beside the potential"),
    "lengths": (
        lambda f: replaced(f, f"acquisition/{NAME}/data", np.full(9, -0.07), "volts"),
        "9 samples of .* and 4 of",
    ),
}


def replaced(file: Any, name: str, values: Any, unit: str = "") -> None:
    del file[name]
    file[name] = values
    file[name].attrs["unit"] = unit


@pytest.mark.parametrize("case", BROKEN)
def test_nwb_that_lacks_something_is_refused_with_the_series(tmp_path: Path, case: str) -> None:
    path = nwb(tmp_path, (4,))
    assert len(read(path).sweeps) == 1
    with h5py.File(path, "r+") as file:
        BROKEN[case][0](file)
    with pytest.raises(DataError, match=BROKEN[case][1]):
        read(path)


def test_decimal_commas_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("time (ms);v (mV);current (pA)\n0;-70,5;0\n0,1;-70,5;10\n")
    with pytest.raises(DataError, match="decimals with a point"):
        read(path)
