"""What was saved under the names of before loads: states, and a run of `rheobase train`."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from rheobase import Noisy, Refractory, learning, neurons, nn
from rheobase.cli.app import app

SAVED = Path(__file__).parent / "saved"
LAYERS = {
    "noisy": (lambda: Noisy(neurons.LIF(3, dt=1.0)), (3,)),
    "refractory": (lambda: Refractory(neurons.AdLIF(3), tau_refrac=2.0), (3,)),
    "spik_gru": (lambda: nn.SpikGRU(3, 4), (3,)),
    "cs_gru": (lambda: nn.CSGRU(1, 2), (1, 4, 4)),
    "conv_gru": (lambda: nn.ConvGRU(1, 2), (1, 4, 4)),
    "recurrent": (lambda: nn.Recurrent(neurons.LIF(3, dt=1.0)), (3,)),
    "recurrent_delay": (lambda: nn.RecurrentDelay(neurons.LIF(3, dt=1.0), taps=3), (3,)),
    "src": (lambda: neurons.SRC(3), (3,)),
    "sequential": (
        lambda: nn.Sequential(nn.Linear(3, 4), neurons.LIF(4, dt=1.0), nn.Linear(4, 2), neurons.LI(2, dt=1.0)),
        (3,),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_run_goes_on_from_a_state_of_before(name: str) -> None:
    held = torch.load(SAVED / "states.pt", weights_only=True)
    assert set(held) == set(LAYERS)
    make, shape = LAYERS[name]
    out, _ = make()(torch.rand(2, 2, *shape), held[name])
    assert bool(torch.isfinite(out).all())


def test_a_run_of_before_is_resumed(tmp_path: Path) -> None:
    """Without its result it is one that was interrupted before the test; the test then finds what it found."""
    folder = tmp_path / "run"
    shutil.copytree(SAVED / "run", folder)
    before = json.loads((folder / "result.json").read_text())
    (folder / "result.json").unlink()
    found = CliRunner().invoke(app, ["train", "--resume", str(folder)])
    assert found.exit_code == 0, found.output
    after = json.loads((folder / "result.json").read_text())
    assert after["test"]["accuracy"] == before["test"]["accuracy"]
    assert (folder / "report.html").exists()


def test_names_that_moved_say_where_they_are() -> None:
    with pytest.warns(DeprecationWarning, match=r"rheobase\.learning\.operations is now rheobase\.energy"):
        assert learning.operations.Operations(1, 0, 0, 0, 0, 0).spikes_in == 1
    with pytest.warns(DeprecationWarning, match=r"learning\.dqif is now rheobase\.reproduce\.dqif\.theory"):
        assert callable(learning.dqif.window)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert callable(learning.loss)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        learning.nothing  # noqa: B018
