from __future__ import annotations

import math

import pytest
import torch

from rheobase import neurons, nn
from rheobase.cli.quantity import parse_hidden
from rheobase.data import Direct, Latency, Rate, Thermometer, load
from rheobase.errors import CheckpointError, ParameterError
from rheobase.nn import Scale
from rheobase.runs.network import build
from rheobase.runs.settings import Settings

DATA = load("digits", limit=100)


def settings(**given):
    names = Settings.__dataclass_fields__
    return Settings.resolve({**dict.fromkeys(names), "neuron": "SRC", "data": "digits", **given}, DATA)


def built(seed=0, **given):
    torch.manual_seed(seed)
    return build(settings(**given), DATA)


def kinds(net):
    return [type(layer).__name__ for layer in net.layers]


def test_src_is_built_as_its_authors_do():
    net = built(hidden=(30,))
    assert kinds(net) == ["Flatten", "Linear", "SRC", "Linear", "SRC", "GroupReadout"]
    assert net[4].shape == (100,)  # ten cells for each class
    for linear, bound in ((net[1], math.sqrt(2 * 6 / (64 + 30))), (net[3], math.sqrt(2 * 6 / (30 + 100)))):
        assert linear.bias is None
        assert 0.98 * bound < float(linear.weight.detach().abs().max()) <= bound
    assert [name for name, _ in net.named_parameters()] == ["1.weight", "2.b_h", "3.weight", "4.b_h"]
    assert net[2].b_h.tolist() == [-6.0] * 30


def test_without_hidden_layers_src_is_the_network_of_its_authors_export():
    assert kinds(built(hidden=())) == ["Flatten", "Linear", "SRC", "GroupReadout"]


def test_others_stand_between_linear_layers_and_are_read_out_by_leaky_integrators():
    net = built(neuron="LIF", hidden=(20, 10))
    assert kinds(net) == ["Flatten", "Linear", "LIF", "Linear", "LIF", "Linear", "LI"]
    assert net.dt == 1.0
    assert net[6].shape == (10,)


def test_lateral_weights_on_request():
    net = built(neuron="AdLIF", hidden=(20,), recurrent=True)
    assert kinds(net) == ["Flatten", "Linear", "Recurrent", "Linear", "LI"]
    assert isinstance(net[2], nn.Recurrent)


def test_where_the_input_has_a_unit_one_stands_for_the_rheobase():
    net = built(neuron="ResonateAndFire", hidden=(5,))
    scale = net[2]
    assert isinstance(scale, Scale)
    constant = torch.full((400, 1, 5), scale.factor)
    above, _ = neurons.ResonateAndFire(5, dt=0.1)(1.05 * constant.repeat(10, 1, 1))
    below, _ = neurons.ResonateAndFire(5, dt=0.1)(0.95 * constant.repeat(10, 1, 1))
    assert above.any()
    assert not below.any()


def test_the_seed_decides_the_weights():
    one, same, other = (built(seed)[1].weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("name", "kind"), [("rate", Rate), ("thermometer", Thermometer), ("latency", Latency), ("direct", Direct)]
)
def test_encoders(name, kind):
    assert isinstance(settings(encoder=name, steps=7).encode(DATA), kind)
    assert settings(encoder=name, steps=7).encode(DATA).steps == 7


def test_settings_survive_json():
    import json

    chosen = settings(hidden=(3, 4), lr=0.1)
    assert Settings.from_json(json.loads(json.dumps(chosen.as_json())), "here") == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", [3.0]),
        ("hidden", ["3"]),
        ("hidden", [0]),
        ("hidden", 3),
        ("neuron", None),
        ("steps", "5"),
        ("steps", True),
        ("recurrent", 1),
        ("lr", "0.1"),
        ("limit", 1.5),
        ("data", None),
        ("data_dir", 3),
    ],
)
def test_settings_of_another_type_are_refused_by_name(name, value):
    content = settings().as_json() | {name: value}
    with pytest.raises(CheckpointError, match=rf"here: got {name} = "):
        Settings.from_json(content, "here")


def test_threads_that_are_none():
    from rheobase.runs.threads import threads

    with pytest.raises(ParameterError, match="--threads 1"), threads(0):
        pass


def test_small_networks_take_one_thread_and_what_is_said_wins():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert settings(hidden=(256,)).threads == 1
        assert settings(hidden=(4096,)).threads == 2
        assert settings(threads=3).threads == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("text", ["a", "12,", "-3", "0", "1.5", "12;3"])
def test_sizes_that_are_none(text):
    with pytest.raises(ParameterError, match="--hidden"):
        parse_hidden(text)
