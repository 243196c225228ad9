"""A time loop with several products in each step, forward and back, around the kernels of its point parts.

Forward, a step is one product for each gate and one kernel for each stage. What is kept are the sums that the
kernels read and the states, so that backward a step is the same kernels' adjoints and the products' input gradients;
the gradient of each weight is one product over all steps at the end.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.core.finite import divergence, not_finite
from rheobase.engine.graph.variant import BAD_INPUT, Wanted
from rheobase.engine.operators.late import Late
from rheobase.engine.operators.operator import check_transforms, once
from rheobase.engine.operators.products import Product
from rheobase.engine.operators.tensors import lengths_per_lane, per_lane, reduced

if TYPE_CHECKING:
    from rheobase.engine.llvm.launch import Runner

cpu = Late("rheobase.engine.operators.cpu")
events, tiles = (Late(f"rheobase.engine.llvm.{name}") for name in ("events", "tiles"))
SPARSE = 0.15  # share of cells that spike, up to which to visit the spikes is faster than a dense product
WIDE = 8  # pixels in a row, from which on it pays to cut them into tiles


@dataclass(frozen=True)
class Stage:
    """A traced point part: its program, and its inputs, states and parameters in order.

    An input a_g is the sum of gate g; the input `i` is the state that the stage before it leaves.
    """

    program: str
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    params: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What a layer does in a step. Its output is the state `spike`, and each gate g sums `u:g` times it.

    Where there are two stages, `mid` times the state `i` that the first one leaves is added to `a_z`.
    `names` say what the tensors of a call are: x:g, u:g, mid, s:state, or the name of a parameter.
    """

    stages: tuple[Stage, ...]
    gates: tuple[str, ...]
    product: Product
    precision: torch.dtype  # of the products
    rest: bool  # the first step has no spikes behind it
    names: tuple[str, ...]


class _Tape:
    """The tensors of one call, by name and step."""

    def __init__(self, plan: Plan, given: Sequence[Tensor], lengths: Tensor | None):
        self.plan, self.product = plan, plan.product
        named = dict(zip(plan.names, given, strict=True))
        self.sums = {g: named[f"x:{g}"] for g in plan.gates}
        self.weights = {
            name: named[name].to(plan.precision) for name in plan.names if name[:2] == "u:" or name == "mid"
        }
        self.init = {k[2:]: plan.product.laid(v) for k, v in named.items() if k.startswith("s:")}
        first = next(iter(self.sums.values()))
        self.steps, self.like = first.shape[0], first[0]
        whole = [k for k in plan.names if ":" not in k and k != "mid"]
        self.params = {k: per_lane(named[k], self.like[None], self.like.dtype) for k in whole}
        self.given = {k: named[k] for k in whole}
        lanes = None if lengths is None else lengths_per_lane(lengths, self.like[None])
        self.lengths = None if lanes is None else plan.product.laid(lanes)
        self.left = None if self.lengths is None else self.lengths.clone()
        self.window = self.product.window(self.like) if plan.precision == self.like.dtype else None
        self.turned: dict[tuple[str, ...], list[Tensor]] = {}

    def room(self, steps: int) -> Tensor:
        return self.product.empty(steps, self.like)

    def multiply(self, s: Tensor, name: str) -> Tensor:
        return self.product.forward(s.to(self.plan.precision), self.weights[name])

    def sparse(self, s: Tensor) -> bool:
        """Whether products with these spikes are made one spike at a time."""
        return self.window is not None and int(torch.count_nonzero(s)) <= SPARSE * s.numel()

    def add_spikes(self, s: Tensor, sums: Mapping[str, Tensor]) -> None:
        """Add to the sum of each gate its product with the spikes."""
        if not self.sparse(s):
            s = s.to(self.plan.precision)
            for gate, total in sums.items():
                total.add_(self.multiply(s, f"u:{gate}"))
            return
        for gate, total in sums.items():
            events.add_product(total, s, self.rows[f"u:{gate}"], self.window)

    @functools.cached_property
    def rows(self) -> dict[str, Tensor]:
        """The recurrent weights as the kernel for spikes reads them."""
        return {name: events.as_rows(weight) for name, weight in self.weights.items() if name != "mid"}

    def add_back(self, g: Mapping[str, Tensor], total: Tensor) -> None:
        """Add to `total` the gradient of what was multiplied with these weights."""
        if self.window is not None and self.window[1] == 3 and self.window[0] % 2 and total.shape[3] >= WIDE:
            if (names := tuple(g)) not in self.turned:
                self.turned[names] = tiles.weights_back([self.weights[name] for name in names])
            tiles.input_gradient(list(g.values()), self.turned[names], total)
            return
        for name, one in g.items():
            total.add_(self.product.input_gradient(one.to(self.plan.precision), self.weights[name]))

    def runner(self, stage: Stage, wanted: Wanted | None) -> Runner:
        lane = self.like[None]
        # inputs and states of a step are pointed to when it runs; here only their sizes count
        inputs, init = [lane] * len(stage.inputs), [self.like] * len(stage.states)
        params = [self.params[name] for name in stage.params]
        return cpu.Call(stage.program, inputs, init, params, self.lengths, 0.0, (0, 0)).runner(wanted, {})


