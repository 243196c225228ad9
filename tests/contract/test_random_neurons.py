"""Random neurons: the kernel does what the reference does, in values, every gradient, traces and pieces.

200 of them here, others every time; `make fuzz` runs 10,000. A difference counts unless the reference itself is torn:
disturbed by the rounding of its numbers it gives the other result too (a threshold met in the last digit, a chaotic
map).
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from rheobase import Neuron, errors
from rheobase.core.execution.backends import Request, reasons
from rheobase.engine.graph.rules import RULES
from tests.contract import random_neurons
from tests.contract.random_neurons import Sketch, sketches
from tests.contract.runs import Run, run
from tests.contract.test_parity import everything
from tests.engine.integer_arithmetic import RULES_OF_WHOLE

pytestmark = pytest.mark.usefixtures("plain_code")
CASES = int(os.environ.get("RHEOBASE_FUZZ", "200"))
SHARES = 4  # the tests below, among which the cases are divided
STEPS, BATCH = 9, 2
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-3}
DISTURBED = {torch.float64: 4e-16, torch.float32: 1e-7}
SEEDS = (1, 2, 3)
QUARTER = (False, False, False, True)  # of the cases are run without traces, too: a third kernel to compile


@pytest.fixture(autouse=True, scope="module")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Thousands of kernels that nobody will need again do not belong into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHEOBASE_CACHE", str(tmp_path_factory.mktemp("kernels")))
        yield


def current_of(seed: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(STEPS, BATCH, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def check(sketch: Sketch, dtype: torch.dtype, seed: int, lengths: bool, bare: bool) -> None:
    neuron, current = sketch.make(dtype), current_of(seed, dtype)
    call: dict[str, Any] = dict(record=everything(neuron), lengths=torch.tensor([STEPS, 5]) if lengths else None)
    state = neuron.rest(BATCH, dtype=dtype)
    reason = reasons(Request(neuron, current, state, (), None))["llvm"]
    assert reason is None, f"a kernel should take this: {reason}"
    try:
        expected = run(neuron, current, "reference", state=state, **call)
    except errors.Diverged:
        with pytest.raises(errors.Diverged):
            run(neuron, current, "llvm", state=state, **call)
        return
    found = run(neuron, current, "llvm", state=state, **call)
    wrong = differences(expected, found, TOLERANCE[dtype])
    if wrong:
        # only what is not torn counts
        for sign in SEEDS:
            disturb = Disturbance(sign, dtype)
            begin = state._replace(**{name: disturb(getattr(state, name)) for name in neuron.lane_states})
            other = run(disturb.neuron(neuron), disturb(current), "reference", state=begin, **call)
            assume(not differences(expected, other, 0.1 * TOLERANCE[dtype]))
        raise AssertionError("\n".join(wrong))
    in_pieces(neuron, current, state, found, **call)
    if bare:
        # without traces another kernel, whose graph has less in it
        with torch.no_grad():
            out, end = neuron(current, state, lengths=call["lengths"], backend="llvm")
        assert same(out, found.values["out"])
        assert all(same(x, found.values[f"end.{name}"]) for name, x in end._asdict().items())


def in_pieces(
    neuron: Neuron, current: Tensor, state: Any, whole: Run, *, record: tuple[str, ...], lengths: Tensor | None
) -> None:
    """Two runs, of which the second goes on from the first, without gradients: bit for bit the one with them."""
    outs, traces = list[Tensor](), list[Any]()
    with torch.no_grad():
        for begin, stop in ((0, 4), (4, STEPS)):
            left = None if lengths is None else (lengths - begin).clamp(0, stop - begin)
            out, state, rec = neuron(current[begin:stop], state, record=record, lengths=left, backend="llvm")
            outs.append(out)
            traces.append(rec)
    found = {"out": torch.cat(outs)} | {f"end.{name}": x for name, x in state._asdict().items()}
    found |= {f"rec.{name}": torch.cat([getattr(rec, name) for rec in traces]) for name in traces[0]._fields}
    assert found.keys() == whole.values.keys()
    for name, x in found.items():
        assert same(x, whole.values[name]), name


class Disturbance:
    """Changes values in their last digit; where that changes the result, so may the order of a sum.

    Inputs are not enough: two states that no input reaches may meet exactly in a comparison.
    """

    def __init__(self, seed: int, dtype: torch.dtype):
        self.generator, self.dtype = torch.Generator().manual_seed(seed), dtype

    def __call__(self, x: Tensor) -> Tensor:
        noise = torch.randn(x.shape, generator=self.generator, dtype=torch.float64).to(self.dtype)
        return x * (1.0 + DISTURBED[self.dtype] * noise)

    def neuron(self, neuron: Neuron) -> Neuron:
        """A copy with other parameters."""
        twin = copy.deepcopy(neuron)
        with torch.no_grad():
            for value in (*twin.parameters(), *twin.buffers()):
                if value.is_floating_point():
                    value.copy_(self(value))
        return twin


def same(a: Tensor, b: Tensor) -> bool:
    """Bit for bit, NaN being NaN."""
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def differences(expected: Run, found: Run, tolerance: float) -> list[str]:
    """What is further apart than so much of its largest value; one that is missing is zero."""
    wrong: list[str] = []
    for kind in ("values", "gradients"):
        a, b = getattr(expected, kind), getattr(found, kind)
        for name in sorted(a.keys() | b.keys()):
            x, y = a.get(name), b.get(name)
            x, y = (torch.zeros_like(y) if x is None else x), (torch.zeros_like(x) if y is None else y)
            finite = torch.isfinite(x) & torch.isfinite(y)
            odd = ~finite & ~((x == y) | (x.isnan() & y.isnan()))
            size = float(x[finite].abs().max()) if bool(finite.any()) else 0.0
            gap = float((x - y)[finite].abs().max()) if bool(finite.any()) else 0.0
            if bool(odd.any()) or gap > tolerance * max(size, 1e-3):
                wrong.append(f"{kind} {name}: {gap:.3g} of {size:.3g}, {int(odd.sum())} odd\n{x}\n{y}")
    return wrong


def cases(test: Any) -> Any:
    return settings(
        max_examples=CASES // SHARES,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )(test)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("base", ["MapNeuron", "OdeNeuron"])
def test_kernel_is_reference(base: str, dtype: torch.dtype) -> None:
    @cases
    @given(sketch=sketches(base), seed=st.integers(0, 2**16), lengths=st.booleans(), bare=st.sampled_from(QUARTER))
    def one(sketch: Sketch, seed: int, lengths: bool, bare: bool) -> None:
        check(sketch, dtype, seed, lengths, bare)

    one()


def test_every_rule_can_be_drawn() -> None:
    tables = ("REALS_1", "REALS_2", "REALS_MASKED", "MASKS", "MASKS_2")
    text = " ".join(" ".join(getattr(random_neurons, name)) for name in tables)
    called = {*re.findall(r"torch\.(?:nn\.functional\.)?(\w+)", text), *re.findall(r"\)\.(\w+)\(", text)}
    by_operator = {
        "add",
        "sub",
        "mul",
        "div",
        "radd",
        "rsub",
        "rmul",
        "rdiv",
        "rtruediv",
        "truediv",
        "neg",
        "abs",
        "pow",
    }
    by_operator |= {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "xor", "invert", "positive"}
    by_word = {"spike", "switch", "substitute", "normal", "uniform", "Tensor.dtype"}
    alike = {"divide", "float", "double", "Tensor.device", "is_floating_point", "logical_or", "logical_xor"}
    alike |= {"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not"}  # names of the same rules
    assert not RULES.keys() - RULES_OF_WHOLE - called - by_operator - by_word - alike
