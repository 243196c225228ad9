"""GLIF models of the Allen Cell Types Database: a `neuron_config` in SI units in, a GLIF1 to GLIF5 out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from rheobase import neurons
from rheobase.checks import is_number
from rheobase.core import Neuron
from rheobase.errors import DataError, NotRepresentable, nearest

# SI into the coherent units of the neurons: V, A, F, S, s and 1/s into mV, pA, pF, nS, ms and 1/ms
MILLI, NANO, PICO, PER_MS = 1e3, 1e9, 1e12, 1e-3

# the range that plausible values of cells and of simulation steps lie in
RESISTANCE, CAPACITANCE = (1e5, 1e12, "Ohm"), (1e-13, 1e-7, "F")
POTENTIAL, TIME = (1e-5, 1.0, "V"), (1e-7, 1e-2, "s")

# the rules by which a level is known: after-spike currents, threshold and voltage reset
LEVELS: Mapping[tuple[str, str, str], type[Any]] = {
    ("none", "inf", "zero"): neurons.GLIF1,
    ("none", "spike_component", "v_before"): neurons.GLIF2,
    ("exp", "inf", "zero"): neurons.GLIF3,
    ("exp", "spike_component", "v_before"): neurons.GLIF4,
    ("exp", "three_components_exact", "v_before"): neurons.GLIF5,
}
# what the rest of the rules must be, since the neurons know no other
AGREEING: Mapping[str, str] = {
    "none": "none",
    "exp": "sum",
    "inf": "inf",
    "spike_component": "three_components",
    "three_components_exact": "three_components",
}

Config = Mapping[str, Any] | str | PathLike[str]


def from_allen_glif(neuron_config: Config, *, dt: float, shape: int | Sequence[int] = 1) -> Neuron:
    """The GLIF neuron of the level that an Allen `neuron_config` describes, with its parameters.

    `neuron_config` is the mapping itself, or the path of a JSON file that holds it. The level follows from its
    methods. Potentials become absolute by `El_reference`; `dt` (ms) is that of the neuron and need not be the one of
    the configuration, whose `spike_cut_length` counts steps of its own.

    Raises: `DataError` for a file or a value that cannot be read, `NotRepresentable` for rules that no GLIF neuron
    has, `ParameterError` for a value that the neuron forbids.

    >>> config = {
    ...     "C": 1e-10,
    ...     "R_input": 2e8,
    ...     "El": 0.0,
    ...     "El_reference": -0.07,
    ...     "th_inf": 0.02,
    ...     "dt": 5e-5,
    ...     "spike_cut_length": 60,
    ...     "AScurrent_dynamics_method": {"name": "none"},
    ...     "threshold_dynamics_method": {"name": "inf"},
    ...     "voltage_reset_method": {"name": "zero"},
    ... }
    >>> from_allen_glif(config, dt=0.05).v_threshold
    tensor(-50.)
    """
    kind, values = allen_glif_parameters(neuron_config)
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return kind(*sizes, dt=dt, **values)


def allen_glif_parameters(neuron_config: Config) -> tuple[type[Any], dict[str, float]]:
    """The class of the neuron, and its parameters in pF, nS, mV, pA and ms.

    For a population of many cells of one level: stack the values of each name into a tensor.

    Raises: as `from_allen_glif`.
    """
    config = _Config(neuron_config)
    asc = config.method("AScurrent_dynamics_method")
    threshold = config.method("threshold_dynamics_method")
    reset = config.method("voltage_reset_method")
    config.expect("voltage_dynamics_method", "linear_forward_euler", "linear_exact")
    config.expect("AScurrent_reset_method", AGREEING.get(asc, asc))
    config.expect("threshold_reset_method", AGREEING.get(threshold, threshold))
    kind = LEVELS.get((asc, threshold, reset))
    if kind is None:
        known = "; ".join(" + ".join(rules) for rules in LEVELS)
        raise NotRepresentable(config.name, f"the rules {asc} + {threshold} + {reset}", known, "take a GLIF1 to GLIF5")
    values = _membrane(config)
    if reset == "v_before":
        values |= _reset_rules(config)
    else:
        values["v_reset"] = MILLI * config.number("El_reference", default=0.0)
    if asc == "exp":
        values |= _after_spike_currents(config)
    if threshold == "three_components_exact":
        rates = config.inside("threshold_dynamics_method", "params")
        values["a_v"] = PER_MS * rates.number("a_voltage") * config.coefficient("a")
        values["b_v"] = PER_MS * rates.number("b_voltage") * config.coefficient("b")
    config.expect_rest()
    return kind, values


def _membrane(config: _Config) -> dict[str, float]:
    """The numbers that every level has."""
    resistance = config.number("R_input", within=RESISTANCE)
    if resistance <= 0:
        raise DataError(config.name, f"R_input = {resistance}", "R_input > 0, in Ohm", "correct the configuration")
    steps = config.number("spike_cut_length")
    if steps < 1:
        given = f"spike_cut_length = {steps:g}"
        raise NotRepresentable(config.name, given, "at least one step", "a neuron here is refractory for a while")
    # the authors measure every potential from the resting potential of the cell
    origin = MILLI * config.number("El_reference", default=0.0, within=POTENTIAL)
    return dict(
        c_mem=PICO * config.number("C", within=CAPACITANCE) * config.coefficient("C"),
        g_leak=NANO / resistance * config.coefficient("G"),
        v_leak=origin + MILLI * config.number("El"),
        v_threshold=origin + MILLI * config.number("th_inf", within=POTENTIAL) * config.coefficient("th_inf"),
        tau_refrac=MILLI * steps * config.number("dt", within=TIME),
    )


def _reset_rules(config: _Config) -> dict[str, float]:
    """The reset v <- a v + b, relative to rest instead of the reference; and the spike-dependent threshold."""
    voltage = config.inside("voltage_reset_method", "params")
    decay = config.inside("threshold_dynamics_method", "params").number("b_spike")
    spike = config.inside("threshold_reset_method", "params")
    if spike.number("b_spike", default=decay) != decay:
        given, expected = "two values of b_spike", "one"
        raise NotRepresentable(config.name, given, expected, "the threshold of a neuron decays at one rate")
    a, b, rest = voltage.number("a"), voltage.number("b"), config.number("El")
    return dict(
        f_v=a,
        v_add=MILLI * (b + (a - 1.0) * rest),
        theta_add=MILLI * spike.number("a_spike"),
        b_s=PER_MS * decay,
    )


def _after_spike_currents(config: _Config) -> dict[str, float]:
    added, taus = config.pair("asc_amp_array"), config.pair("asc_tau_array")
    left = config.inside("AScurrent_reset_method", "params").pair("r")
    scale = config.inside("coeffs").pair("asc_amp_array", default=(1.0, 1.0))
    values: dict[str, float] = {}
    for k in (0, 1):
        values[f"tau_asc_{k + 1}"] = MILLI * taus[k]
        values[f"asc_add_{k + 1}"] = PICO * added[k] * scale[k]
        values[f"f_asc_{k + 1}"] = left[k]
    return values


class _Config:
    """A configuration, or a part of one, with questions that say what is wrong with it."""

    def __init__(self, content: Config, name: str = "neuron_config"):
        if isinstance(content, str | PathLike):
            name = Path(content).name
            content = _read(Path(content))
        if not isinstance(content, Mapping):
            given, expected = f"a {type(content).__name__}", "a mapping of names to values"
            raise DataError(name, given, expected, "give the neuron_config of one model, or its path")
        self.name, self.content = name, content

    def number(self, key: str, default: float | None = None, within: tuple[float, float, str] | None = None) -> float:
        """A number. `within` is the plausible range in SI units; a number outside it is refused, as in other units."""
        value = self._number(key, self._get(key, default))
        if within is not None and value != 0.0 and not within[0] <= abs(value) <= within[1]:
            low, high, unit = within
            expected = f"{low:g} to {high:g} {unit}, as cells have it"
            raise DataError(self.name, f"{key} = {value:g}", expected, "give all values in SI units: V, F, Ohm, s")
        return value

    def pair(self, key: str, default: tuple[float, float] | None = None) -> tuple[float, float]:
        values = self._get(key, default)
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise DataError(self.name, f"{key} = {values!r}", "a list of two numbers", "correct the configuration")
        if len(values) != 2:
            given = f"{len(values)} values of {key}"
            raise NotRepresentable(self.name, given, "two after-spike currents", "a GLIF neuron has no other number")
        return self._number(key, values[0]), self._number(key, values[1])

    def coefficient(self, key: str) -> float:
        """The factor that the fit put before a value; 1 where there is none."""
        return self.inside("coeffs").number(key, default=1.0)

    def inside(self, *keys: str) -> _Config:
        """A nested part; empty if absent, so that the error names the value that is missing in it."""
        part: Any = self.content
        for key in keys:
            part = part.get(key) or {}
            if not isinstance(part, Mapping):
                raise DataError(self.name, f"{key} = {part!r}", "a mapping", "correct the configuration")
        return _Config(part, ": ".join((self.name, *keys)))

    def method(self, key: str) -> str:
        return str(self.inside(key)._get("name", None))

    def expect(self, key: str, *allowed: str) -> None:
        """Refuse a rule other than those; one that is not written down is taken to agree."""
        if key in self.content and self.method(key) not in allowed:
            given = f"{key} {self.method(key)!r}"
            raise NotRepresentable(self.name, given, " or ".join(map(repr, allowed)), "take a GLIF1 to GLIF5")

    def expect_rest(self) -> None:
        """Refuse a start that is not rest: a neuron starts there, any other state is an argument of its run."""
        starts = [("init_voltage", self.number("init_voltage", default=self.number("El")), self.number("El"))]
        currents = self.content.get("init_AScurrents", ())
        starts += [("init_AScurrents", self._number("init_AScurrents", x), 0.0) for x in currents]
        for key, given, rest in starts:
            if given != rest:
                raise NotRepresentable(self.name, f"{key} = {given}", f"{rest}, rest", "give that state to the run")

    def _get(self, key: str, default: Any) -> Any:
        if key in self.content:
            return self.content[key]
        if default is None:
            raise DataError(self.name, f"no {key}", "a value of that name", nearest(key, map(str, self.content)))
        return default

    def _number(self, key: str, value: Any) -> float:
        if not is_number(value):
            raise DataError(self.name, f"{key} = {value!r}", "a finite number in SI units", "correct the configuration")
        return float(value)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(str(path), str(error), "a JSON file with a neuron_config", "check the path") from None


__all__ = ["allen_glif_parameters", "from_allen_glif"]
