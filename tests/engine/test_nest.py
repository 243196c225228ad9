"""Nests: what is well formed runs as torch does, with its adjoint; what is not is refused with a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase.engine.graph.graph import Graph
from rheobase.engine.llvm.launch import run
from rheobase.engine.nest.adjoint import adjoint
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import (
    Buffer,
    Flag,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    Vectors,
    Write,
    copied,
    filled,
    loop,
    present,
    when,
)
from rheobase.engine.nest.verify import IllFormed, verify
from tests.engine.vectors import with_vectors
from tests.engine.whole_numbers import bits_of_masks, rounds_to_a_type

T, TAPS = names("steps", "taps")
X, Y = Buffer("x", (T,)), Buffer("y", (T,))
WEIGHT = Buffer("weight", (TAPS,), shared=True)
MEAN = Buffer("mean", place="block")


def average() -> Nest:
    """An exponential moving average with a decay for each lane: y[t] = a y[t - 1] + (1 - a) x[t]."""
    decay = Buffer("decay")
    graph = Graph()
    a, x, before = (graph.put("read", tag=name) for name in ("a", "x", "before"))
    rest = graph.put("sub", graph.const(1.0), a)
    y = graph.put("add", graph.put("mul", a, before), graph.put("mul", rest, x))

    def step(t: Index) -> list[Statement]:
        return [Leaf(graph, ((a, decay.row), (x, X[t]), (before, MEAN.row)), (Write(Y[t], y), Write(MEAN.row, y)))]

    return Nest("average", (X, Y, decay, MEAN), (filled(0.0, MEAN.row), loop("t", T, step)), sizes=("steps",))


AVERAGE = average()
BACK = adjoint(AVERAGE, outputs=["y"], inputs=["x", "decay"])


class Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, decay: Tensor) -> Tensor:  # type: ignore[override]
        y = torch.empty_like(x)
        run(AVERAGE, {"x": x, "y": y, "decay": decay}, {"steps": len(x)}, {}, lanes=x.shape[1], dtype=x.dtype)
        ctx.save_for_backward(x, decay)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        x, decay = ctx.saved_tensors
        of_x, of_decay = torch.empty_like(x), torch.empty_like(decay)
        tensors = {"x": x, "y": torch.empty_like(x), "decay": decay, "g:y": g.contiguous(), "g:x": of_x}
        tensors["g:decay"] = of_decay
        run(BACK, tensors, {"steps": len(x)}, {}, lanes=x.shape[1], dtype=x.dtype)
        return of_x, of_decay


@pytest.mark.parametrize("lanes", [1, 16, 37])
def test_a_loop_over_time_and_its_adjoint(lanes: int) -> None:
    x = torch.randn(12, lanes, dtype=torch.float64, requires_grad=True)
    decay = torch.rand(lanes, dtype=torch.float64, requires_grad=True)
    y, ys = torch.zeros(lanes, dtype=torch.float64), []
    for row in x:
        y = decay * y + (1.0 - decay) * row
        ys.append(y)
    assert torch.allclose(Average.apply(x, decay), torch.stack(ys), rtol=1e-13)  # type: ignore[arg-type]
    if lanes < 20:
        assert torch.autograd.gradcheck(Average.apply, (x, decay))


def filtered() -> Nest:
    """A sum over taps in a register: y[t] = scale * sum over k of weight[k] x[t - k]."""
    total = Buffer("total", place="register")
    product, scaled = Graph(), Graph()
    w, x, s = (product.put("read", tag=name) for name in ("w", "x", "s"))
    more = product.put("add", s, product.put("mul", w, x))
    whole, scale = scaled.put("read", tag="s"), scaled.put("number", tag="scale")
    y = scaled.put("mul", whole, scale)

    def tap(t: Index, k: Index) -> Statement:
        leaf = Leaf(product, ((w, WEIGHT[k]), (x, X[t - k]), (s, total.row)), (Write(total.row, more),))
        return leaf

    def step(t: Index) -> list[Statement]:
        taps = loop("k", [TAPS, t + 1], lambda k: [tap(t, k)])
        return [Vectors((filled(0.0, total.row), taps, Leaf(scaled, ((whole, total.row),), (Write(Y[t], y),))))]

    return Nest("filter", (X, Y, WEIGHT, total), (loop("t", T, step),), sizes=("steps", "taps"), numbers=("scale",))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_registers_numbers_and_two_ends_of_a_loop(dtype: torch.dtype) -> None:
    x, weight = torch.randn(9, 21, dtype=dtype), torch.randn(4, dtype=dtype)
    y = torch.empty_like(x)
    run(filtered(), {"x": x, "y": y, "weight": weight}, {"steps": 9, "taps": 4}, {"scale": 0.5}, lanes=21, dtype=dtype)
    expected = torch.stack([sum(weight[k] * x[t - k] for k in range(min(4, t + 1))) for t in range(9)])  # type: ignore[misc]
    assert torch.allclose(y, 0.5 * expected, atol=1e-6)


def test_what_may_be_absent_and_what_holds() -> None:
    extra = replace(Y, name="extra", optional=True)

    def step(t: Index) -> list[Statement]:
        return [copied(X[t], Y[t]), present(extra, when("ge", t, 2, copied(X[t - 2], extra[t])))]

    nest = Nest("copies", (X, Y, extra), (loop("t", T, step),), sizes=("steps",))
    x, y, z = torch.randn(5, 3), torch.empty(5, 3), torch.zeros(5, 3)
    for other in (None, z):
        run(nest, {"x": x, "y": y, "extra": other}, {"steps": 5}, {}, lanes=3, dtype=torch.float32)
        assert torch.equal(y, x)
    assert torch.equal(z[2:], x[:3])
    assert not z[:2].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("kind", ["i8", "u8", "i16", "i32"])
def test_whole_numbers_in_memory(kind: str, dtype: torch.dtype) -> None:
    """Read as they are; written as the nearest, of two the even one, within range."""
    rounds_to_a_type(run, kind, dtype)


@pytest.mark.parametrize("vector", [128, 256, 512])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_bits_in_memory(dtype: torch.dtype, vector: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the vectors: of two lanes, four of which share a byte, to sixteen."""
    with_vectors(vector, monkeypatch)
    for lanes in (1, 37, 64, 1003):
        bits_of_masks(run, dtype, lanes)


