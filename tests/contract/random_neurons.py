"""Neurons that nobody wrote: random equations of every operation that a kernel knows, as text.

A neuron is drawn as a `Sketch`, whose lines are Python: a failing one can be pasted into a file as it is printed.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st

import rheobase
from rheobase import (
    Escape,
    MapNeuron,
    Neuron,
    Noisy,
    OdeNeuron,
    Refractory,
    integrators,
    param,
    relax,
    state,
    surrogates,
)

STATES, PARAMS = ("a", "b", "c", "d", "e"), ("k", "l", "m", "n", "p", "q")
NUMBERS = ("-2.0", "-1.0", "-0.5", "0.25", "0.7", "1.0", "2", "3.5")
# one argument, two, three: x, y, z are real, u and w are masks; none can leave the finite numbers for long
REALS_1 = (
    "-({x})",
    "abs({x})",
    "torch.exp(torch.clamp({x}, -3.0, 3.0))",
    "torch.expm1(torch.clamp({x}, max=2.0))",
    "torch.log(1.0 + abs({x}))",
    "torch.tanh({x})",
    "torch.sigmoid({x})",
    "torch.sqrt(0.5 + ({x}) ** 2)",
    "torch.sin({x})",
    "torch.cos({x})",
    "torch.floor({x})",
    "({x}).detach()",
    "torch.relu({x})",
    "torch.nn.functional.relu({x})",
    "({x}) ** 3",
    "torch.square(torch.clip({x}, -2.0, 2.0))",
    "(1.0 + abs({x})) ** -2",
    "torch.reciprocal(2.0 + abs({x}))",
    "torch.rsqrt(1.0 + ({x}) ** 2)",
    "(0.1 + abs({x})) ** 0.5",
    "({x}).clone()",
    "({x}).to(i.dtype)",
    "+({x})",
    "torch.zeros_like({x})",
    "torch.ones_like({x})",
    "torch.full_like({x}, 0.3)",
    "torch.clamp_min({x}, -0.4)",
    "({x}).clamp_max(0.6)",
    "1.0 - ({x})",
    "2.0 / (3.0 + abs({x}))",
    "torch.negative({x})",
    "torch.absolute({x})",
    "self.detached({x})",
    "({x}) * torch.tensor(0.5)",
    "torch.pow({x}, 2)",
)
REALS_2 = (
    "({x}) + ({y})",
    "({x}) - ({y})",
    "({x}) * ({y})",
    "({x}) / (1.5 + abs({y}))",
    "torch.maximum({x}, {y})",
    "torch.minimum({x}, {y})",
    "torch.add({x}, {y}, alpha=0.5)",
    "torch.sub({x}, {y}, alpha=2)",
    "torch.rsub({x}, {y})",
    "torch.clamp({x}, min=-abs({y}), max=abs({y}))",
    "torch.true_divide({x}, 2.0 + ({y}) ** 2)",
    "torch.max({x}, {y})",
    "torch.min({x}, {y})",
    "torch.multiply({x}, {y})",
    "self.substituted({x}, {y})",
    "({x}).type_as({y})",
)
ARITHMETIC = REALS_2[:3]  # of which one side may be a number
REALS_MASKED = (
    "torch.where({u}, {x}, {y})",
    "torch.where({u}, 0.2, {x})",
    "({x}) * ({u})",
    "({x}) + ({u})",
    "({u}).to(i.dtype)",
    "self.switch(self.fire({x}), {y}, {x})",
    "torch.where(torch.isfinite({x}), {x}, {y})",
    "torch.where({u}, {x}, 1)",
)
MASKS = (
    "({x}) < ({y})",
    "({x}) <= ({y})",
    "({x}) > ({y})",
    "({x}) >= ({y})",
    "({x}) == ({y})",
    "({x}) != ({y})",
    "torch.isnan({x})",
    "torch.lt({x}, {y})",
    "torch.ge({x}, 0.1)",
)
MASKS_2 = (
    "({u}) & ({w})",
    "({u}) | ({w})",
    "({u}) ^ ({w})",
    "~({u})",
    "({u}) + ({w})",
    "({u}) * ({w})",
    "torch.logical_and({u}, {w})",
    "torch.logical_not({u})",
    "torch.where({u}, {w}, {u})",
)
# what keeps a state where the next step is worth looking at
TAME = ("torch.tanh({x})", "torch.clamp({x}, -4.0, 4.0)", "0.9 * s.{s} + 0.1 * torch.clamp({x}, -4.0, 4.0)")
INTEGRATORS = tuple(getattr(integrators, name)() for name in integrators.__all__ if name != "Integrator")
SURROGATES = tuple(getattr(surrogates, name)() for name in surrogates.__all__ if name != "Surrogate")


@dataclass(frozen=True)
class Sketch:
    """The text of a neuron, and how to make one of it."""

    base: str
    body: tuple[str, ...]
    options: tuple[tuple[str, Any], ...]
    wrap: str

    def __repr__(self) -> str:
        lines = "\n".join(self.body)
        made = ", ".join(f"{k}={v!r}" for k, v in self.options)
        made = self.wrap.format(f"Random(5, {made})")
        return f"class Random({self.base}):\n{textwrap.indent(lines, '    ')}\n\nneuron = {made}"

    def make(self, dtype: torch.dtype) -> Neuron:
        """Five lanes, whose parameters differ from lane to lane."""
        names = {"torch": torch, "rheobase": rheobase, "param": param, "state": state, "relax": relax}
        scope: dict[str, Any] = {**names, "OdeNeuron": OdeNeuron, "MapNeuron": MapNeuron}
        exec("class Random({}):\n{}".format(self.base, textwrap.indent("\n".join(self.body), "    ")), scope)
        neuron = scope["Random"](5, **dict(self.options))
        for k, name in enumerate(neuron.params):
            setattr(neuron, name, neuron.value(name).detach() * torch.linspace(0.8 + 0.05 * k, 1.2, 5))
        wrapped = {"Noisy": Noisy, "Escape": Escape, "Refractory": Refractory, "neuron": neuron}
        return eval(self.wrap.format("neuron"), wrapped).to(dtype)


@st.composite
def reals(draw: Any, states: tuple[str, ...], params: tuple[str, ...], depth: int) -> str:
    """An expression of a real number."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        leaves = ["i", *(f"s.{name}" for name in states), *(f"self.{name}" for name in params)]
        return draw(st.sampled_from(leaves))
    text = draw(st.sampled_from((*REALS_1, *REALS_2, *REALS_2, *REALS_MASKED)))
    return _filled(draw, text, states, params, depth)


