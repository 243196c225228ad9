"""The kernels against the reference loop, for every neuron: same values, same gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase import Neuron
from tests.contract.models import KINDS, Model, activity, every_model, fed
from tests.contract.runs import assert_runs_close, reference_run, run, weight
from tests.contract.tolerances import COINCIDENCE_32, ONE_STEP, assert_close, free

# lanes that fill no vector, one vector in part, and several blocks
SIZES = [(1, 1, (1,)), (1, 3, (37,)), (63, 1, (1,)), (63, 2, (600,)), (63, 3, (5, 7))]
# Which parameters have a value per lane makes another kernel: here all have, and one kernel takes every size. How
# scalars do is asked in plain code (`test_parameter_shapes`), and of the code of users in `test_dtypes.py`.
OWN = ("neuron", "broadcast")  # of (5, 7), broadcast is (5, 1)


def everything(neuron: Neuron) -> tuple[str, ...]:
    """All that can be recorded."""
    names = neuron.lane_states
    return tuple(f"{name}{suffix}" for name in names for suffix in ("", ".pre"))


def gradient(loss: Tensor, leaf: Tensor) -> Tensor:
    """d loss / d leaf; zeros where they have nothing to do with each other."""
    if not loss.requires_grad:
        return torch.zeros_like(leaf)
    (found,) = torch.autograd.grad(loss, leaf, allow_unused=True)
    return torch.zeros_like(leaf) if found is None else found


@pytest.mark.parametrize(("steps", "batch", "shape"), SIZES, ids=lambda x: str(x).replace(" ", ""))
@every_model
def test_free_run(model: Model, steps: int, batch: int, shape: tuple[int, ...]) -> None:
    neuron = model.make(*shape, kinds=OWN if len(shape) > 1 else OWN[:1])
    record = everything(neuron)
    current, expected = reference_run(model, neuron, steps, batch, record=record)
    found = run(neuron, current, "llvm", record=record)
    assert_runs_close(expected, found, free(steps))
    if not neuron.graded:
        assert torch.equal(expected.values["out"], found.values["out"])


@pytest.mark.usefixtures("plain_code")
@every_model
def test_long_free_run(model: Model) -> None:
    """Nothing is recorded: the kernels keep what they need for themselves."""
    neuron = model.make(37)
    current, expected = reference_run(model, neuron, 300, 3, record=())
    found = run(neuron, current, "llvm")
    assert_runs_close(expected, found, free(300))
    if not neuron.graded:
        assert torch.equal(expected.values["out"], found.values["out"])


@pytest.mark.usefixtures("plain_code")
@every_model
def test_input_makes_spikes(model: Model) -> None:
    """The other tests would hold for a silent neuron too."""
    neuron = model.make(37)
    out, _ = neuron(fed(neuron, model.current(200, 3, 37)))
    if neuron.graded:
        assert float(out.detach().std()) > 0.05
    else:
        assert 0.005 < activity(neuron, out) < 0.6


@pytest.mark.usefixtures("plain_code")
@pytest.mark.parametrize("kind", KINDS)
@every_model
def test_parameter_shapes(model: Model, kind: str) -> None:
    neuron = model.make(3, 5, kinds=(kind,))
    current, expected = reference_run(model, neuron, 20, 4)
    found = run(neuron, current, "llvm")
    assert_runs_close(expected, found, free(20))
    for name, parameter in neuron.named_parameters():
        assert found.gradients[name].shape == parameter.shape


@pytest.mark.usefixtures("plain_code")
@pytest.mark.parametrize("through", ["out", "end", "rec"])
@every_model
def test_gradient_through_one_kind_of_result(model: Model, through: str) -> None:
    neuron = model.make(21)
    record = everything(neuron)
    current, expected = reference_run(model, neuron, 30, 2, record=record, through=(through,))
    found = run(neuron, current, "llvm", record=record, through=(through,))
    assert_runs_close(expected, found, free(30))
    assert float(found.gradients["current"].abs().max()) > 0


@pytest.mark.usefixtures("plain_code")
@every_model
def test_gradient_through_one_trace(model: Model) -> None:
    """A trace that nobody looks at sends no gradient back."""
    neuron = model.make(5)
    record = everything(neuron)
    current, _ = reference_run(model, neuron, 12, 2)
    got = []
    for backend in ("reference", "llvm"):
        x = current.clone().requires_grad_()
        _, _, rec = neuron(fed(neuron, x), record=record, backend=backend)
        trace = getattr(rec, record[0].replace(".", "_"))
        got.append(gradient(trace.square().sum(), x))
    assert_close(got[0], got[1], free(12), record[0])


@pytest.mark.usefixtures("plain_code")
@pytest.mark.parametrize("wanted", ["current", "init", "parameter"])
@every_model
def test_gradient_of_one_input_alone(model: Model, wanted: str) -> None:
    """The kernel that is asked for one gradient gives the same as the one asked for all."""
    neuron = model.make(9)
    current = model.current(15, 2, 9)
    whole = run(neuron, current, "llvm", through=("out", "end"))
    state = neuron.rest(2, dtype=torch.float64)
    state = type(state)(*(s.detach() for s in state))
    neuron.requires_grad_(False)
    names = [n for n, p in neuron.named_parameters()][:1]
    if wanted == "current":
        names = ["current"]
    elif wanted == "init":
        names = [f"init.{next(k for k, v in state._asdict().items() if v.is_floating_point())}"]
    if not names:
        pytest.skip("no parameter")
    leaves = {"current": current} | {f"init.{k}": v for k, v in state._asdict().items()}
    leaves |= dict(neuron.named_parameters())
    leaves[names[0]].requires_grad_()
    out, end = neuron(fed(neuron, current), state, backend="llvm")
    loss = (weight("out", out) * out).sum()
    for k, v in end._asdict().items():
        loss = loss + (weight(f"end.{k}", v) * v).sum() if v.is_floating_point() else loss
    found = gradient(loss, leaves[names[0]])
    assert_close(whole.gradients[names[0]], found, ONE_STEP[torch.float64], names[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@every_model
def test_one_step_from_the_states_of_the_reference(model: Model, dtype: torch.dtype) -> None:
    # the kernel of free runs, or that of `test_dtypes.py`
    neuron = model.make(37, kinds=OWN[:1] if dtype == torch.float64 else KINDS, dtype=dtype)
    current = model.current(64, 3, 37, dtype=dtype)
    names = neuron.lane_states
    with torch.no_grad():
        _, end, rec = neuron(fed(neuron, current), record=names, backend="reference")
        # every step of the run becomes one sequence of a batch
        many = {name: getattr(rec, name)[:-1].flatten(0, 1) for name in names}
        state = neuron.whole_state(many, getattr(end, "rng", None))
        i = current[1:].flatten(0, 1).unsqueeze(0)
        record = everything(neuron)
        expected = neuron(fed(neuron, i), state, record=record, backend="reference")
        found = neuron(fed(neuron, i), state, record=record, backend="llvm")
    near = (expected[0] != found[0]).double().mean() if not neuron.graded else torch.zeros(())
    assert float(near) == 0.0
    for k, name in enumerate(record):
        assert_close(expected[2][k], found[2][k], ONE_STEP[dtype], name)
    assert_close(expected[0], found[0], ONE_STEP[dtype], "out")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@every_model
def test_gradient_of_one_step_from_the_states_of_the_reference(model: Model, dtype: torch.dtype) -> None:
    neuron = model.make(37, kinds=("neuron",), dtype=dtype)
    current = model.current(32, 3, 37, dtype=dtype)
    names = neuron.lane_states
    with torch.no_grad():
        _, end, rec = neuron(fed(neuron, current), record=names, backend="reference")
    many = {name: getattr(rec, name)[:-1].flatten(0, 1) for name in names}
    state = neuron.whole_state(many, getattr(end, "rng", None))
    i = current[1:].flatten(0, 1).unsqueeze(0)
    # in each type the kernels of another test: of free runs, and of threads
    record = everything(neuron) if dtype == torch.float64 else ()
    expected, found = (run(neuron, i, backend, state=state, record=record) for backend in ("reference", "llvm"))
    for name, slope in found.gradients.items():
        wanted = expected.gradients.get(name, torch.zeros_like(slope))
        # the gradient of a parameter is a sum over a hundred rows
        tolerance = ONE_STEP[dtype] * (10 if name.partition(".")[0] not in ("current", "init") else 1)
        assert_close(wanted, slope, tolerance, name)


@every_model
def test_spikes_coincide_in_float32(model: Model) -> None:
    neuron = model.make(37, dtype=torch.float32)
    current = model.current(300, 3, 37, dtype=torch.float32)
    with torch.no_grad():
        runs = [neuron(fed(neuron, current), backend=backend)[0] for backend in ("reference", "llvm")]
    if neuron.graded:
        runs = [((z[1:] > 0.5) & (z[:-1] <= 0.5)).float() for z in runs]
    a, b = (z.movedim(0, -1).reshape(-1, 1, z.shape[0]) for z in runs)
    assert a.sum() > 100
    for one, other in ((a, b), (b, a)):
        widened = torch.nn.functional.max_pool1d(other, 3, stride=1, padding=1)
        assert float((one * widened).sum() / one.sum()) >= COINCIDENCE_32
