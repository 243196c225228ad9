"""The elimination of a tree over compartments, written as a nest, against dense linear algebra."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase.engine.llvm.launch import run
from rheobase.engine.nest.adjoint import adjoint
from rheobase.engine.nest.tree import elimination

NEST = elimination()


def random_tree(n: int, seed: int) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.tensor([0, *(int(torch.randint(0, k, (1,), generator=g)) for k in range(1, n))], dtype=torch.int32)


def dense(matrix: Tensor, right: Tensor) -> Tensor:
    """The system's solver on one thread: beside other tests, many of its threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return torch.linalg.solve(matrix, right)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 100, 500])
def test_it_solves_what_a_dense_solver_solves(n: int) -> None:
    lanes, parent = 37, random_tree(n, n)
    g = torch.Generator().manual_seed(n)
    off = -torch.rand(n, lanes, generator=g, dtype=torch.float64)
    off[0] = 0.0
    matrix = torch.zeros(lanes, n, n, dtype=torch.float64)
    for c in range(1, n):
        p = int(parent[c])
        matrix[:, c, p] = matrix[:, p, c] = off[c]
    diagonal = 1.0 + matrix.abs().sum(2).T + torch.rand(n, lanes, generator=g, dtype=torch.float64)
    matrix += torch.diag_embed(diagonal.T)
    right = torch.randn(n, lanes, generator=g, dtype=torch.float64)
    x = torch.empty_like(right)
    tensors = {"diagonal": diagonal.contiguous(), "right": right, "off": off, "x": x, "parent": parent}
    run(NEST, tensors, {"compartments": n}, {}, lanes=lanes, dtype=torch.float64)
    expected = dense(matrix, right.T.unsqueeze(2)).squeeze(2).T
    assert (x - expected).abs().max() < 1e-12


BACK = adjoint(NEST, outputs=["x"], inputs=["diagonal", "right", "off"])


class Solve(torch.autograd.Function):
    """The solution, with its gradient by the adjoint of the nest."""

    @staticmethod
    def forward(ctx, diagonal, right, off, parent):  # type: ignore[no-untyped-def, override]
        x = torch.empty_like(right)
        tensors = {"diagonal": diagonal, "right": right, "off": off, "x": x, "parent": parent}
        run(NEST, tensors, {"compartments": len(x)}, {}, lanes=x.shape[1], dtype=x.dtype)
        ctx.save_for_backward(diagonal, right, off, parent)
        return x

    @staticmethod
    def backward(ctx, g):  # type: ignore[no-untyped-def, override]
        diagonal, right, off, parent = ctx.saved_tensors
        of = [torch.empty_like(right) for _ in range(3)]
        tensors = {"diagonal": diagonal, "right": right, "off": off, "x": torch.empty_like(right), "parent": parent}
        tensors |= {"g:x": g.contiguous(), "g:diagonal": of[0], "g:right": of[1], "g:off": of[2]}
        run(BACK, tensors, {"compartments": len(g)}, {}, lanes=g.shape[1], dtype=g.dtype)
        return (*of, None)


@pytest.mark.parametrize("n", [1, 2, 9, 30])
def test_its_adjoint_is_the_derivative(n: int) -> None:
    lanes, parent = 5, random_tree(n, n)
    g = torch.Generator().manual_seed(n)
    off = -torch.rand(n, lanes, generator=g, dtype=torch.float64)
    diagonal = 2.0 + n + torch.rand(n, lanes, generator=g, dtype=torch.float64)
    right = torch.randn(n, lanes, generator=g, dtype=torch.float64)
    inputs = [t.requires_grad_() for t in (diagonal, right, off)]
    assert torch.autograd.gradcheck(lambda *t: Solve.apply(*t, parent), inputs)


def test_a_parent_beyond_the_tree_is_refused() -> None:
    rows = {name: torch.ones(3, 4) for name in ("diagonal", "right", "off", "x")}
    for parent in ([0, 0, 3], [0, -1, 0]):
        tensors = {**rows, "parent": torch.tensor(parent, dtype=torch.int32)}
        with pytest.raises(ValueError, match="parent holds"):
            run(NEST, tensors, {"compartments": 3}, {}, lanes=4, dtype=torch.float32)
