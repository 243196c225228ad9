"""The equations of every neuron hold together in the units that it declares."""

from __future__ import annotations

from itertools import product

import pytest

from rheobase import OdeNeuron, integrators
from rheobase.core.interpreters.unit_check import check_units
from rheobase.units import parse
from tests.contract.models import MODELS, Model, every_model

ALL = [getattr(integrators, name)() for name in integrators.__all__ if name != "Integrator"]


@every_model
def test_declared_units_can_be_read(model: Model) -> None:
    neuron = model.make(1)
    for spec in (*neuron.params.values(), *neuron.states.values()):
        parse(spec.unit)
    parse(neuron.input_unit)


@every_model
def test_equations(model: Model) -> None:
    """In every form that its options give it."""
    choices = {name: spec.choices for name, spec in model.cls.declared_options.items()}
    for chosen in product(*choices.values()):
        check_units(model.with_options(**dict(zip(choices, chosen, strict=True))).make(1))


@pytest.mark.parametrize("integrator", ALL, ids=repr)
@pytest.mark.parametrize("model", [m for m in MODELS if issubclass(m.cls, OdeNeuron)], ids=lambda m: m.name)
def test_integrators_keep_units(model: Model, integrator: integrators.Integrator) -> None:
    check_units(model.make(1, integrator=integrator))


@every_model
def test_time_is_in_ms(model: Model) -> None:
    """Of a neuron with a dt; one that counts in steps has pure numbers."""
    neuron = model.make(1)
    allowed = {"ms"} if neuron.dt is not None else {"1"}
    times = {k: spec.unit for k, spec in neuron.params.items() if k.startswith("tau")}
    assert set(times.values()) <= allowed, times
