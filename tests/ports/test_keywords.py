"""Keywords of other libraries are answered with what they are called here."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import from_decay, neurons, nn
from rheobase.core.declaration.elsewhere import NAMES, REMEDIES
from rheobase.errors import ParameterError

SAID = {
    "beta": "from_decay(beta, dt)",
    "v_reset": "GLIF1",
    "tau": "tau_mem",
    "threshold": "v_threshold",
    "v_rest": "v_leak",
    "reset_mechanism": "subtract v_threshold",
    "step_mode": "whole sequence",
    "surrogate_function": "surrogate",
    "spike_grad": "surrogate",
    "refractory": "Refractory",
    "decay_input": "input_scale",
}


@pytest.mark.parametrize(("word", "said"), SAID.items())
def test_a_keyword_of_another_library_is_answered(word: str, said: str) -> None:
    given: dict[str, Any] = {word: 0.5}
    with pytest.raises(ParameterError) as caught:
        neurons.LIF(3, dt=1.0, **given)
    assert said in caught.value.remedy
    assert "did you mean" not in caught.value.remedy


def test_every_name_that_is_advised_exists() -> None:
    known = {name for kind in neurons.__all__ for name in getattr(neurons, kind).params} | {"surrogate"}
    assert {ours for names in NAMES.values() for ours in names} <= known
    assert not NAMES.keys() & REMEDIES.keys()


@pytest.mark.parametrize("kind", ["GLIF1", "EIF", "AdEx", "QIF"])
def test_those_said_to_reset_do(kind: str) -> None:
    assert "v_reset" in getattr(neurons, kind).params


def test_a_decay_that_is_none_says_how_snntorch_scales() -> None:
    with pytest.raises(ParameterError, match=r"input_scale\(beta\) = 1/\(1 - beta\)"):
        from_decay(1.0)


def test_a_neuron_inside_torchs_sequential_is_refused() -> None:
    chain = torch.nn.Sequential(torch.nn.Linear(4, 3), neurons.LIF(3, dt=1.0))
    with pytest.raises(ParameterError, match=r"rheobase\.nn\.Sequential"):
        nn.Sequential(chain, torch.nn.Linear(3, 2))