def test_no_gradient_comes_through_whole_numbers_or_bits() -> None:
    """They are steps; named as an end of a gradient they are refused."""
    out, kept = Buffer("out", (T,)), Buffer("kept", (T,), stored="bits")
    body = (loop("t", T, lambda t: [copied(X[t], kept[t]), copied(kept[t], out[t])]),)
    there = Nest("steps", (X, kept, out), body, sizes=("steps",))
    back = adjoint(there, outputs=["out"], inputs=["x"])
    g_x, how = torch.ones(4, 3), {"sizes": {"steps": 4}, "numbers": {}, "lanes": 3, "dtype": torch.float32}
    bits = torch.zeros(4, 8, dtype=torch.uint8)
    held = {"x": torch.ones(4, 3), "kept": bits, "out": torch.empty(4, 3), "g:out": torch.ones(4, 3), "g:x": g_x}
    run(back, held, **how)  # type: ignore[arg-type]
    assert not g_x.any()
    with pytest.raises(ValueError, match="whole numbers or bits, which have no gradient"):
        adjoint(there, outputs=["kept"], inputs=["x"])


def energy() -> Nest:
    """total = the sum over t >= 1 of x[t] x[t - 1], in a row that is added to."""
    total, out = Buffer("total", place="block"), Buffer("out")
    graph = Graph()
    now, before = (graph.put("read", tag=name) for name in ("now", "before"))
    product = graph.put("mul", now, before)

    def step(t: Index) -> list[Statement]:
        leaf = Leaf(graph, ((now, X[t]), (before, X[t - 1])), (Write(total.row, product, "add"),))
        return [when("ge", t, 1, leaf)]

    body = (filled(0.0, total.row), loop("t", T, step), copied(total.row, out.row))
    return Nest("energy", (X, total, out), body, sizes=("steps",))


def test_the_adjoint_of_sums_under_a_condition() -> None:
    there = energy()
    back = adjoint(there, outputs=["out"], inputs=["x"])
    x = torch.randn(7, 3, dtype=torch.float64)
    out, g, g_x = torch.empty(3).double(), torch.randn(3).double(), torch.empty_like(x)
    how: dict[str, Any] = {"sizes": {"steps": 7}, "numbers": {}, "lanes": 3, "dtype": torch.float64}
    run(there, {"x": x, "out": out}, **how)
    assert torch.allclose(out, (x[1:] * x[:-1]).sum(0))
    run(back, {"x": x, "out": out, "g:out": g, "g:x": g_x}, **how)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad((leaf[1:] * leaf[:-1]).sum(0), leaf, g)
    assert torch.allclose(g_x, expected)


def test_a_tape_needs_a_length() -> None:
    inner = AVERAGE.body[1]
    assert isinstance(inner, Loop)
    body = (AVERAGE.body[0], loop("s", T, lambda s: [replace(inner, stop=(s + 1,))]))
    with pytest.raises(ValueError, match="no size bounds the loop over t"):
        adjoint(replace(AVERAGE, body=body), outputs=["y"], inputs=["x", "decay"])


def nest(*body: Statement, buffers: tuple[Buffer, ...] = (X, Y, WEIGHT, MEAN)) -> Nest:
    return Nest("bad", buffers, body, sizes=("steps", "taps"))


def read(ref: Ref, to: Ref = MEAN.row) -> Leaf:
    return copied(ref, to)


