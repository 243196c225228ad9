"""Shorter operations: a product and a sum rounded once, a quotient by a number as a product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase.engine.llvm.launch import run
from rheobase.engine.nest.contract import contracted
from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.nest import Buffer, Nest, Ref

A, B, C, OUT, MORE = (Buffer(name) for name in ("a", "b", "c", "out", "more"))
LANES = 53


def nest(equations: Callable[..., Any], *writes: Ref) -> Nest:
    reads = {"a": A.row, "b": B.row, "c": C.row}
    return Nest("few", (A, B, C, OUT, MORE), (leaf(equations, reads=reads, writes=list(writes)),)).without_unused()


def values(seed: int = 0) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)
    held = {name: torch.randn(LANES, generator=g, dtype=torch.float64) for name in "abc"}
    # sums in which the product almost cancels tell one rounding from two
    held["c"][::2] = -(held["a"] * held["b"])[::2]
    return held | {"out": torch.zeros(LANES, dtype=torch.float64), "more": torch.zeros(LANES, dtype=torch.float64)}


def after(made: Nest, held: dict[str, Tensor]) -> Tensor:
    run(made, held, {}, {}, lanes=LANES, dtype=torch.float64)
    return held["out"].clone()


def operations(made: Nest) -> list[str]:
    (found,) = made.body
    return sorted(found.graph.nodes[k].op for k in found.needed)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("equations", "sign"),
    [
        (lambda a, b, c: a * b + c, (1, 1)),
        (lambda a, b, c: c + a * b, (1, 1)),
        (lambda a, b, c: a * b - c, (1, -1)),
        (lambda a, b, c: c - a * b, (-1, 1)),
    ],
)
def test_a_product_in_a_sum_is_rounded_once(equations: Callable[..., Any], sign: tuple[int, int]) -> None:
    plain = nest(equations, OUT.row)
    held = values()
    found, twice = after(contracted(plain), held), after(plain, held)
    a, b, c = ([Fraction(x) for x in held[name].tolist()] for name in "abc")
    exact = [float(sign[0] * x * y + sign[1] * z) for x, y, z in zip(a, b, c, strict=True)]
    assert found.tolist() == exact
    assert twice.tolist() != exact


def test_a_product_that_others_look_at_stays() -> None:
    plain = nest(lambda a, b, c: (a * b + c, a * b), OUT.row, MORE.row)
    assert operations(contracted(plain)) == operations(plain)
    square = nest(lambda a, b, c: a * b + a * b, OUT.row)
    assert "fma" not in operations(contracted(square))


def test_two_products_in_a_sum() -> None:
    plain = nest(lambda a, b, c: a * b + b * c, OUT.row)
    assert operations(contracted(plain)).count("mul") == 1
    held = values()
    torch.testing.assert_close(after(contracted(plain), held), after(plain, held), rtol=1e-15, atol=1e-15)


def test_a_quotient_by_a_number_is_a_product() -> None:
    plain = nest(lambda a, b, c: torch.exp(a / 24.0) + a / b, OUT.row)
    made = contracted(plain)
    assert operations(plain).count("div") == 2
    assert operations(made).count("div") == 1
    held = values()
    torch.testing.assert_close(after(made, held), after(plain, held), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("number", [0.0, 5e-324, float("nan")])
def test_a_number_without_an_inverse_stays(number: float) -> None:
    plain = nest(lambda a, b, c: a / number, OUT.row)
    assert "div" in operations(contracted(plain))
    held = values()
    torch.testing.assert_close(after(contracted(plain), held), after(plain, held), rtol=0, atol=0, equal_nan=True)


def test_what_is_read_is_not_computed() -> None:
    """A node that a row is read into, a product too, is that row."""
    plain = nest(lambda a, b, c: a * b + c, OUT.row)
    (inside,) = plain.body
    (product,) = (k for k, node in enumerate(inside.graph.nodes) if node.op == "mul")  # type: ignore[union-attr]
    reads = (*inside.reads, (product, MORE.row))  # type: ignore[union-attr]
    other = Nest("few", (A, B, C, OUT, MORE), (replace(inside, reads=reads),))  # type: ignore[type-var]
    held = values()
    torch.testing.assert_close(after(contracted(other), held), held["more"] + held["c"], rtol=0, atol=0)
