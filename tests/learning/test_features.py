"""Features of a trace beside those that eFEL's authors stored for it."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.errors import ParameterError
from rheobase.learning import Recording, features

pytest.importorskip("efel", reason="efel is in rheobase[bio]")
FOLDER = Path(os.environ.get("RHEOBASE_DATA", "data")) / "oracle_efel"
NAMES = (
    "mean_frequency", "time_to_first_spike", "ISI_CV", "adaptation_index2", "AP1_peak", "AP1_width", "AP_width",
    "mean_AP_amplitude", "AHP_depth", "voltage_base", "steady_state_voltage_stimend", "AP_height",
)  # fmt: skip


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no oracle_efel/ in RHEOBASE_DATA")
def test_of_a_stored_trace() -> None:
    """The means of eFEL's stored values; 3e-5, since its times are float32 and ours are multiples of dt."""
    time, v = np.loadtxt(FOLDER / "testdata.txt.gz").T
    expected = json.loads(gzip.decompress((FOLDER / "expectedresults.json.gz").read_bytes()))
    recording = Recording(torch.tensor(v)[None], torch.zeros(1, len(v)), float(time[1] - time[0]), level=-20.0)
    (found,) = features(recording, start=700.0, stop=2700.0, names=NAMES)
    for name in NAMES:
        assert found[name] == pytest.approx(float(np.mean(expected[name])), rel=3e-5), name


def test_a_name_that_efel_has_not() -> None:
    recording = Recording(torch.full((1, 100), -70.0), torch.zeros(1, 100), 0.1)
    with pytest.raises(ParameterError, match="AP_widht"):
        features(recording, start=1.0, stop=5.0, names=("AP_widht",))


@pytest.mark.parametrize(
    ("start", "stop", "said"),
    [
        (5.0, 1.0, "start before stop"),
        (float("nan"), 5.0, "start before stop"),
        (1.0, 50.0, "inside of 0 to 10 ms"),
        (20.0, 30.0, "inside of 0 to 10 ms"),
        (-5.0, 5.0, "inside of 0 to 10 ms"),
    ],
)
def test_a_stimulus_that_is_not_in_the_recording(start: float, stop: float, said: str) -> None:
    """Of which eFEL would give a latency of minus a second, and a rate of 0 for a trace with spikes."""
    recording = Recording(torch.full((1, 100), -70.0), torch.zeros(1, 100), 0.1)
    with pytest.raises(ParameterError, match=said):
        features(recording, start=start, stop=stop)


def test_a_name_alone_is_no_sequence_of_names() -> None:
    recording = Recording(torch.full((1, 100), -70.0), torch.zeros(1, 100), 0.1)
    with pytest.raises(ParameterError, match=r"names=.*spike_count"):
        features(recording, start=1.0, stop=5.0, names="spike_count")
