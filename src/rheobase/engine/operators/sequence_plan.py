"""A plan: what a layer with products in its time loop does in a step, as data. An operator takes it as text."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch

from rheobase.engine.operators.products import Convolution, Matrix, Product

FEEDBACK = ":out"  # the output of the step before, among names of states
PRODUCTS: dict[str, Callable[..., Product]] = {
    "Matrix": Matrix,
    "Convolution": lambda height, width, groups: Convolution((height, width), groups),
}


@dataclass(frozen=True)
class Map:
    """Add `weight` times `source` to the sum `total` before its stage; a source is the feedback or an earlier state."""

    total: str
    weight: str
    source: str = FEEDBACK


@dataclass(frozen=True)
class Stage:
    """A pointwise part: the text of a traced step, and the plan's names for its inputs, states and parameters.

    An input is a sum, a state that an earlier stage has computed in this step, or the feedback. The output of the last
    stage is that of the layer. A state of the last stage may be the feedback; it is then the output as well.
    """

    program: str
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    params: tuple[str, ...]
    maps: tuple[Map, ...] = ()

    @property
    def own(self) -> list[str]:
        """Its states without the feedback."""
        return [name for name in self.states if name != FEEDBACK]


@dataclass(frozen=True)
class Plan:
    """A step of a layer: its stages in order, each after its maps.

    `taps` names the weight (n, lanes) of a tapped feedback: a weighted sum of the last n outputs, oldest first.
    """

    layer: str  # for messages
    sums: tuple[str, ...]
    states: tuple[str, ...]
    params: tuple[str, ...]
    weights: tuple[str, ...]
    stages: tuple[Stage, ...]
    product: Product
    precision: str  # of the products: a dtype of torch by its name
    rest: bool = False  # the layer starts at rest: its first step has no feedback
    taps: str | None = None

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which products are computed."""
        return getattr(torch, self.precision)

    @property
    def maps(self) -> list[Map]:
        return [m for stage in self.stages for m in stage.maps]

    def text(self) -> str:
        """The plan as the text argument of an operator, a line for each part. torch.compile can trace this method."""
        lines = [
            self.layer,
            " ".join(self.sums),
            " ".join(self.states),
            " ".join(self.params),
            " ".join(self.weights),
            self.product.text(),
            self.precision,
            "rest" if self.rest else "",
            self.taps or "",
        ]
        for stage in self.stages:
            lines += [stage.program, " ".join(stage.inputs), " ".join(stage.states), " ".join(stage.params)]
            lines.append(",".join([f"{m.total} {m.weight} {m.source}" for m in stage.maps]))
        return "\n".join(lines)


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Plan:
    """The plan of a text that `Plan.text` made."""
    layer, sums, states, params, weights, product, precision, rest, taps, *lines = text.split("\n")
    stages: list[Stage] = []
    for k in range(0, len(lines), 5):
        program, *names, maps = lines[k : k + 5]
        inputs, own, learned = (tuple(line.split()) for line in names)
        of = tuple(Map(*m.split()) for m in maps.split(",") if m)
        stages.append(Stage(program, inputs, own, learned, of))
    kind, *numbers = product.split()
    made = PRODUCTS[kind](*map(int, numbers))
    sum_names, state_names, param_names, weight_names = (
        tuple(line.split()) for line in (sums, states, params, weights)
    )
    return Plan(
        layer,
        sum_names,
        state_names,
        param_names,
        weight_names,
        tuple(stages),
        made,
        precision,
        rest == "rest",
        taps or None,
    )


__all__ = ["FEEDBACK", "Map", "Plan", "Stage", "parse"]
