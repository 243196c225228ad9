"""The GPU kernels on a machine without a GPU: Triton's interpreter against the reference loop.

`test_triton.py` runs this file in a process of its own, where `TRITON_INTERPRET=1` stands before Triton is imported.
The interpreter takes about 20 microseconds per operation, whatever the number of lanes: everything here has few steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import triton
from torch import Tensor

import rheobase
from rheobase import Neuron, Noisy, errors, neurons, nn
from rheobase.chip.loihi import Compartment
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.trace import trace
from rheobase.engine.llvm import launch as llvm
from rheobase.engine.nest.adjoint import adjoint
from rheobase.engine.nest.tree import elimination
from rheobase.engine.operators import gpu as operators
from rheobase.engine.operators import sequence, sequence_back, sequence_loop
from rheobase.engine.operators.gpu import longest
from rheobase.engine.triton import launch as gpu
from rheobase.engine.triton import nests
from rheobase.engine.triton.launch import BLOCK
from tests.chip.loihi_arithmetic import drawn, whole
from tests.contract.models import MODELS, Model, every_model, fed
from tests.contract.runs import Run, assert_runs_close, assert_runs_equal, reference_run, run, weight
from tests.contract.tolerances import HALF_ULP, ONE_STEP, assert_close, difference, free
from tests.engine.integer_arithmetic import (
    BINARY,
    OWN,
    UNARY,
    a_crossbar_is_its_loop,
    as_torch_computes,
    rows_of_other_widths,
)
from tests.engine.whole_numbers import bits_of_masks, rounds_to_a_type
from tests.kinds import KINDS

SEGMENT = 3  # with `short`
# before 3.9 the interpreter multiplies, rounds, and adds
ROUNDS_ONCE = tuple(int(part) for part in triton.__version__.split(".")[:2]) >= (3, 9)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Segments of 3 steps, of which 2 are read ahead: 7 steps take all the ways that 34 take in segments of 16.

    Those of a GPU are held by `test_steps_that_do_not_fill_a_segment` and the tests after it.
    """
    monkeypatch.setattr(operators, "longest", lambda program, bits, steps: SEGMENT)
    monkeypatch.setattr(nests, "AHEAD", 2)
    for module in (sequence, sequence_loop, sequence_back):
        monkeypatch.setattr(module, "STRETCH", SEGMENT)
    gpu.kernel.cache_clear()
    yield
    gpu.kernel.cache_clear()


def everything(neuron: Neuron) -> tuple[str, ...]:
    """All that can be recorded."""
    names = neuron.lane_states
    return tuple(f"{name}{suffix}" for name in names for suffix in ("", ".pre"))


def both(neuron: Neuron, current: Tensor, **call: Any) -> tuple[Run, Run]:
    """The same run by the kernels of the CPU and by those of the GPU."""
    return run(neuron, current, "llvm", **call), run(neuron, current, "triton", **call)


def assert_same_arithmetic(one: Run, other: Run) -> None:
    """Bit for bit; of an interpreter that rounds twice, to what rounding grows to over a dozen steps."""
    if ROUNDS_ONCE:
        assert_runs_equal(one, other)
    else:
        assert_runs_close(one, other, 1e-4)


# three segments, the last of them cut off; samples cost nothing, in place of more steps
STEPS, BATCH = 2 * SEGMENT + 1, 12


def of_every_operation() -> list[Model]:
    """One of each kind, and the shortest ones that together have all operations that any neuron has."""
    chosen, seen = list[Model](), set[str]()
    programs = {model: _operations(model) for model in MODELS}
    for model in sorted(MODELS, key=lambda model: (model.name not in KINDS, len(programs[model]))):
        if model.name in KINDS or not seen.issuperset(programs[model]):
            chosen.append(model)
            seen.update(programs[model])
    return chosen


def _operations(model: Model) -> list[str]:
    neuron = model.make(3)
    return [node.op for node in parse(trace(neuron, everything(neuron)).text()).graph.nodes]


@pytest.mark.usefixtures("short")
@every_model
def test_free_run(model: Model) -> None:
    """Values, and gradients of input, initial state and parameters, through output, end and traces."""
    neuron = model.make(5)
    record = everything(neuron)
    current, expected = reference_run(model, neuron, STEPS, BATCH, record=record)
    found = run(neuron, current, "triton", record=record)
    assert_runs_close(expected, found, free(STEPS))
    if not neuron.graded:
        assert torch.equal(expected.values["out"], found.values["out"])
    assert float(found.gradients["current"].abs().max()) > 0


