"""Nests of whole numbers compute as torch does with int8, int16 and int32; what they cannot say is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import errors
from rheobase.core.saturation import saturating_add, saturating_sub
from rheobase.engine.graph.graph import Graph
from rheobase.engine.graph.symbols import Untraceable
from rheobase.engine.llvm.launch import run
from rheobase.engine.nest.adjoint import adjoint
from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.nest import Buffer, Leaf, Nest, Write, copied, filled
from rheobase.engine.nest.verify import IllFormed, verify
from tests.engine.integer_arithmetic import (
    BINARY,
    OWN,
    UNARY,
    a_crossbar_is_its_loop,
    as_torch_computes,
    rows_of_other_widths,
)
from tests.engine.vectors import with_vectors

X, Y = Buffer("x"), Buffer("y")


@pytest.mark.parametrize("vector", [128, 256, 512])
@pytest.mark.parametrize("own", OWN)
def test_a_nest_of_whole_numbers_computes_as_torch(own: str, vector: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pairs of int8; the ends of the wider types, and some pairs between."""
    with_vectors(vector, monkeypatch)
    as_torch_computes(run, own, [*BINARY, *UNARY] if vector == 256 else ["mul", "saturating_add", "masks"])


@pytest.mark.parametrize(
    ("own", "stored"), [("i16", "i8"), ("i16", "u8"), ("i32", "i16"), ("i32", "i8"), ("i16", "i16")]
)
def test_rows_of_another_width(own: str, stored: str) -> None:
    rows_of_other_widths(run, own, stored)


@pytest.mark.parametrize("vector", [128, 512])
def test_a_crossbar(vector: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with_vectors(vector, monkeypatch)
    for lanes in (1, 37, 64, 2111):
        a_crossbar_is_its_loop(run, lanes)


def test_what_whole_numbers_are_not() -> None:
    """Each is one sentence: torch makes real numbers of it, or the type does not hold it."""
    i16: dict[str, Any] = {"reads": {"x": X.row}, "writes": [Y.row], "dtype": torch.int16}
    for equations, said in (
        (torch.exp, "exp of whole numbers"),
        (lambda x: x / 2, "div of whole numbers"),
        (lambda x: 0.5 * x, "the number 0.5 beside whole ones"),
        (lambda x: x + 40000, r"the number 40000, which torch.int16 does not hold"),
        (lambda x: x << 16, "left_shift by 16 places"),
        (lambda x: x.sqrt(), "sqrt of whole numbers"),
        (lambda x: saturating_add(x, 1), "saturating_add of a number"),
    ):
        with pytest.raises(Untraceable, match=said):
            leaf(equations, **i16)
    with pytest.raises(Untraceable, match="logical and of values that are not masks"):
        leaf(lambda x: x & x, reads={"x": X.row}, writes=[Y.row])
    with pytest.raises(Untraceable, match="saturating_add of real numbers"):
        leaf(saturating_add, reads={"a": X.row, "b": X.row}, writes=[Y.row])
    wide = Buffer("wide", stored="i32")
    real = Buffer("real", stored="f32")
    row, out = Buffer("row"), Buffer("out")
    for body, said in (
        ([copied(wide.row, out.row)], r"wide\[\] holds i32, and the nest computes in i16"),
        ([copied(real.row, out.row)], r"real\[\] holds f32, and the nest computes in i16"),
        ([copied(row.row, real.row)], r"real\[\] holds real numbers"),
        ([filled(0.5, out.row)], "the number 0.5, which i16 does not hold"),
        ([leaf(torch.exp, reads={"x": row.row}, writes=[out.row])], r"a leaf needs exp, .* whole numbers \(i16\)"),
    ):
        with pytest.raises(IllFormed, match=said):
            verify(Nest("n", (wide, real, row, out), tuple(body), own="i16"))
    shift = leaf(lambda x: x << 1, reads={"x": row.row}, writes=[out.row], dtype=torch.int16)
    with pytest.raises(IllFormed, match="left_shift, and the nest computes in real numbers"):
        verify(Nest("n", (row, out), (shift,)))
    with pytest.raises(IllFormed, match="computes in 'i7'"):
        verify(Nest("n", (row, out), (shift,), own="i7"))


def test_how_a_nest_of_whole_numbers_is_run() -> None:
    row, out = Buffer("row"), Buffer("out")
    graph = Graph()
    x, n = graph.put("read", tag="x"), graph.put("number", tag="n")
    body = Leaf(graph, ((x, row.row),), (Write(out.row, graph.put("add", x, n)),))
    nest = Nest("n", (row, out), (body,), numbers=("n",), own="i16")
    held = {"row": torch.arange(5, dtype=torch.int16), "out": torch.empty(5, dtype=torch.int16)}
    run(nest, held, {}, {"n": -3}, lanes=5, dtype=torch.int16)
    assert held["out"].tolist() == [-3, -2, -1, 0, 1]
    for numbers, dtype, said in (
        ({"n": 0.5}, torch.int16, "n is 0.5; expected a whole number"),
        ({"n": float("inf")}, torch.int16, "n is inf; expected a whole number"),
        ({"n": 2**15}, torch.int16, "n is 32768; expected a whole number"),
        ({"n": 1}, torch.float32, "computes in torch.int16, and not in torch.float32"),
    ):
        with pytest.raises(ValueError, match=said):
            run(nest, held, {}, numbers, lanes=5, dtype=dtype)
    with pytest.raises(ValueError, match="whole numbers, which have no gradient"):
        adjoint(nest, outputs=["out"], inputs=["row"])
    plain = Nest("n", (row, out), (copied(row.row, out.row),))
    with pytest.raises(ValueError, match=r"float32 or float64, and not in torch.int16"):
        run(plain, held, {}, {}, lanes=5, dtype=torch.int16)


@pytest.mark.parametrize("function", [saturating_add, saturating_sub])
def test_saturating_sums_are_of_whole_numbers(function: Any) -> None:
    with pytest.raises(errors.DTypeError, match=r"torch.float32 and torch.float32; expected two tensors of int8"):
        function(torch.ones(2), torch.ones(2))
    with pytest.raises(errors.DTypeError, match=r"torch.int8 and torch.int16"):
        function(torch.ones(2, dtype=torch.int8), torch.ones(2, dtype=torch.int16))
