"""Keywords and classes of other libraries are answered with what to write here, by every neuron."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

import rheobase
from rheobase import neurons, nn
from rheobase.core.declaration.elsewhere import CLASSES, NAMES, RESETS, SETTING, SUBTRACTING, WORDS
from rheobase.core.declaration.population import Declared
from rheobase.errors import ParameterError
from rheobase.runs.neurons_by_name import find

# keywords of the constructors of Leaky, Synaptic, RLeaky and Lapicque (snnTorch 1.0), LIFNode, IFNode and
# ParametricLIFNode (SpikingJelly 2.0), LIFCell and its parameters (Norse 1.1), NeuronGroup (Brian2 2.9) and the names
# in its examples; those that are spelt the same here, and with the same meaning, are left out
SNNTORCH = (
    "beta alpha threshold spike_grad surrogate_disable init_hidden inhibition learn_beta learn_alpha learn_threshold "
    "reset_mechanism state_quant output graded_spikes_factor learn_graded_spikes_factor reset_delay V all_to_all "
    "linear_features conv2d_channels learn_recurrent R C time_step"
)
SPIKINGJELLY = "tau init_tau decay_input v_reset surrogate_function step_mode backend store_v_seq v_rest v_c theta_rh"
NORSE = "p tau_syn_inv tau_mem_inv v_th v_reset method alpha input_size hidden_size recurrent_weights"
BRIAN2 = "N model threshold reset refractory method namespace events order dtype taum El Vr Vt vr vt gL"
KEYWORDS = sorted({*SNNTORCH.split(), *SPIKINGJELLY.split(), *NORSE.split(), *BRIAN2.split()})
ALL = [getattr(neurons, name) for name in neurons.__all__]
every_neuron = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)

# to LIF: the keyword, what is given, and what the answer says
SAID: list[tuple[str, Any, str]] = [
    ("beta", 0.9, "tau_mem=rheobase.from_decay(0.9, dt), with the input times rheobase.input_scale(0.9)"),
    ("threshold", 1.0, "it is called v_threshold here"),
    ("threshold", "v > 1", "a number, v_threshold=1.0"),
    ("tau", 2.0, "it is called tau_mem here"),
    ("v_rest", 0.0, "it is called v_leak here"),
    ("v_reset", 0.0, "neurons.HardResetLIF(..., v_reset=0.0)"),
    ("v_reset", -0.5, "neurons.HardResetLIF(..., v_reset=-0.5)"),
    ("v_reset", None, "leave it out: LIF subtracts"),
    ("reset", "subtract", "leave it out: LIF subtracts"),
    ("reset", "zero", "neurons.HardResetLIF(..., v_reset=0.0)"),
    ("reset", "to", "neurons.HardResetLIF(..., v_reset=0.0)"),
    ("reset", "v = 0*mV", "neurons.HardResetLIF(..., v_reset=0.0)"),
    ("reset", "v -= 1", "leave it out: LIF subtracts"),
    ("reset_mechanism", "subtract", "leave it out: LIF subtracts"),
    ("reset_mechanism", "zero", "neurons.HardResetLIF(..., v_reset=0.0)"),
    ("reset_mechanism", "none", "crossing = True"),
    ("hard_reset", True, "neurons.HardResetLIF(..., v_reset=0.0)"),
    ("hard_reset", False, "leave it out: LIF subtracts"),
    ("soft_reset", True, "leave it out: LIF subtracts"),
    ("reset_delay", True, "v_threshold=threshold/beta, v_leak=threshold*(1/beta - 1)"),
    ("reset_delay", False, "leave it out: LIF resets in the step of the spike"),
    ("step_mode", "m", "whole sequence"),
    ("surrogate_function", None, "it is called surrogate here"),
    ("spike_grad", None, "it is called surrogate here"),
    ("init_hidden", True, "out, state = neuron(x, state)"),
    ("learn_beta", True, "learn=('tau_mem',)"),
    ("refractory", 5.0, "rheobase.Refractory(neuron, tau_refrac=2.0)"),
    ("decay_input", False, "input_scale(1 - 1/tau)"),
    ("tau_mem_inv", 100.0, "1000/tau_mem_inv"),
]


def answer(kind: type[Declared], **given: Any) -> ParameterError:
    with pytest.raises(ParameterError) as caught:
        kind(3, **({"dt": 1.0} if issubclass(kind, rheobase.OdeNeuron) else {}), **given)
    return caught.value


@pytest.mark.parametrize(("word", "value", "said"), SAID)
def test_what_lif_says(word: str, value: Any, said: str) -> None:
    error = answer(neurons.LIF, **{word: value})
    assert said in error.remedy
    assert repr(word) in error.given


def test_every_keyword_is_known() -> None:
    assert set(KEYWORDS) - WORDS - set(RESETS) == {"reset_delay"}


@every_neuron
def test_every_neuron_answers_every_keyword(kind: type[Declared]) -> None:
    """With names that it has, and classes and functions that there are; none is taken for a misspelling."""
    own = {*kind.params, *kind.declared_options, "dt", "surrogate", "integrator", "learn"}
    for word in [*KEYWORDS, *sorted(WORDS), *RESETS]:
        if word in own:
            continue
        for value in (0.5, "zero", "subtract", True, None):
            remedy = answer(kind, **{word: value}).remedy
            assert "did you mean" not in remedy, word
            assert set(re.findall(r"it is called (\w+) here", remedy)) <= own, (word, remedy)
            learnt = re.findall(r"learn=\('(\w+)',\)", remedy)
            assert set(learnt) <= set(kind.params), (word, remedy)
            if re.match(r"tau_\w+=", remedy):
                assert remedy.partition("=")[0] in own, (word, remedy)
            exist(remedy)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_another_library_is_answered(name: str) -> None:
    with pytest.raises(AttributeError, match=r"Remedy: ") as caught:
        getattr(neurons, name)
    exist(str(caught.value))
    with pytest.raises(ParameterError) as by_name:
        find(name)
    assert by_name.value.remedy == CLASSES[name]
    assert not hasattr(neurons, "Liff")


def exist(text: str) -> None:
    """Every name of the library in the text is there."""
    for path in re.findall(r"(?<![.\w])((?:rheobase|neurons|nn)(?:\.[A-Za-z_]\w*)+)", text):
        found: Any = rheobase
        for part in path.removeprefix("rheobase.").split("."):
            found = getattr(found, part)


@pytest.mark.parametrize("soft", ["LIF", "IF"])
def test_the_twins_say_each_others_name(soft: str) -> None:
    """What is advised is made as it stands, and has the reset that was asked for."""
    written = answer(getattr(neurons, soft), v_reset=-0.5).remedy.partition(";")[0].replace("...", "3, dt=1.0")
    hard = eval(written, {"neurons": neurons})
    assert hard.v_reset == -0.5
    back = answer(type(hard), v_reset=None).remedy
    assert back.startswith(f"neurons.{soft},")
    assert SETTING[type(hard).__name__] == f"neurons.{soft}"
    assert set(SUBTRACTING) == {"LIF", "IF", "CubaLIF"}


def test_a_parameter_that_is_none() -> None:
    assert answer(neurons.LIF, tau_mem=None).remedy == "leave it out for 20.0"
    assert answer(neurons.LIF, v_threshold=None).remedy == "leave it out for 1.0"
    assert "neurons.IF subtract" in answer(neurons.AdEx, v_reset=None).remedy


def test_the_keyword_is_answered_before_shape_and_dt() -> None:
    """`Leaky(beta=0.9)` has neither: that it is another word comes first."""
    wrong: Any = neurons.LIF
    with pytest.raises(ParameterError, match="from_decay"):
        wrong(beta=0.9)


def test_names_are_words_of_one_list() -> None:
    known = {name for kind in ALL for name in kind.params} | {"surrogate", "dt"}
    assert {ours for names in NAMES.values() for ours in names} <= known


@pytest.mark.parametrize("function", ["from_decay", "input_scale"])
def test_a_decay_that_is_none_says_how_snntorch_scales(function: str) -> None:
    with pytest.raises(ParameterError, match=r"input_scale\(beta\) = 1/\(1 - beta\)"):
        getattr(rheobase, function)(1.0)


def test_a_neuron_inside_torchs_sequential_is_refused() -> None:
    chain = torch.nn.Sequential(torch.nn.Linear(4, 3), neurons.LIF(3, dt=1.0))
    with pytest.raises(ParameterError, match=r"rheobase\.nn\.Sequential"):
        nn.Sequential(chain, torch.nn.Linear(3, 2))
