"""What a newcomer gives `deploy`, `certify` and `save` by mistake ends in one error in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import chip, neurons, nn
from rheobase.chip import fixed_point, loihi, truenorth
from rheobase.errors import NotRepresentable, ParameterError, RheobaseError

X = (torch.rand(8, 5, 6, generator=torch.Generator().manual_seed(0)) < 0.5).float()


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 4, bias=False), neurons.IF(4, dt=1.0, v_threshold=2.0))


def whole() -> Any:
    return nn.quantised(plain(), whole=1)


def said(error: pytest.ExceptionInfo[RheobaseError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


PREDICT = [
    (lambda out: out.argmax(2), "a tensor of shape (8, 5) from predict"),  # of each step
    (lambda out: out.sum((0, 1)).argmax(0)[None], "a tensor of shape (1,) from predict"),
    (lambda out: out.sum(), "a tensor of shape () from predict"),
    (lambda out: out.sum(0).argmax(1).numpy(), "a ndarray from predict"),
    (lambda out: [1] * out.shape[1], "a list from predict"),
    ("sum", "predict='sum'"),
]


@pytest.mark.parametrize(("predict", "given"), PREDICT, ids=lambda value: value if isinstance(value, str) else "")
def test_predict_gives_a_class_for_each_sample(predict: Any, given: str) -> None:
    """A class for each step, or one for all, would be counted as those of samples."""
    with pytest.raises(ParameterError) as error:
        chip.deploy(whole(), x=X, predict=predict)
    assert said(error).startswith(f"deploy: got {given}")
    fixed, _ = fixed_point.quantise(plain(), X)
    with pytest.raises(ParameterError) as error:
        fixed_point.certify(fixed, X, predict=predict)
    assert said(error).startswith(f"certify: got {given}")


def test_a_chip_that_says_nothing_is_told_of() -> None:
    """Its certificate is whole, of nothing but silence."""
    net = nn.Sequential(nn.Linear(6, 4, bias=False), neurons.IF(4, dt=1.0, v_threshold=6.0))
    net[0].weight.data = torch.ones(4, 6)
    x = X.clone()
    x[:, :3] = 0
    x[0, 0, 0] = 1
    _, report = chip.deploy(net, x=x)
    assert (report.same_spikes, report.samples, report.silent) == (5, 5, 3)
    assert "no spike leaves the chip in 3 of 5 samples" in str(report)
    assert report.as_json()["silent"] == 3
    assert "no spike leaves" not in str(chip.deploy(net, x=x[:, 3:])[1])


def test_samples_in_the_place_of_the_chip() -> None:
    with pytest.raises(ParameterError) as error:
        chip.deploy(whole(), X)  # type: ignore[arg-type]
    assert "chip=a Tensor" in said(error)
    assert "samples are the argument x" in said(error)
    with pytest.raises(ParameterError, match="chip='truenorth'"):
        chip.deploy(whole(), "truenorth", X)  # type: ignore[arg-type]


@pytest.mark.parametrize("software", ["IF", 1, "1", None])
def test_software_is_a_tuple(software: Any) -> None:
    with pytest.raises(ParameterError) as error:
        chip.deploy(whole(), x=X, software=software)
    assert f"software: got {software!r}; expected a tuple" in said(error)


def test_a_network_that_is_quantised_is_named_in_one_line() -> None:
    with pytest.raises(NotRepresentable) as error:
        chip.deploy(whole(), chip.Loihi(), X)
    assert said(error).startswith("layer 0, Linear(in_features=6, out_features=4, bias=False), with layer 1: ")


def test_confined_takes_weights_that_it_can_scale() -> None:
    """Those that are quantised would be cut, and not scaled."""
    with pytest.raises(ParameterError, match=r"nn.quantised\(chip.confined\(net\), whole=1\)"):
        chip.confined(whole(), inputs=3)


@pytest.mark.parametrize("kind", [truenorth, loihi])
def test_what_is_no_configuration_of_this_chip_is_not_saved(kind: Any, tmp_path: Path) -> None:
    boards = {truenorth: chip.TrueNorth(), loihi: chip.Loihi()}
    made = {
        each: chip.deploy(whole(), board, X, allow=("reset",) * (each is loihi))[0] for each, board in boards.items()
    }
    for wrong in (made[kind], *(one.net for each, one in made.items() if each is not kind), np.zeros(3)):
        with pytest.raises(ParameterError) as error:
            kind.save(wrong, tmp_path / "a.safetensors")
        assert "(deployed.net, path)" in said(error)
    assert not list(tmp_path.iterdir())
    kind.save(made[kind].net, tmp_path / "a.safetensors")