def _of_step(stage: Stage, sums: Mapping[str, Tensor], i: Tensor) -> list[Tensor]:
    """What belongs to each input of a stage at a step: the sum of a gate, or the state that the stage before left."""
    return [i if name == "i" else sums[name.removeprefix("a_")] for name in stage.inputs]


def forward(
    plan: Plan, tensors: Sequence[Tensor], lengths: Tensor | None, keep: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    """The output (time, batch, *shape), and for each state but `spike` its values before every step and at the end.

    Unless they are to be kept, these are in turn in two rows. The sums `x:g` are overwritten with what the kernels
    read.
    """
    tape = _Tape(plan, tensors, lengths)
    rows = tape.steps + 1 if keep else 2
    held = {name: tape.room(rows) for name in tape.init if name != "spike"}
    for name, states in held.items():
        states[0].copy_(tape.init[name])
    out, scrap = tape.room(tape.steps), torch.empty_like(tape.like)
    runners = [tape.runner(stage, None) for stage in plan.stages]
    spike = tape.init["spike"]
    for t in range(tape.steps):
        now, after = t % rows, (t + 1) % rows
        sums = {g: x[t] for g, x in tape.sums.items()}
        if t > 0 or not plan.rest:
            tape.add_spikes(spike, sums)
        for k, (stage, runner) in enumerate(zip(plan.stages, runners, strict=True)):
            last = k == len(runners) - 1
            read = _of_step(stage, sums, held["i"][after])
            pointers: dict[str, Tensor | None] = {"out": out[t] if last else scrap, "lengths": tape.left}
            pointers |= {f"input:{n}": x for n, x in enumerate(read)}
            for n, name in enumerate(stage.states):
                pointers[f"init:{n}"] = spike if name == "spike" else held[name][now]
                pointers[f"final:{n}"] = scrap if name == "spike" else held[name][after]
            bad = runner.run(pointers, t)
            if bad & BAD_INPUT:
                first = next(x for x in read if not bool(torch.isfinite(x).all()))
                raise not_finite("the gated recurrence", first)
            if bad:
                raise divergence("the gated recurrence", "a state that became NaN or infinite", t)
            if not last:
                sums["z"].add_(tape.multiply(held["i"][after], "mid"))
        spike = out[t]
        if tape.left is not None:
            tape.left.sub_(1)
    return out, held


def backward(
    plan: Plan, tensors: Sequence[Tensor], lengths: Tensor | None, out: Tensor, held: Mapping[str, Tensor],
    g_out: Tensor | None, g_final: Mapping[str, Tensor | None], wanted: Mapping[str, bool],
) -> dict[str, Tensor]:  # fmt: skip
    """The gradient of each tensor that is wanted, by its name in the plan."""
    tape = _Tape(plan, tensors, lengths)
    g = {name: torch.zeros_like(tape.like) for name in tape.init}
    for name, given in g_final.items():
        if given is not None:
            g[name].copy_(given)
    g_sums = {name: tape.room(tape.steps) for name in plan.gates}
    g_i = torch.empty_like(tape.like)
    learned = [k for k in tape.params if wanted[k]]
    g_params = {k: torch.zeros_like(tape.like) for k in learned}
    part = {k: torch.empty_like(tape.like) for k in learned}
    outward = [k == len(plan.stages) - 1 and g_out is not None for k in range(len(plan.stages))]
    runners = [
        tape.runner(stage, Wanted(from_out, (), (True,) * len(stage.inputs), tuple(p in part for p in stage.params)))
        for stage, from_out in zip(plan.stages, outward, strict=True)
    ]
    for t in reversed(range(tape.steps)):
        sums, g_now = ({k: x[t] for k, x in of.items()} for of in (tape.sums, g_sums))
        before = tape.init["spike"] if t == 0 else out[t - 1]
        if tape.left is not None and tape.lengths is not None:
            torch.sub(tape.lengths, t, out=tape.left)
        for k in reversed(range(len(plan.stages))):
            stage = plan.stages[k]
            # laid out here, so that it lives until the kernel has run
            upstream = plan.product.laid(g_out[t].to(out.dtype)) if outward[k] and g_out is not None else None
            pointers: dict[str, Tensor | None] = {"g:out": upstream, "lengths": tape.left}
            pointers |= {f"input:{n}": x for n, x in enumerate(_of_step(stage, sums, held["i"][t + 1]))}
            pointers |= {f"g:input:{n}": x for n, x in enumerate(_of_step(stage, g_now, g_i))}
            pointers |= {f"g:param:{n}": part[name] for n, name in enumerate(stage.params) if name in part}
            for n, name in enumerate(stage.states):
                pointers[f"init:{n}"] = before if name == "spike" else held[name][t]
                pointers[f"g:final:{n}"] = pointers[f"g:init:{n}"] = g[name]
            runners[k].run(pointers, t)
            if k > 0:
                tape.add_back({"mid": g_now["z"]}, g["i"].add_(g_i))
        for name, total in g_params.items():
            total.add_(part[name])
        if t > 0 or wanted["s:spike"]:
            tape.add_back({f"u:{name}": one for name, one in g_now.items()}, g["spike"])
    return {
        **{f"x:{name}": x for name, x in g_sums.items()},
        **_of_weights(tape, out, held, g_sums, wanted),
        **{name: reduced(x, tape.given[name]) for name, x in g_params.items()},
        **{f"s:{name}": x for name, x in g.items()},
    }


def _of_weights(
    tape: _Tape, out: Tensor, held: Mapping[str, Tensor], g_sums: Mapping[str, Tensor], wanted: Mapping[str, bool]
) -> dict[str, Tensor]:
    """The gradient of every weight that is wanted, each from all steps at once."""
    plan = tape.plan

    sparse = tape.sparse(out)

    def over(s: Tensor, g: Tensor, name: str) -> Tensor:
        s, g = s.flatten(0, 1), g.flatten(0, 1)
        if sparse and name != "mid":
            return events.weight_gradient(s, g, tape.window)
        s, g = s.to(plan.precision), g.to(plan.precision)
        return plan.product.weight_gradient(s, g, tape.weights[name]).to(out.dtype)

    found: dict[str, Tensor] = {}
    for name in filter(wanted.__getitem__, tape.weights):
        if name == "mid":
            found[name] = over(held["i"][1:], g_sums["z"], name)
            continue
        found[name] = torch.zeros_like(tape.weights[name], dtype=out.dtype)
        if out.shape[0] > 1:
            found[name] += over(out[:-1], g_sums[name[2:]][1:], name)
        if not plan.rest:
            found[name] += over(tape.init["spike"][None], g_sums[name[2:]][:1], name)
    return found


class _Gated(torch.autograd.Function):
    """The autograd rule. Saved: the sums, the output and the states."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, plan: Plan, lengths: Tensor | None, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        out, held = forward(plan, tensors, lengths, True)
        ctx.plan, ctx.states = plan, tuple(held)
        ctx.save_for_backward(lengths, out, *held.values(), *tensors)
        ctx.set_materialize_grads(False)
        return out, *(states[-1].clone() for states in held.values())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        plan: Plan = ctx.plan
        lengths, out, *rest = ctx.saved_tensors
        states: tuple[str, ...] = ctx.states
        held, tensors = dict(zip(states, rest[: len(states)], strict=True)), rest[len(states) :]
        wanted = dict(zip(plan.names, ctx.needs_input_grad[2:], strict=True))
        names = [name for name in plan.names if wanted[name]]

        def call() -> list[Tensor]:
            g_final = dict(zip(states, grads[1:], strict=True))
            found = backward(plan, tensors, lengths, out, held, grads[0], g_final, wanted)
            return [found[name] for name in names]

        found = dict(zip(names, once(call, *grads, *tensors), strict=True))
        return None, None, *(found.get(name) for name in plan.names)


def gated(plan: Plan, tensors: Mapping[str, Tensor], lengths: Tensor | None) -> tuple[Tensor, list[Tensor]]:
    """Run a gated recurrence: the output, and the last value of each state but `spike`, in their order."""
    given = [tensors[name] for name in plan.names]
    check_transforms(*given)
    if torch.is_grad_enabled() and any(x.requires_grad for x in given):
        out, *final = _Gated.apply(plan, lengths, *given)  # type: ignore[misc]
        return out, final
    out, held = forward(plan, given, lengths, False)
    return out, [states[out.shape[0] % 2] for states in held.values()]