@st.composite
def masks(draw: Any, states: tuple[str, ...], params: tuple[str, ...], depth: int) -> str:
    """An expression of a truth value."""
    return _filled(draw, draw(st.sampled_from(MASKS if depth <= 1 else (*MASKS, *MASKS_2))), states, params, depth)


def _filled(draw: Any, text: str, states: tuple[str, ...], params: tuple[str, ...], depth: int) -> str:
    found = {name: draw(reals(states, params, depth - 1)) for name in ("x", "y") if f"{{{name}}}" in text}
    if "y" in found and text in ARITHMETIC and draw(st.integers(0, 3)) == 0:
        found["y"] = draw(st.sampled_from(NUMBERS))
    found |= {name: draw(masks(states, params, max(depth - 1, 1))) for name in ("u", "w") if f"{{{name}}}" in text}
    return text.format(**found)


@st.composite
def sketches(draw: Any, base: str) -> Sketch:
    """A neuron with 1 to 5 states and 1 to 6 parameters."""
    states, params = STATES[: draw(st.integers(1, 5))], PARAMS[: draw(st.integers(1, 6))]
    learn = tuple(name for name in params if draw(st.booleans()))
    kinds = {name: draw(st.sampled_from(("", ", positive=True", ", range=(0.0, 2.0)"))) for name in params}
    body = [f'{name} = param({0.3 + 0.2 * k:.1f}, "1", "a value"{kinds[name]})' for k, name in enumerate(params)]
    body += [f'{name} = state({0.2 * k - 0.3:.1f}, "1", "a value")' for k, name in enumerate(states)]

    def expression(depth: int = 3) -> str:
        return draw(reals(states, params, draw(st.integers(1, depth))))

    options: dict[str, Any] = {"learn": learn, "surrogate": draw(st.sampled_from(SURROGATES))}
    if base == "OdeNeuron":
        body += _ode(draw, states, expression)
        options |= {"dt": draw(st.sampled_from((0.1, 0.5))), "integrator": draw(st.sampled_from(INTEGRATORS))}
        options |= {name: draw(st.booleans()) for name in ("detach_reset", "detach_spike")}
        graded = "def output" in "".join(body)
    else:
        graded = draw(st.booleans())
        body += [f"graded = {graded}", "def step(self, s, i):", f"    x = {expression()}"]
        body += [f"    z = {'x' if graded else 'self.fire(x)'}", "    before = s._replace("]
        body += [f"        {name}={draw(st.sampled_from(TAME)).format(x=expression(), s=name)}," for name in states]
        body += ["    )", f"    kept = {'torch.sigmoid(x)' if graded else 'self.detached(z)'}"]
        jump = draw(reals(states, params, 1))
        body += [f"    after = before._replace({states[0]}=self.switch(kept, torch.tanh({jump}), before.{states[0]}))"]
        body += ["    return z, after, before"]
    wraps = ["{}", "{}", "Noisy({}, sigma=0.3, seed=3)"]
    if not graded:
        wraps += [f"Refractory({{}}, tau_refrac=1.0, hold=('{states[0]}',))", "Escape({}, delta_u=0.4, seed=4)"]
    return Sketch(base, tuple(body), tuple(options.items()), draw(st.sampled_from(wraps)))


def _ode(draw: Any, states: tuple[str, ...], expression: Any) -> list[str]:
    body = ["def dynamics(self, s, i):", "    return dict("]
    for name in states:
        kind = draw(st.sampled_from(("relax", "rate", "slope")))
        x = f"torch.clamp({expression()}, -4.0, 4.0)"
        if kind == "relax":
            x = f"relax({x}, 0.5 + abs({expression(1)}))"
        elif kind == "rate":
            x = f"relax({x}, rate=torch.sigmoid({expression(1)}))"
        else:
            x = f"{x} - s.{name}"
        body.append(f"        {name}={x},")
    body.append("    )")
    form = draw(st.sampled_from(("reset", "reset", "crossing", "output")))
    if form == "output":
        return [*body, "def output(self, s):", f"    return s.{states[0]} + torch.tanh(s.{states[-1]})"]
    body += ["def threshold(self, s):", f"    return s.{states[0]} - 0.31 - 0.1 * torch.tanh(s.{states[-1]})"]
    if form == "crossing":
        return [*body, "crossing = True"]
    jumped = draw(st.sampled_from(("-0.2", "torch.zeros_like(s.{0})", "s.{0} - 0.4", "self.k - 1.0"))).format(states[0])
    other = f", {states[-1]}=s.{states[-1]} - 0.2" if len(states) > 1 else ""
    return [*body, "def reset(self, s):", f"    return s._replace({states[0]}={jumped}{other})"]
