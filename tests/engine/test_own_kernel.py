"""The kernel that docs/engine.md writes is run as it stands there, and held to torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from rheobase.engine.llvm import launch as llvm
from rheobase.engine.nest.adjoint import adjoint
from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.index import names
from rheobase.engine.nest.nest import Buffer, Nest, filled, loop
from rheobase.engine.operators.operator import Operator
from rheobase.engine.triton import launch as triton

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


@pytest.fixture(scope="module")
def average() -> Any:
    """The operator of the page."""
    text = PAGE.read_text("utf-8").partition("## A kernel of one's own")[2]
    code = text.partition("```python\n")[2].partition("```")[0]
    known: dict[str, Any] = {
        "Buffer": Buffer, "NamedTuple": NamedTuple, "Nest": Nest, "Operator": Operator, "Tensor": Tensor,
        "adjoint": adjoint, "filled": filled, "leaf": leaf, "llvm": llvm, "loop": loop, "names": names,
        "triton": triton, "__name__": "the_page",
    }  # fmt: skip
    exec(compile(f"from __future__ import annotations\n{code}", str(PAGE), "exec"), known)
    return lambda x, decay: known["AVERAGE"](known["Given"](x, decay))[0]


def in_torch(x: Tensor, decay: Tensor) -> Tensor:
    y, ys = torch.zeros_like(decay), []
    for row in x:
        y = decay * y + (1.0 - decay) * row
        ys.append(y)
    return torch.stack(ys)


@pytest.mark.parametrize("width", [1, 7, 16, 37])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_it_is_that_of_torch(average: Any, width: int, dtype: torch.dtype) -> None:
    x = torch.randn(20, width, dtype=dtype, requires_grad=True)
    decay = torch.rand(width, dtype=dtype, requires_grad=True)
    g = torch.randn(20, width, dtype=dtype)
    runs = []
    for form in (average, in_torch):
        y = form(x, decay)
        runs.append((y.detach(), *torch.autograd.grad(y, [x, decay], g)))
    for found, expected in zip(*runs, strict=True):
        assert torch.allclose(found, expected, rtol=1e-4 if dtype == torch.float32 else 1e-12, atol=1e-5)


def test_gradcheck(average: Any) -> None:
    x, decay = (torch.rand(*shape, dtype=torch.float64, requires_grad=True) for shape in ((6, 5), (5,)))
    # its only output has a gradient, or the way back is not run
    assert torch.autograd.gradcheck(average, (x, decay), check_undefined_grad=False)
