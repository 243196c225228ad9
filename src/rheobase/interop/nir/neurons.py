"""The table of neurons and NIR nodes: which corresponds to which, and how parameters are converted."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rheobase import neurons
from rheobase.core import OdeNeuron, integrators, surrogates
from rheobase.interop.nir.cells import CubaLI, HardResetCubaLIF, InOrder, PureIntegrator
from rheobase.interop.nir.values import LEVEL, PLAIN, RATE, TIME, Form

OWN = ("learn", "surrogate", "detach_reset", "detach_spike", "integrator")  # noted beside the parameters


@dataclass(frozen=True)
class Kind:
    """A node of NIR: its class here, that with a reset which subtracts, and its parameters.

    parameters  by their names here: the name there, the form, and the value where a file has none
    scaled      its r has no place in the class: a layer of its own before it
    """

    plain: type[OdeNeuron]
    subtracting: type[OdeNeuron] | None
    parameters: Mapping[str, tuple[str, Form, float | None]]
    scaled: bool = False


_LEAK, _SPIKES = (
    ("v_leak", PLAIN, None),
    {"v_threshold": ("v_threshold", LEVEL, None), "v_reset": ("v_reset", PLAIN, 0.0)},
)
_CUBA: Mapping[str, tuple[str, Form, float | None]] = {
    "tau_syn": ("tau_syn", TIME, None),
    "tau_mem": ("tau_mem", TIME, None),
    "r": ("r", PLAIN, None),
    "w_in": ("w_in", PLAIN, 1.0),
    "v_leak": _LEAK,
}
KINDS: Mapping[str, Kind] = {
    "I": Kind(PureIntegrator, None, {"r": ("r", RATE, None)}),
    "LI": Kind(neurons.LI, None, {"tau_mem": ("tau", TIME, None), "v_leak": _LEAK}, scaled=True),
    "IF": Kind(neurons.HardResetIF, neurons.IF, {"r": ("r", RATE, None), **_SPIKES}),
    "LIF": Kind(
        neurons.HardResetLIF, neurons.LIF, {"tau_mem": ("tau", TIME, None), "v_leak": _LEAK, **_SPIKES}, scaled=True
    ),
    "CubaLI": Kind(CubaLI, None, _CUBA),
    "CubaLIF": Kind(HardResetCubaLIF, neurons.CubaLIF, {**_CUBA, **_SPIKES}),
}
# the node of each class, and whether its reset subtracts
WRITTEN: Mapping[type[OdeNeuron], tuple[str, bool]] = {
    **{kind.plain: (name, False) for name, kind in KINDS.items()},
    **{kind.subtracting: (name, True) for name, kind in KINDS.items() if kind.subtracting is not None},
}


def described(neuron: OdeNeuron) -> dict[str, Any]:
    """What NIR has no place for, as text for the metadata: the class, and its choices for training and numerics."""
    return {
        "neuron": type(neuron).__name__,
        "learn": ",".join(neuron.learn),
        "surrogate": repr(neuron.surrogate),
        "detach_reset": str(neuron.detach_reset),
        "detach_spike": str(neuron.detach_spike),
        "integrator": repr(neuron.integrator),
    }


def choices(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that `described` wrote; what is not known here, as another version may write it, is left out."""
    found: dict[str, Any] = {}
    if text := metadata.get("learn"):
        found["learn"] = tuple(str(text).split(","))
    for name in ("detach_reset", "detach_spike"):
        if metadata.get(name) in ("True", "False"):
            found[name] = metadata[name] == "True"
    for name, module in (("surrogate", vars(surrogates)), ("integrator", {**vars(integrators), "InOrder": InOrder})):
        made = _made(str(metadata.get(name, "")), module)
        if made is not None:
            found[name] = made
    return found


def _made(text: str, known: Mapping[str, Any]) -> Any:
    """The object of a repr like ATan(alpha=2.0), of a class in `known`; None for other text. No code is run."""
    match = re.fullmatch(r"([A-Z]\w*)\((.*)\)", text)
    kind = known.get(match[1]) if match else None
    if match is None or not isinstance(kind, type) or not hasattr(kind, "__dataclass_fields__"):
        return None
    given: dict[str, Any] = {}
    for name, value in re.findall(r"(\w+)=((?:[A-Z]\w*\([^()]*\))|[^,()]+)", match[2]):
        inner = _made(value, known)
        try:
            given[name] = ast.literal_eval(value) if inner is None else inner
        except (ValueError, SyntaxError):
            return None
    return kind(**given) if set(given) <= set(kind.__dataclass_fields__) else None