@every_model
def test_one_step_in_float32(model: Model) -> None:
    """Every step of a run of 20, from the states of the reference."""
    neuron = model.make(3, dtype=torch.float32)
    current = model.current(21, 2, 3, dtype=torch.float32)
    names = neuron.lane_states
    with torch.no_grad():
        _, end, rec = neuron(fed(neuron, current), record=names, backend="reference")
        many = {name: getattr(rec, name)[:-1].flatten(0, 1) for name in names}
        state = neuron.whole_state(many, getattr(end, "rng", None))
        i = current[1:].flatten(0, 1).unsqueeze(0)
        expected = neuron(fed(neuron, i), state, record=names, backend="reference")
        found = neuron(fed(neuron, i), state, record=names, backend="triton")
    assert_close(expected[0], found[0], ONE_STEP[torch.float32], "out")
    for name in names:
        a, b = getattr(expected[2], name), getattr(found[2], name)
        assert_close(a, b, ONE_STEP[torch.float32], name)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("model", of_every_operation(), ids=lambda model: model.name)
def test_float32_is_that_of_the_cpu(model: Model) -> None:
    """Both write down the same arithmetic: bit for bit the same, where the interpreter's `fma` rounds once.

    Every neuron is held to the reference by the tests before this one, in float64 with all its gradients.
    """
    neuron = model.make(3, dtype=torch.float32)
    record = everything(neuron)
    current = model.current(SEGMENT + 1, BATCH, 3, dtype=torch.float32)
    assert_same_arithmetic(*both(neuron, current, record=record))


@pytest.mark.parametrize("name", ["LIF", "SRC"])
def test_bfloat16(name: str) -> None:
    model = Model(name, getattr(neurons, name))
    neuron = model.make(6, dtype=torch.float32)
    current = model.current(18, 2, 6).bfloat16()
    one, other = both(neuron, current, record=("v",) if name == "LIF" else ("h",))
    assert_same_arithmetic(one, other)
    assert other.values["out"].dtype == torch.bfloat16
    wide, _ = neuron(fed(neuron, current.float()), backend="triton")
    assert difference(wide.detach(), other.values["out"]) <= HALF_ULP[torch.bfloat16]


def test_bfloat16_rounds_to_even() -> None:
    """A leaky integrator that has no leak to speak of gives out what it holds."""
    neuron = neurons.LI(8, dt=1.0, tau_mem=1e30)
    v = torch.tensor([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -2.9999, 3.3e38, -1e-40, 0.0])
    out, end = neuron(torch.zeros(1, 1, 8).bfloat16(), neuron.State(v.view(1, 8)), backend="triton")
    assert torch.equal(end.v.view(8), v)
    assert torch.equal(out.view(8).view(torch.int16), v.bfloat16().view(torch.int16))


@pytest.mark.parametrize("name", ["LIF", "SEAdLIF", "Noisy"])
def test_sequences_of_different_length(name: str) -> None:
    model = (
        Model(name, neurons.LIF, lambda n: Noisy(n, seed=3)) if name == "Noisy" else Model(name, getattr(neurons, name))
    )
    neuron = model.make(2)
    lengths = torch.tensor([0, 20, 7, 16])
    record = everything(neuron)
    current, expected = reference_run(model, neuron, 20, 4, record=record, lengths=lengths)
    found = run(neuron, current, "triton", record=record, lengths=lengths)
    assert_runs_close(expected, found, free(20))


@pytest.mark.parametrize("lanes", [1, BLOCK - 1, BLOCK, BLOCK + 2])
def test_lanes_that_do_not_fill_a_block(lanes: int) -> None:
    model = Model("LIF", neurons.LIF)
    neuron = model.make(lanes)
    assert_runs_equal(*both(neuron, model.current(3, 1, lanes)))


@pytest.mark.parametrize("steps", [1, 15, 16, 17, 32, 33])
def test_steps_that_do_not_fill_a_segment(steps: int) -> None:
    model = Model("LIF", neurons.LIF)
    neuron = model.make(3)
    assert_runs_equal(*both(neuron, model.current(steps, 1, 3)))


