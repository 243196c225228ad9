"""Every file of a rig is read to its true contents, or refused with the reason; none is missing from the list."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rheobase.errors import DataError, RheobaseError
from rheobase.recordings import RecordingFile, read
from rheobase.recordings.formats import stored

FOLDER = Path(os.environ.get("RHEOBASE_DATA", "data")) / "files_for_readers"
KINDS = ("abf", "atf", "ibw", "nwb", "wavesurfer", "wcp")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no files_for_readers/ in RHEOBASE_DATA")

READ = {
    # sweeps, and where the current comes from
    "abf/171116sh_0016.abf": (11, "'Cmd 0' in pA, command of the protocol"),
    "abf/18425108_abf1.abf": (1, "'Imemb' in nA"),
    "abf/2020_03_02_0000.abf": (16, "'I_Com' in pA"),
    "abf/2020_07_29_0062.abf": (1, "'I_Com' in pA"),
    "ibw/B6_Ch3_IDRest_181.ibw": (1, "'tempB6_IDRest_Ch0_181' in pA"),
    "nwb/hippocampus_99111002.nwb": (16, "'ics__Step__1' in A, command of the protocol"),
    "nwb/osb_180817_9_CC.nwb": (10, "'CurrentClampStimulusSeries_01' in A, command of the protocol"),
    "wcp/wcp-file.wcp": (11, "'Im' in pA"),
}
REFUSED = {
    "abf/180329_ts_0005-badUnits.abf": r"no recorded potential: 'IN 0' in pA, 'Cmd 0' in pA \(command\)",
    "abf/18702001-triangleTrain.abf": r"'IN 1' in A, .*so voltage clamp",
    "abf/2018_12_09_pCLAMP11_0001.abf": r"'IN 0' in A, 'Cmd 0' in mV \(command\), so voltage clamp",
    "abf/2020_06_16_0000.abf": "event-driven sweeps of variable length",
    "abf/File_axon_7.abf": "no recorded potential: 'IN 1' in pA",
    "abf/abf-protocol.pro": "a protocol of pCLAMP, which holds no recording",
    "abf/myokit_abf-v1.abf": "'IN 0' in pA, .*so voltage clamp",
    "abf/pclamp11_4ch.abf": "'IN 3' in pA, .*so voltage clamp",
    "abf/sine_sweep_magnitude_20.abf": r"'IN 0' in \?, .*say what it is",
    "atf/18702001-step.atf": "no recorded potential: 'IN 0' in pA, 'IN 1' in A",
    "ibw/B6_Ch0_IDRest_181.ibw": "no recorded potential: .* in pA",
    "ibw/mac-double.ibw": "'double' in no unit",
    "ibw/mac-textWave.ibw": "a wave of text",
    "ibw/mac-zeroPointWave.ibw": r"a wave of shape \(0,\)",
    "ibw/polar-graphs-demo.pxp": "an Igor experiment, which holds many waves",
    "ibw/win-version5.ibw": "'version5' in no unit",
    "nwb/1.0.2_nwbfile.nwb": "no CurrentClampSeries, but nothing",
    "nwb/1.5.1_timeseries_no_unit.nwb": "no CurrentClampSeries, but TimeSeries",
    "nwb/mies_v2.nwb.gz": "a compressed file",
    "nwb/nwb1_compressed.nwb.gz": "a compressed file",
    "nwb/time_series_data.nwb": "no CurrentClampSeries, but ImageSeries, TimeSeries",
    "wavesurfer/30_kHz_sampling_rate_0p912_0001.h5": "WaveSurfer 0.912 without AnalogScalingCoefficients",
    "wavesurfer/ws_0p74_data_0001.h5": "without AnalogChannelNames",
    "wavesurfer/ws_v100_data.h5": "no current beside the potential",
}


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((FOLDER / "truth.json").read_text())


def opened(name: str) -> RecordingFile:
    pair = {"current": FOLDER / name.replace("Ch3", "Ch0")} if "Ch3" in name else {}
    return read(FOLDER / name, **pair)


def test_no_file_is_left_out() -> None:
    there = {f"{kind}/{path.name}" for kind in KINDS for path in (FOLDER / kind).iterdir()}
    assert there == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_fitted_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(RheobaseError, match=REFUSED[name]) as caught:
        read(FOLDER / name)
    assert Path(name).name in str(caught.value)


@pytest.mark.parametrize(("name", "reason"), [("mies_v2.nwb", "voltage clamp"), ("nwb1_compressed.nwb", "NWB 1")])
def test_what_is_packed_is_refused_for_its_own_reason(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / name).write_bytes(gzip.decompress((FOLDER / "nwb" / f"{name}.gz").read_bytes()))
    with pytest.raises(RheobaseError, match=reason):
        read(tmp_path / name)


@pytest.mark.parametrize("name", READ)
def test_sweeps_and_the_source_of_their_current(name: str) -> None:
    sweeps, source = READ[name]
    file = opened(name)
    assert len(file.sweeps) == sweeps
    assert file.sweeps[0].source.endswith(f"current: {source}")


ABF = [name for name in READ if name.startswith("abf/")]


@pytest.mark.parametrize("name", ABF)
def test_abf_holds_what_the_header_says(truth: dict[str, Any], name: str) -> None:
    known, file = truth[name], opened(name)
    v_channel = known["channel_units"].index("mV")
    if "sampling_interval_us_header" in known:
        interval = known["sampling_interval_us_header"]
    else:
        interval = known["sampling_interval_us_header_per_multiplexed_sample"] * known["channels"]
    for sweep, told in zip(file.sweeps, known["per_sweep"], strict=True):
        assert sweep.dt == pytest.approx(interval / 1000.0, rel=1e-9)
        check(sweep.v, told[f"ch{v_channel}"])
        if known["channels"] == 2:
            other = 1 - v_channel
            factor = {"pA": 1.0, "nA": 1000.0}[known["channel_units"][other]]
            check(sweep.current / factor, told[f"ch{other}"])
        else:
            command = told["command_dac0_pyabf"]
            assert (sweep.current.min(), sweep.current.max()) == pytest.approx((command["min"], command["max"]))
            assert int((np.diff(sweep.current) != 0.0).sum()) == command["changes"]


@pytest.mark.parametrize("name", ["abf/File_axon_7.abf", "abf/pclamp11_4ch.abf", "abf/18702001-triangleTrain.abf"])
def test_traces_that_are_no_recording_of_a_potential_are_true_as_well(truth: dict[str, Any], name: str) -> None:
    _, sweeps = stored(FOLDER / name)
    for sweep, told in zip(sweeps, truth[name]["per_sweep"], strict=True):
        for k, unit in enumerate(truth[name]["channel_units"]):
            trace = sweep.traces[k]
            check(trace.values, told[f"ch{k}"])
            assert trace.unit == unit
            assert trace.dt == pytest.approx(truth[name]["sampling_interval_us_header"] / 1000.0)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
@pytest.mark.parametrize("name", [name for name in READ if "nwb/hippo" not in name])
def test_a_real_file_that_is_cut_off_is_refused(tmp_path: Path, name: str, share: float, caplog: Any) -> None:
    whole = (FOLDER / name).read_bytes()
    path = tmp_path / Path(name).name
    path.write_bytes(whole[: int(share * len(whole))])
    pair = {"current": FOLDER / name.replace("Ch3", "Ch0")} if "Ch3" in name else {}
    with pytest.raises(DataError, match=r"cannot (read|open)"):
        read(path, **pair)
    # igor2 would log the bytes
    assert not caplog.records


def check(values: Any, told: dict[str, Any]) -> None:
    assert values[:5] == pytest.approx(told["first5"], rel=1e-5, abs=1e-5)
    assert (values.min(), values.max()) == pytest.approx((told["min"], told["max"]), rel=1e-5, abs=1e-5)


def test_text_of_axon_is_read_to_its_columns(truth: dict[str, Any]) -> None:
    known = truth["atf/18702001-step.atf"]
    _, sweeps = stored(FOLDER / "atf/18702001-step.atf")
    traces = [trace for sweep in sweeps for trace in sweep.traces]
    titles = [f"{sweep.name} ({trace.unit})" for sweep in sweeps for trace in sweep.traces]
    assert titles == [title.strip().strip('"') for title in known["column_titles"][1:]]
    assert [float(t.values.max()) for t in traces] == pytest.approx(known["column_max"][1:])
    assert [float(t.values[1]) for t in traces] == pytest.approx(known["first_rows"][1][1:])
    assert [t.dt for t in traces] == pytest.approx([1000.0 * known["dt"]] * len(traces))


def test_waves_of_igor_are_a_pair(truth: dict[str, Any]) -> None:
    sweep = opened("ibw/B6_Ch3_IDRest_181.ibw").sweeps[0]
    for values, name in ((sweep.v, "Ch3"), (sweep.current, "Ch0")):
        check(values, truth[f"ibw/B6_{name}_IDRest_181.ibw"])
    assert (sweep.dt, len(sweep.v)) == (0.25, 12000)


@pytest.mark.parametrize("name", [name for name in READ if name.startswith("nwb/")])
def test_series_of_nwb_are_scaled_and_have_their_own_stimulus(truth: dict[str, Any], name: str) -> None:
    known = truth[name]
    order = sorted(known["acquisition"].items(), key=lambda item: item[1]["starting_time_s"])
    for sweep, (series, told) in zip(opened(name).sweeps, order, strict=True):
        stimulus = next(s for key, s in known["stimulus"].items() if number_of(key) == number_of(series))
        assert sweep.name == series
        assert sweep.dt == pytest.approx(1000.0 / told["rate_hz"])
        for values, factor, one in ((sweep.v, 1e3, told), (sweep.current, 1e12, stimulus)):
            ends = factor * one["scaled_min"], factor * one["scaled_max"], factor * one["scaled_mean"]
            assert (values.min(), values.max(), values.mean()) == pytest.approx(ends, rel=1e-5, abs=1e-3)


def number_of(name: str) -> int:
    return int(name.rsplit("_", 1)[1])


def test_counts_of_wavesurfer_go_through_their_polynomial(truth: dict[str, Any]) -> None:
    _, sweeps = stored(FOLDER / "wavesurfer/ws_v100_data.h5")
    (trace,) = sweeps[0].traces
    told = truth["wavesurfer/ws_v100_data.h5"]["scaled_first5_volts_by_coefficients"]
    assert trace.values[:5] == pytest.approx(told, abs=1e-9)
    assert (trace.name, trace.unit, trace.dt) == ("AI0", "V", 0.05)


def test_records_of_wcp(truth: dict[str, Any]) -> None:
    file = opened("wcp/wcp-file.wcp")
    for sweep, told in zip(file.sweeps, truth["wcp/wcp-file.wcp"]["neo"], strict=False):
        assert sweep.current[:3] == pytest.approx([row[0] for row in told[0]["first3"]], rel=1e-5)
        assert sweep.v[:3] == pytest.approx([row[0] for row in told[1]["first3"]], rel=1e-5)
        assert sweep.dt == pytest.approx(1.0, rel=1e-6)
    assert any("does not say whether potential or current was clamped" in note for note in file.notes)


def test_a_channel_in_the_wrong_unit_is_not_believed_when_it_is_said_either() -> None:
    with pytest.raises(RheobaseError, match=r"a potential of at most 1.28e\+03 mV"):
        read(FOLDER / "abf/180329_ts_0005-badUnits.abf", channel="IN 0", units="mV,pA")


def test_an_offset_is_noticed() -> None:
    assert any("is an offset left in it?" in note for note in opened("nwb/hippocampus_99111002.nwb").notes)