TWICE = Leaf(read(X[0]).graph, read(X[0]).reads, read(X[0]).writes * 2)
REGISTER = Buffer("r", place="register")
SAME = Buffer("same", place="thread")
LENGTHS = Buffer("lengths", stored="i32")
BITS = Buffer("bits", stored="bits")
ALIVE = Graph()
ALIVE.put("alive")
PARENT = Buffer("parent", (TAPS,), stored="i32", shared=True)
BAD: list[tuple[Nest, str]] = [
    (nest(read(Ref("z", ()))), "no buffer z"),
    (nest(read(X[0, 0])), "2 indices"),
    (nest(loop("t", T, lambda t: [read(X[t + 1])])), "may reach"),
    (nest(loop("t", T, lambda t: [read(X[t - 1])])), "may be below 0"),
    (nest(loop("t", TAPS, lambda t: [read(X[t])])), "may reach"),
    (nest(read(X[Index.name("u")])), "neither a size nor a loop"),
    (nest(loop("steps", T, [])), "a name that is taken"),
    (nest(copied(X[0], WEIGHT[0])), "one element for all lanes"),
    (nest(buffers=(X, X)), "two buffers"),
    (nest(buffers=(Buffer("w", (Index.name("u"),)),)), "no size of the nest"),
    (nest(buffers=(Buffer("r", (T,), place="register"),)), "has axes"),
    (nest(buffers=(Buffer("n", (T,), stored="i16", shared=True),)), "no array of indices"),
    (nest(buffers=(Buffer("n", (T,), place="block", stored="i8"),)), "whole numbers in the block"),
    (nest(buffers=(Buffer("b", (T,), place="block", stored="bits"),)), "bits in the block"),
    (nest(buffers=(Buffer("b", (T,), stored="bits", shared=True),)), "one element for all lanes, and bits"),
    (nest(Leaf(filled(0.0, MEAN.row).graph, (), (Write(BITS.row, 0, "add"),)), buffers=(BITS,)), "holds bits"),
    (nest(buffers=(Buffer("m", place="block", optional=True),)), "may be absent"),
    (
        nest(read(Buffer("r", place="register").row), buffers=(MEAN, Buffer("r", place="register"))),
        "outside of vectors",
    ),
    (nest(Vectors((Vectors(()),))), "vectors inside of vectors"),
    (nest(read(PARENT[0]), buffers=(PARENT, MEAN)), "is an array of indices"),
    (nest(read(X[at("weight", 0, "steps")])), "no array of indices"),
    (nest(read(X[at("parent", 0, "taps")]), buffers=(X, MEAN, PARENT)), "the axis has steps"),
    (nest(read(replace(X, name="o").row), buffers=(MEAN, Buffer("o", optional=True))), "may be absent"),
    (nest(present(X)), "which always is"),
    (nest(when("lt", 0, 1, when("near", 0, 1))), "which there is not"),  # type: ignore[list-item]
    (nest(TWICE), "twice"),
    (nest(Leaf(filled(0.0, MEAN.row).graph, (), (Write(MEAN.row, 0, "max"),)), buffers=(MEAN,)), "which there is not"),
    (nest(filled(0.0, SAME.row), buffers=(SAME,)), "outside of the head"),
    (replace(nest(buffers=(MEAN,)), head=(filled(0.0, MEAN.row),)), "differs from lane to lane"),
    (replace(nest(buffers=(X, SAME)), head=(copied(X[0], SAME.row),)), "differs from lane to lane"),
    (nest(Leaf(filled(0.0, MEAN.row).graph, flags=(Flag(1, 0),)), buffers=(MEAN,)), "is no mask"),
    (nest(Leaf(ALIVE, ((0, LENGTHS.row),), flags=(Flag(3, 0),)), buffers=(LENGTHS,)), "none of the bits"),
    (nest(Leaf(ALIVE, ((0, MEAN.row),), flags=(Flag(1, 0),)), buffers=(MEAN,)), "no whole number for each lane"),
    (nest(replace(read(X[0]), clock=Index.name("u"))), "neither a size nor a loop"),
]


@pytest.mark.parametrize(("bad", "says"), BAD, ids=[says for _, says in BAD])
def test_what_is_ill_formed_is_said(bad: Nest, says: str) -> None:
    with pytest.raises(IllFormed, match=says):
        verify(bad)


def test_tensors_that_do_not_fit() -> None:
    x = torch.zeros(5, 3)
    good: dict[str, Tensor | None] = {"x": x, "y": x.clone(), "decay": torch.zeros(3)}
    cases: list[tuple[str, Tensor | None, str]] = [
        ("x", None, "missing"),
        ("x", x[:4], "15 dense elements"),
        ("x", x.double(), "float32"),
        ("x", torch.zeros(3, 5).t(), "not dense"),
    ]
    for name, tensor, says in cases:
        with pytest.raises(ValueError, match=says):
            run(AVERAGE, {**good, name: tensor}, {"steps": 5}, {}, lanes=3, dtype=torch.float32)


def test_a_register_has_no_adjoint() -> None:
    with pytest.raises(ValueError, match="by hand"):
        adjoint(filtered(), outputs=["y"], inputs=["x"])