def test_segments_balance_what_is_kept_and_what_is_computed_again() -> None:
    neuron = neurons.LIF(3, dt=1.0)
    text = trace(neuron).text()
    assert len(parse(text).states) == 1
    assert [longest(text, 32, steps) for steps in (1, 16, 63, 1000, 100_000)] == [16, 16, 16, 32, 320]


@pytest.mark.parametrize("wanted", ["current", "init.v", "tau_mem_log"])
def test_gradient_of_one_input_alone(wanted: str) -> None:
    model = Model("LIF", neurons.LIF)
    neuron = model.make(4)
    current = model.current(20, 1, 4)
    whole = run(neuron, current, "triton", through=("out", "end"))
    neuron.requires_grad_(False)
    v = neuron.rest(1, dtype=torch.float64).v.detach()
    leaves = {"current": current.clone(), "init.v": v, **dict(neuron.named_parameters())}
    leaf = leaves[wanted].requires_grad_()
    out, end = neuron(leaves["current"], neuron.State(v), backend="triton")
    loss = (weight("out", out) * out).sum() + (weight("end.v", end.v) * end.v).sum()
    assert_close(whole.gradients[wanted], torch.autograd.grad(loss, leaf)[0], ONE_STEP[torch.float64], wanted)


def test_a_compartment_of_loihi_is_its_integers() -> None:
    i, registers = drawn(1, n=50, steps=12)
    values = {k: x if isinstance(x, int) else torch.as_tensor(x) for k, x in registers.items()}
    given = torch.as_tensor(i).float()[:, None]
    spikes, _, rec = Compartment(50, **values)(given, record=("u", "v.pre"), backend="triton")
    for found, expected in zip((spikes, rec.u, rec.v_pre), whole(i, **registers), strict=True):
        assert np.array_equal(found[:, 0].numpy(), expected)


def test_pieces_are_the_whole_bit_for_bit() -> None:
    neuron = Noisy(neurons.LIF(3, dt=1.0), sigma=1.0, seed=(1 << 61) + 12345).double()
    current = torch.full((30, 2, 3), 3.0, dtype=torch.float64)
    whole, end = neuron(fed(neuron, current), backend="triton")
    first, half = neuron(fed(neuron, current[:13]), backend="triton")
    second, end2 = neuron(fed(neuron, current[13:]), half, backend="triton")
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(end.v, end2.v)
    assert float(whole.sum()) > 0


def test_strides_of_input_and_gradient_do_not_matter() -> None:
    neuron = neurons.LIF(3, dt=1.0).double()
    current = torch.randn(3, 2, 20, dtype=torch.float64).permute(2, 1, 0)
    assert_runs_equal(*both(neuron, current))
    x = current.clone().requires_grad_()
    neuron(fed(neuron, x), backend="triton")[0].sum().backward()  # an upstream gradient without strides
    assert x.grad is not None
    assert float(x.grad.abs().max()) > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_input_that_is_not_finite(value: float, dtype: torch.dtype) -> None:
    neuron = neurons.LIF(3, dt=1.0).to(torch.promote_types(dtype, torch.float32))
    current = torch.zeros(20, 2, 3, dtype=dtype)
    current[17, 1, 2] = value
    with pytest.raises(errors.InputError, match=r"current\[17, 1, 2\]"):
        neuron(fed(neuron, current), backend="triton")


def test_auto_never_chooses_the_interpreter() -> None:
    neuron = neurons.LIF(3, dt=1.0)
    assert rheobase.explain(neuron, torch.zeros(1, 1, 3), measure=False).parts[0].backend == "llvm"


