"""What is done to a nest before it is written: no number changes by it, and less is computed or kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons
from rheobase.engine.graph.trace import trace
from rheobase.engine.graph.variant import Variant
from rheobase.engine.llvm.launch import run
from rheobase.engine.nest.adjoint import adjoint
from rheobase.engine.nest.checkpoint import checkpointed
from rheobase.engine.nest.contract import regrouped
from rheobase.engine.nest.equations import added, leaf
from rheobase.engine.nest.hoist import alike, hoisted
from rheobase.engine.nest.index import Index, names
from rheobase.engine.nest.nest import (
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    copied,
    leaves,
    loop,
    placed,
    present,
    when,
)
from rheobase.engine.nest.scan import nest_of, tape_rows
from rheobase.engine.nest.tensors import many
from rheobase.engine.nest.verify import verify

(T,) = names("steps")
X, Y, TAU, V = Buffer("x", (T,)), Buffer("y", (T,)), Buffer("tau"), Buffer("v", place="block")
GAIN = Buffer("gain", shared=True)
FIRST, LAST = Buffer("first"), Buffer("last")
STEPS, LANES = 23, 19


def leaky() -> Nest:
    """v = exp(-1/tau) v + (1 - exp(-1/tau)) tanh(gain^2 x + v)."""

    def step(t: Index) -> list[Leaf]:
        def equations(x: Any, v: Any, tau: Any, gain: Any) -> Any:
            decay = torch.exp(-1.0 / tau)
            v = decay * v + (1.0 - decay) * torch.tanh(gain * gain * x + v)
            return v, v

        return [leaf(equations, reads={"x": X[t], "v": V.row, "tau": TAU.row, "gain": GAIN.row}, writes=[V.row, Y[t]])]

    body = (copied(FIRST.row, V.row), loop("t", T, step), copied(V.row, LAST.row))
    return Nest("leaky", (X, Y, TAU, GAIN, FIRST, LAST, V), body, sizes=("steps",))


NEST = leaky()
INPUTS = ("x", "tau", "gain", "first")


def tensors(seed: int = 0) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=g, dtype=torch.float64)

    return {
        "x": draw(STEPS, LANES),
        "tau": 1 + draw(LANES),
        "gain": 1 + draw(1),
        "first": draw(LANES),
        "y": torch.empty(STEPS, LANES, dtype=torch.float64),
        "last": torch.empty(LANES, dtype=torch.float64),
        "g:y": draw(STEPS, LANES),
        "g:last": draw(LANES),
        **{
            f"g:{name}": torch.full((STEPS, LANES) if name == "x" else (LANES,), 7.0, dtype=torch.float64)
            for name in INPUTS
        },
    }


def ran(nest: Nest, held: dict[str, Tensor], segment: int = STEPS) -> dict[str, Tensor]:
    sizes = {"steps": STEPS, "segment": segment, "segments": -(-STEPS // segment)}
    run(verify(nest), held, {name: sizes[name] for name in nest.sizes}, {}, lanes=LANES, dtype=torch.float64)
    return held


def in_loops(nest: Nest) -> list[str]:
    """What is computed there."""
    return [op for leaf, around in placed(nest.body) if around for op in computed(leaf)]


def computed(leaf: Leaf) -> list[str]:
    return [leaf.graph.nodes[k].op for k in leaf.needed if k not in dict(leaf.reads)]


def test_what_stays_the_same_is_computed_before_the_loop() -> None:
    moved = hoisted(NEST)
    assert "exp" in in_loops(NEST)
    assert "exp" not in in_loops(moved)
    assert "tanh" in in_loops(moved)
    a, b = ran(NEST, tensors()), ran(moved, tensors())
    assert torch.equal(a["y"], b["y"])
    assert torch.equal(a["last"], b["last"])


def test_what_is_alike_in_all_lanes_is_computed_once() -> None:
    moved = alike(hoisted(NEST))
    made = [leaf.graph.nodes[w.node].op for leaf in moved.head for w in leaf.writes]
    assert "mul" in made  # gain * gain
    assert "exp" not in made  # tau has a value for each lane
    assert torch.equal(ran(NEST, tensors())["y"], ran(moved, tensors())["y"])


def test_one_graph_over_other_rows() -> None:
    """Two leaves of one graph that read other rows, one of them written between the two loops, or absent."""
    once = leaf(lambda x, tau: torch.exp(x) * torch.exp(-tau), reads={"x": X[0], "tau": TAU.row}, writes=[Y[0]])
    node, other = {ref: node for node, ref in once.reads}, Buffer("other", (T,))
    between, absent = Buffer("between", place="block"), Buffer("absent", optional=True)

    def over(row: Ref, target: Buffer) -> Loop:
        reads = {node[X[0]]: X[Index.name("t")], node[TAU.row]: row}
        writes = (replace(once.writes[0], ref=target[Index.name("t")]),)
        return loop("t", T, [replace(once, reads=tuple(reads.items()), writes=writes)])

    double = leaf(lambda f: 2.0 * f, reads={"f": FIRST.row}, writes=[between.row])
    body = (over(TAU.row, Y), double, over(between.row, other), present(absent, over(absent.row, other)))
    nest = Nest("twice", (X, Y, other, TAU, FIRST, between, absent), body, sizes=("steps",))
    moved, held = hoisted(nest), tensors()
    assert sum(op == "exp" for op in in_loops(moved)) == 4  # of x in each, and of what may be absent
    more = {**held, "other": torch.empty(STEPS, LANES).double(), "absent": None}
    run(verify(moved), more, {"steps": STEPS}, {}, lanes=LANES, dtype=torch.float64)
    for target, row in (("y", held["tau"]), ("other", 2.0 * held["first"])):
        torch.testing.assert_close(more[target], held["x"].exp() * (-row).exp(), rtol=1e-14, atol=0)


def test_what_no_turn_changes_stands_first_in_a_product() -> None:
    equations = leaf(
        lambda x, tau: 3.0 * (tau * (2.0 * torch.exp(x))) + (x * tau) * x,
        reads={"x": X[Index.name("t")], "tau": TAU.row},
        writes=[Y[Index.name("t")]],
    )
    nest = Nest("products", (X, Y, TAU), (loop("t", T, [equations]),), sizes=("steps",))
    moved, held = hoisted(regrouped(nest)), tensors()
    assert [sum(op == "mul" for op in in_loops(hoisted(x))) for x in (nest, regrouped(nest))] == [5, 3]
    run(verify(moved), held, {"steps": STEPS}, {}, lanes=LANES, dtype=torch.float64)
    x, tau = held["x"], held["tau"]
    torch.testing.assert_close(held["y"], 6.0 * tau * x.exp() + x * tau * x, rtol=1e-14, atol=1e-15)


def gradients(nest: Nest, held: dict[str, Tensor], segment: int = STEPS) -> list[Tensor]:
    found = ran(nest, held, segment)
    return [found[f"g:{name}"] for name in INPUTS]


def test_computing_again_takes_less_tape() -> None:
    """A gate has four values that are dear to compute again; on the tape its two derivatives stand for them."""

    def gate(x: Any, v: Any) -> Any:
        v = torch.sigmoid(v) * torch.exp(-x) + torch.tanh(x + v) / (1.0 + v * v)
        return v, v

    step = leaf(gate, reads={"x": X[Index.name("t")], "v": V.row}, writes=[V.row, Y[Index.name("t")]])
    body = (copied(FIRST.row, V.row), loop("t", T, [step]), copied(V.row, LAST.row))
    nest = Nest("gated", (X, Y, FIRST, LAST, V), body, sizes=("steps",))

    def tape(back: Nest) -> int:
        return sum(many(b.axes, {"steps": 1}) for b in back.buffers if b.name.startswith("tape"))

    kept, again = (adjoint(nest, ["y", "last"], ["x", "first"], recompute=on) for on in (False, True))
    assert (tape(kept), tape(again)) == (5, 2)
    assert [sum(op == "exp" for op in in_loops(back)) for back in (kept, again)] == [1, 1]
    found = [ran(back, tensors()) for back in (kept, again)]
    for name in ("g:x", "g:first"):
        torch.testing.assert_close(found[1][name], found[0][name], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "pass_", [lambda n: n, hoisted, lambda n: alike(hoisted(n))], ids=["as it is", "hoisted", "alike"]
)
def test_the_adjoint_is_that_of_torch(pass_: Any) -> None:
    back = pass_(adjoint(hoisted(NEST, gradients=True), outputs=["y", "last"], inputs=INPUTS))
    held = tensors()
    given = {name: held[name].clone().requires_grad_() for name in INPUTS}
    v, ys, decay = given["first"], [], torch.exp(-1.0 / given["tau"])
    for x in given["x"]:
        v = decay * v + (1.0 - decay) * torch.tanh(given["gain"] ** 2 * x + v)
        ys.append(v)
    expected = torch.autograd.grad([torch.stack(ys), v], list(given.values()), [held["g:y"], held["g:last"]])
    for name, one, other in zip(INPUTS, gradients(back, held), expected, strict=True):
        # what all lanes share has a gradient for each of them
        torch.testing.assert_close(one.sum(0, keepdim=True) if name == "gain" else one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("segment", [1, 5, 23])
def test_a_loop_in_segments_is_the_whole(segment: int) -> None:
    """Forward and back bit for bit, with a tape as long as a segment."""
    cut = checkpointed(hoisted(NEST, gradients=True), "t")
    held, whole = tensors(), tensors()
    held["checkpoints"] = torch.empty(-(-STEPS // segment) - 1, 1, LANES, dtype=torch.float64)
    assert torch.equal(ran(cut, held, segment)["y"], ran(NEST, whole)["y"])
    ends = {"outputs": ["y", "last"], "inputs": INPUTS}
    back, plain = adjoint(cut, **ends), adjoint(hoisted(NEST, gradients=True), **ends)  # type: ignore[arg-type]
    held["y"].fill_(9.0)
    for one, other in zip(gradients(back, held, segment), gradients(plain, whole), strict=True):
        assert torch.equal(one, other)
    assert bool((held["y"] == 9.0).all())  # what nobody needs is not computed again
    assert "a:x" not in {buffer.name for buffer in back.buffers}  # no sum: each element of x has one gradient
    (tape,) = [buffer for buffer in back.buffers if buffer.name.startswith("tape")]
    assert many(tape.axes, {"segment": segment}) <= 2 * segment


def test_a_gradient_that_may_be_absent() -> None:
    back = adjoint(NEST, outputs=["y", "last"], inputs=INPUTS, optional=["last", "first"])
    held, without = tensors(), tensors()
    held["g:last"].zero_()
    with_zero = gradients(back, held)
    found = gradients(
        back, {k: t for k, t in without.items() if k not in ("g:last", "g:first")} | {"g:first": without["g:first"]}
    )
    for one, other in zip(with_zero, found, strict=True):
        assert torch.equal(one, other)
    silent = {k: t for k, t in tensors().items() if k != "g:first"}
    run(back, silent, {"steps": STEPS}, {}, lanes=LANES, dtype=torch.float64)
    assert torch.equal(silent["g:last"], tensors()["g:last"])


def test_what_no_output_depends_on_has_gradient_zero() -> None:
    idle = Buffer("idle", (T,))
    nest = Nest("idle", (*NEST.buffers, idle), NEST.body, sizes=("steps",))
    back = adjoint(nest, outputs=["y"], inputs=["x", "idle"])
    held = {k: t for k, t in tensors().items() if k != "g:last"} | {"g:idle": torch.ones(STEPS, LANES).double()}
    run(back, held, {"steps": STEPS}, {}, lanes=LANES, dtype=torch.float64)
    assert not held["g:idle"].any()


def test_loops_that_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="no loop over s"):
        checkpointed(NEST, "s")


def test_rows_with_axes_go_from_turn_to_turn() -> None:
    """A chain of compartments that starts from what a leaf before the loop computes, in segments of 1 to all steps."""
    cells = 3
    (count,) = names("cells")
    first, decay = Buffer("first", (count,)), Buffer("a")
    held, slope = Buffer("held", (count,), place="block"), Buffer("slope", (count,), place="block")

    def begin(k: Index) -> list[Statement]:
        # the second leaf reads a row that the first one writes, so its gradient needs a tape of its own
        return [copied(first[k], held[k]), leaf(lambda h: torch.exp(h), reads={"h": held[k]}, writes=[slope[k]])]

    def step(t: Index) -> list[Statement]:
        def one(k: Index) -> list[Statement]:
            def equations(h: Any, s: Any, a: Any, x: Any) -> Any:
                h = torch.tanh(a * h * s + x)
                return h, torch.exp(h)

            reads = {"h": held[k], "s": slope[k], "a": decay.row, "x": X[t]}
            return [leaf(equations, reads=reads, writes=[held[k], slope[k]])]

        ends = {"a": held[0], "b": held[count - 1]}
        return [loop("k", count, one), leaf(lambda a, b: a * b, reads=ends, writes=[Y[t]])]

    body = (loop("k", count, begin), loop("t", T, step))
    nest = Nest("chain", (X, Y, decay, first, held, slope), body, sizes=("steps", "cells"))
    g = torch.Generator().manual_seed(4)
    x, start = torch.randn(STEPS, LANES, generator=g).double(), torch.randn(cells, LANES, generator=g).double()
    a, weight = torch.rand(LANES, generator=g).double(), torch.randn(STEPS, LANES, generator=g).double()
    asked = [t.clone().requires_grad_() for t in (x, a, start)]
    h, slopes, ys = asked[2], torch.exp(asked[2]), []
    for t in range(STEPS):
        h = torch.tanh(asked[1] * h * slopes + asked[0][t])
        slopes = torch.exp(h)
        ys.append(h[0] * h[-1])
    expected = torch.autograd.grad((torch.stack(ys) * weight).sum(), asked)
    back = verify(adjoint(checkpointed(nest, "t"), outputs=["y"], inputs=["x", "a", "first"]))
    forward = verify(checkpointed(nest, "t"))
    for segment in (1, 2, STEPS):
        segments = -(-STEPS // segment)
        sizes = {"steps": STEPS, "cells": cells, "segment": segment, "segments": segments}
        held_by: dict[str, Any] = {"x": x, "a": a, "first": start, "y": torch.empty_like(x)}
        for name in ("held", "slope"):
            held_by[f"checkpoints:{name}"] = torch.empty(segments - 1, cells, LANES).double() if segments > 1 else None
        run(forward, held_by, sizes, {}, lanes=LANES, dtype=torch.float64)
        torch.testing.assert_close(held_by["y"], torch.stack(ys).detach())
        found = {f"g:{n}": torch.empty_like(t) for n, t in (("x", x), ("a", a), ("first", start))}
        run(back, {**held_by, "g:y": weight, **found}, sizes, {}, lanes=LANES, dtype=torch.float64)
        for one, other in zip(found.values(), expected, strict=True):
            torch.testing.assert_close(one, other)


def test_rows_that_every_turn_sets_anew_are_not_kept() -> None:
    """Unless it sets some of them only, or only under a condition, or reads one before."""
    (count,) = names("cells")
    row, total = Buffer("row", (count,), place="block"), Buffer("total", (count,), place="block")

    def kept(sets: Any, start: int = 0) -> bool:
        def step(t: Index) -> list[Statement]:
            def add(k: Index) -> list[Statement]:
                return [leaf(lambda r: r, reads={"r": row[k]}, writes=[added(total[k])])]

            return [sets(t, loop("k", count, lambda k: [copied(X[t], row[k])], start=start)), loop("k", count, add)]

        end = copied(total[0], LAST.row)
        nest = Nest("anew", (X, LAST, row, total), (loop("t", T, step), end), sizes=("steps", "cells"))
        places = {buffer.name for buffer in checkpointed(nest, "t").buffers}
        assert "checkpoints:total" in places
        return "checkpoints:row" in places

    assert not kept(lambda t, sets: sets)
    assert kept(lambda t, sets: sets, start=1)
    assert kept(lambda t, sets: when("ge", t, 1, sets))
    assert kept(lambda t, sets: loop("j", t, [sets]))


def test_a_tensor_that_goes_from_turn_to_turn() -> None:
    def step(t: Index) -> list[Statement]:
        return [
            copied(X[t], Y[t]),
            when("ge", t, 1, leaf(lambda y: torch.tanh(y), reads={"y": Y[t - 1]}, writes=[V.row])),
        ]

    nest = Nest("memory", (X, Y, V, LAST), (loop("t", T, step), copied(V.row, LAST.row)), sizes=("steps",))
    with pytest.raises(ValueError, match="the tensor y goes from turn to turn"):
        checkpointed(nest, "t")


def test_what_needs_values_of_a_loop_in_segments() -> None:
    """Behind it, only what is linear in its rows: they are computed again turn by turn."""
    squared = leaf(lambda v: v * v, reads={"v": V.row}, writes=[LAST.row])
    cut = checkpointed(Nest("behind", NEST.buffers, (*NEST.body[:2], squared), sizes=("steps",)), "t")
    with pytest.raises(ValueError, match="behind the loop over part"):
        adjoint(cut, outputs=["last"], inputs=["x"])
    doubled = leaf(lambda v: 2.0 * v, reads={"v": V.row}, writes=[LAST.row])
    cut = checkpointed(Nest("behind", NEST.buffers, (*NEST.body[:2], doubled), sizes=("steps",)), "t")
    held = tensors() | {"checkpoints": torch.empty(4, 1, LANES, dtype=torch.float64)}
    ran(cut, held, 5)
    found = ran(adjoint(cut, outputs=["last"], inputs=["x"]), held, 5)["g:x"]
    plain = adjoint(NEST, outputs=["last"], inputs=["x"])
    torch.testing.assert_close(found, 2.0 * ran(plain, tensors())["g:x"], rtol=1e-14, atol=0)


def test_a_row_that_a_tensor_takes_as_a_flag() -> None:
    """What may be absent is copied and nothing more."""
    body = (leaf(lambda f: torch.exp(f), reads={"f": FIRST.row}, writes=[V.row]), *NEST.body[1:])
    with pytest.raises(ValueError, match="does more than copy"):
        adjoint(Nest("odd", NEST.buffers, body, sizes=("steps",)), ["y"], ["first"], optional=["first"])
    both = Nest("both", (X, Y), (loop("t", T, lambda t: [copied(X[t], Y[t])]),), sizes=("steps",))
    with pytest.raises(ValueError, match="g:y may be absent"):
        adjoint(both, ["y"], ["x"], optional=["x", "y"])


def test_leaves_from_equations() -> None:
    with pytest.raises(ValueError, match="2 results, and 1 rows"):
        leaf(lambda x: (x, x), reads={"x": X[0]}, writes=[Y[0]])
    one = leaf(lambda x: 2.0 * x, reads={"x": X[0]}, writes=[added(Y[0])])
    assert one.writes[0].how == "add"


def test_the_tape_of_known_neurons() -> None:
    for neuron, rows in ((neurons.LIF(1, dt=1.0), 1), (neurons.SRC(1), 7)):
        assert tape_rows(trace(neuron).text()) == rows


def test_a_decay_that_all_lanes_share_is_made_once() -> None:
    neuron = neurons.LIF(1, dt=1.0)
    nest = nest_of(Variant(trace(neuron).text(), False, "f32", (False,) * len(neuron.params), None))
    functions = {"exp", "expm1"}
    assert functions & {op for leaf in nest.head for op in computed(leaf)}
    assert not functions & {op for leaf in leaves(nest.body) for op in computed(leaf)}