def test_a_second_derivative_is_refused() -> None:
    x = torch.randn(5, 1, 3).requires_grad_()
    out, _ = neurons.LIF(3, dt=1.0)(x, backend="triton")
    (g,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    with pytest.raises(errors.NotDifferentiable):
        g.sum().backward()


def test_the_operator_keeps_its_contract_with_torch() -> None:
    """Shapes and types of the fake rule are those of the real one, also under an export's trace."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    neuron = neurons.SRC(3)
    text = trace(neuron, ("h",)).text()
    params, state = list(neuron.values().values()), list(neuron.rest(2, dtype=torch.float32))
    arguments = ([torch.randn(40, 2, 3)], state, params, None, None, text, 0.0, True, True)
    real = torch.ops.rheobase.scan_triton(*arguments)
    with FakeTensorMode(allow_non_fake_inputs=True):
        fake = torch.ops.rheobase.scan_triton(*arguments)
    assert [(t.shape, t.dtype) for t in real] == [(t.shape, t.dtype) for t in fake]
    assert real[-1].shape[0] == 3 * (-(-40 // longest(text, 32, 40)) - 1)


LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "Recurrent": (lambda: nn.Recurrent(neurons.AdLIF(5)), (12, 2, 5)),
    "RecurrentDelay": (lambda: nn.RecurrentDelay(neurons.LIF(5, dt=1.0, tau_mem=3.0), taps=3), (12, 2, 5)),
    "SpikGRU": (lambda: nn.SpikGRU(5, 4), (12, 2, 5)),
    "CSGRU": (lambda: nn.CSGRU(1, 2), (6, 2, 1, 4, 4)),
    "CSGRU, z reads spikes": (lambda: nn.CSGRU(1, 2, update_reads="spikes"), (6, 2, 1, 4, 4)),
    "ConvGRU": (lambda: nn.ConvGRU(1, 2), (6, 2, 1, 4, 4)),
}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("ends", [False, True], ids=["whole", "lengths"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_with_products_in_their_loop(name: str, ends: bool) -> None:
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    layer = make().double()
    x, found = (torch.rand(shape, dtype=torch.float64) < 0.6).double() * 2, []
    lengths = torch.tensor([shape[0], 3]) if ends else None
    for backend in ("reference", "triton"):
        given = x.clone().requires_grad_()
        out, state = layer(given, lengths=lengths, backend=backend)
        leaves = [out, *torch.utils._pytree.tree_leaves(state)]
        loss = sum((k * s.sin()).sum() for k, s in enumerate(leaves, 1))
        found.append([*leaves, *torch.autograd.grad(loss, [given, *layer.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    assert float(found[0][0].detach().abs().sum()) > 0


def test_what_a_layer_on_a_gpu_is_told() -> None:
    layer = nn.Recurrent(neurons.AdLIF(3))
    with pytest.raises(errors.InputError, match="nan"):
        layer(torch.full((3, 1, 3), float("nan")), backend="triton")


@pytest.mark.parametrize("kind", ["i8", "u8", "i16", "i32"])
def test_whole_numbers_in_memory(kind: str) -> None:
    rounds_to_a_type(gpu.run, kind, torch.float32)


@pytest.mark.parametrize("lanes", [1, 37, 300])
def test_bits_in_memory(lanes: int) -> None:
    bits_of_masks(gpu.run, torch.float32, lanes)


@pytest.mark.parametrize("own", OWN)
def test_a_nest_of_whole_numbers_computes_as_torch(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "BLOCK", 16 * BLOCK)  # of all pairs of bytes there would be 512
    as_torch_computes(gpu.run, own, [*BINARY, *UNARY])


@pytest.mark.parametrize(("own", "stored"), [("i16", "u8"), ("i32", "i16")])
def test_rows_of_another_width(own: str, stored: str) -> None:
    rows_of_other_widths(gpu.run, own, stored)


def test_a_crossbar() -> None:
    a_crossbar_is_its_loop(gpu.run, 137)


def test_a_tree_and_its_adjoint() -> None:
    """Rows with axes lie in scratch, indices come from an array: the same numbers as on the CPU."""
    n, lanes = 9, 5
    parent = torch.tensor([0, 0, 1, 1, 0, 4, 4, 6, 2], dtype=torch.int32)
    g = torch.Generator().manual_seed(0)
    held: dict[str, Tensor] = {
        name: torch.rand(n, lanes, generator=g, dtype=torch.float64) for name in ("right", "off", "g:x")
    }
    held |= {"diagonal": 9 + torch.rand(n, lanes, generator=g, dtype=torch.float64), "parent": parent}
    there, found = elimination(), []
    back = adjoint(there, outputs=["x"], inputs=["diagonal", "right", "off"])
    for target in (llvm, gpu):
        made = {name: torch.zeros(n, lanes, dtype=torch.float64) for name in ("x", "g:diagonal", "g:right", "g:off")}
        for nest in (there, back):
            target.run(nest, {**held, **made}, {"compartments": n}, {}, lanes=lanes, dtype=torch.float64)
        found.append(list(made.values()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)
        assert float(one.abs().max()) > 0
