"""The causal stand-in: its objective, an ordinary neuron of it, and training that goes on where it stopped."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.errors import CheckpointError, DataError, Diverged, DTypeError, OutOfRange, ParameterError, ShapeError
from rheobase.learning import Recipe, load_weights, save_weights, trains_of, van_rossum
from rheobase.operator import Codes, Samples, Split, StandIn, Traces, generate, load, scores, train, windows
from rheobase.operator.phases import own_phase, phase
from tests.operator.stub import SHORT, Small

FEATURES = torch.tensor([[3e-5], [9e-5], [6e-5]], dtype=torch.float64)
CODES = Codes.of(("leak",), FEATURES[:2])
RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=0.02, clip_norm=1.0)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    folder = tmp_path_factory.mktemp("traces")
    generate(folder, Small(), {"train": Split(models=(0, 1), chunks=1, stimuli=12)}, SHORT)
    return load(folder, "train")


@pytest.fixture
def net() -> StandIn:
    torch.manual_seed(0)
    made = StandIn(CODES, sample=SHORT.sample, hidden=4, amplitudes=SHORT.amplitudes)
    with torch.no_grad():
        for shift in made.shifts.values():
            shift.normal_(0.0, 0.1)
    return made


def held(traces: Traces) -> Samples:
    return windows(traces, FEATURES)


def test_how_many_parameters() -> None:
    assert sum(p.numel() for p in StandIn(CODES, sample=0.1).parameters()) == 322 + 34
    assert sum(p.numel() for p in StandIn([f"g{k}" for k in range(20)], sample=0.1).parameters()) < 10_000


def test_phase() -> None:
    """An onset at step 2, spikes in steps 6 and 8 of 12: intervals of 4 and 2 steps; nothing is known behind them."""
    spikes, current = torch.zeros(12, 2), torch.zeros(12, 2)
    spikes[[6, 8], 0] = 1.0
    current[2:10] = 1.0
    u, known = phase(spikes, current)
    assert u[:9, 0].tolist() == [-1.0, -1.0, -0.875, -0.625, -0.375, -0.125, 0.125, -0.25, 0.25]
    assert known[:, 0].tolist() == [True] * 9 + [False] * 3
    assert known[:, 1].tolist() == [True] * 2 + [False] * 10
    assert bool(((u >= 0) == (spikes > 0)).all())


def test_phase_on_the_path_of_its_own_spikes() -> None:
    """Onset at 2, spikes of the data at 6 and 8, intervals 4 and 2; its own at 5 (early) and 9 (late), and one more."""
    spikes, own, current = torch.zeros(14, 1), torch.zeros(14, 1), torch.zeros(14, 1)
    spikes[[6, 8]], own[[5, 9, 10]] = 1.0, 1.0
    current[2:12] = 1.0
    u, known = own_phase(own, spikes, current)
    assert u[:10, 0].tolist() == [-1.0, -1.0, -0.875, -0.625, -0.375, -0.125, -0.25, 0.25, 0.5, 0.5]
    assert known[:, 0].tolist() == [True] * 10 + [False] * 4
    # where its own spikes are those of the data, it is the same
    for one, other in zip(own_phase(spikes, spikes, current), phase(spikes, current), strict=True):
        assert torch.equal(one, other)
    # a spike that is late when the current ends is not asked for any more
    own[[5, 9, 10]] = 0.0
    late, still = own_phase(own, spikes, current)
    assert float(late.max()) == 0.5
    assert still[:, 0].tolist() == [True] * 12 + [False] * 2


def test_free_it_learns_from_its_own_spikes(net: StandIn, traces: Traces) -> None:
    """The objective is larger by the error on its own path; steps down its gradient make it smaller."""
    s = held(traces)
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    with torch.no_grad():
        net.values["v_threshold"] -= 1.0
        told = float(net.objective(s))
    net.free, losses = True, list[float]()
    for _ in range(15):
        loss = net.objective(s)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] > 1.1 * told
    assert losses[-1] < 0.8 * losses[0]


def test_the_neuron_of_a_code_is_the_stand_in(net: StandIn, traces: Traces) -> None:
    """In two chunks, on another backend, with gradients: what a neuron of the library does."""
    s = held(traces)
    with torch.no_grad():
        spikes, v, _ = net(s.current[:, None], s.code)
        neuron = net.neuron(s.code)
        assert isinstance(neuron, neurons.ELM)
        first, state = neuron(10.0 * s.current[:100, None])
        second, _, rec = neuron(10.0 * s.current[100:, None], state, record=("v",), backend="reference")
    assert torch.equal(spikes[:100], first)
    assert float((v[100:] - rec.v).abs().max()) < 1e-3
    assert torch.equal(spikes[100:], second)


def test_told_is_the_neuron_where_spikes_are_its_own(net: StandIn, traces: Traces) -> None:
    s = held(traces)
    with torch.no_grad():
        net.values["v_threshold"] -= 1.0
        net.values["kick"].copy_(-0.5 * net.values["weight_u"])
        spikes, v, _ = net(s.current[:, None], s.code)
        assert 0.001 < float(spikes.mean()) < 0.5
        told, distance = net.told(Samples(s.current, s.code, s.v, spikes[:, 0], s.trains))
    assert torch.allclose(told, v[:, 0], atol=1e-3)
    assert torch.equal((distance >= 0).float(), spikes[:, 0])


def test_gradient_of_the_objective(net: StandIn, traces: Traces) -> None:
    """Against central differences: of a shared weight and of what the code shifts."""
    net.double()
    s = held(traces.of(torch.arange(6)))
    wide = Samples(s.current.double(), s.code.double(), s.v.double(), s.spikes.double(), s.trains)
    net.objective(wide).backward()
    for p, at in ((net.values["weight_m"], (1, 2)), (net.shifts["bias"], (3, 0)), (net.values["kick"], (4,))):
        h, ends = 1e-6, list[float]()
        for sign in (1, -1):
            with torch.no_grad():
                p[at] += sign * h
                ends.append(float(net.objective(wide)))
                p[at] -= sign * h
        assert p.grad is not None
        assert float(p.grad[at]) == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4, abs=1e-9)


def test_it_learns(net: StandIn, traces: Traces) -> None:
    before = scores(net.told(held(traces))[0].detach(), held(traces), SHORT.sample)
    recipe = Recipe(epochs=40, batch_size=8, learning_rate=0.02, clip_norm=1.0)
    history = train(net, traces, traces, FEATURES, recipe)
    after = scores(net.told(held(traces))[0].detach(), held(traces), SHORT.sample)
    assert history[-1].loss < 0.6 * history[0].loss
    assert after.subtracted < 0.7 * before.subtracted
    net.calibrate(held(traces))
    with torch.no_grad():
        spikes, _, _ = net(held(traces).current[:, None], held(traces).code)
    assert float(spikes.sum()) > 0


def test_calibration_finds_how_long_each_model_waits(net: StandIn, traces: Traces) -> None:
    """The data are its own spikes; then its kicks are stretched, by another factor for each model, and found again."""
    s = held(traces)
    kick = -0.5 * net.values["weight_u"].detach()
    with torch.no_grad():
        net.values["v_threshold"] -= 1.0
        net.values["kick"].copy_(kick)
        net.shifts["kick"].zero_()
        spikes, _, _ = net(s.current[:, None], s.code)
        truth = replace(s, trains=trains_of(spikes[:, 0], SHORT.sample))
        net.values["kick"].mul_(1.03)
        net.shifts["kick"].add_(-0.01 * kick[:, None])

    def apart() -> float:
        made, _, _ = net(s.current[:, None], s.code)
        return float(van_rossum(truth.trains, trains_of(made[:, 0], SHORT.sample)).mean())

    with torch.no_grad():
        before = apart()
        net.calibrate(truth)
        assert apart() < 0.8 * before


def test_training_goes_on_where_it_stopped(traces: Traces, tmp_path: Path) -> None:
    def run(folder: Path | None, progress: Any) -> tuple[list[Tensor], list[float]]:
        torch.manual_seed(1)
        net = StandIn(CODES, sample=SHORT.sample, hidden=4)
        history = train(net, traces, traces, FEATURES, RECIPE, folder=folder, progress=progress)
        return [p.detach().clone() for p in net.parameters()], [one.loss for one in history]

    def stop(done: int, total: int, history: Any) -> None:
        if len(history) == 2:
            raise KeyboardInterrupt

    whole = run(None, lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop)
    again = run(tmp_path, lambda *_: None)
    assert whole[1] == again[1]
    assert all(torch.equal(p, q) for p, q in zip(whole[0], again[0], strict=True))


def test_a_folder_of_another_run(traces: Traces, tmp_path: Path, net: StandIn) -> None:
    train(net, traces, traces, FEATURES, Recipe(epochs=1, batch_size=8), folder=tmp_path)
    other = StandIn(Codes.of(("leak",), 2 * FEATURES), sample=SHORT.sample, hidden=4, amplitudes=SHORT.amplitudes)
    with pytest.raises(CheckpointError, match="another net"):
        train(other, traces, traces, FEATURES, Recipe(epochs=1, batch_size=8), folder=tmp_path)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(net, traces, traces, FEATURES, Recipe(epochs=2, batch_size=8), folder=tmp_path)


def test_wrong_use(net: StandIn, traces: Traces) -> None:
    with pytest.raises(DataError, match="24 traces"):
        train(net, traces, traces, FEATURES, Recipe(batch_size=25))
    with pytest.raises(OutOfRange, match="leak"):
        net.neuron(torch.tensor([[1e-3]]))
    with pytest.raises(OutOfRange, match=r"0.4 nA.*-0.1 to 0.3 nA"):
        net(torch.full((5, 1, 1), 0.4), FEATURES[:1])
    with pytest.raises(ShapeError, match=r"\(\*models, 1\)"):
        net.neuron(torch.zeros(2))
    with pytest.raises(ParameterError, match="sample"):
        StandIn(CODES, sample=0.0)
    for amplitudes in ((0.3, -0.1), (0.0, float("nan")), 0.3, (0.0, 0.1, 0.2)):
        with pytest.raises(ParameterError, match=r"amplitudes = .*smaller one first"):
            StandIn(CODES, sample=0.1, amplitudes=amplitudes)  # type: ignore[arg-type]
    for codes in ("leak", (), ("a", "a"), None):
        with pytest.raises(ParameterError, match=r"codes = .*each once"):
            StandIn(codes, sample=0.1)  # type: ignore[arg-type]
    with pytest.raises(DTypeError, match="code of list"):
        net.neuron([3e-5])  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"steps of 0\.5 ms; expected 0\.1 ms"):
        train(StandIn(CODES, sample=0.5), traces, traces, FEATURES, RECIPE)
    bad = Traces(traces.v * float("nan"), traces.amplitude, traces.model, traces.spikes, SHORT)
    with pytest.raises(Diverged, match="epoch 1, batch 1"):
        train(net, bad, bad, FEATURES, RECIPE)


def test_one_code_and_double_precision(net: StandIn) -> None:
    with torch.no_grad():
        _, v, _ = net(torch.full((9, 1, 1), 0.1), FEATURES[0])
        _, same, _ = net(torch.full((9, 1, 1), 0.1), FEATURES[:1])
        _, wide, _ = net.double()(torch.full((9, 1, 1), 0.1, dtype=torch.float64), FEATURES[:1])
    assert torch.equal(v, same)
    assert wide.dtype == torch.float64
    assert torch.allclose(wide.float(), v, atol=1e-3)


def test_in_front_of_a_layer_it_learns_end_to_end(net: StandIn) -> None:
    """Which of two inputs is the stronger one: a stand-in drives a LIF layer, and all weights around it learn."""
    with torch.no_grad():
        net.values["v_threshold"] -= 1.0
        net.values["kick"].copy_(-0.5 * net.values["weight_u"])
    torch.manual_seed(1)
    neuron = net.neuron(FEATURES.float())
    whole = nn.Sequential(nn.Linear(2, 3), neuron, nn.Linear(3, 2), neurons.LIF(2, dt=SHORT.sample, tau_mem=5.0))
    label = torch.arange(16) % 2
    x = 0.5 * torch.rand(60, 16, 2)
    x[:, range(16), label] += 1.0
    before, optimiser = whole[0].weight.detach().clone(), torch.optim.Adam(whole.parameters(), 0.05)
    right = list[float]()
    for _ in range(50):
        counts = whole(x)[0].sum(0)
        right.append(float((counts.argmax(1) == label).float().mean()))
        loss = torch.nn.functional.cross_entropy(0.5 * counts, label)
        optimiser.zero_grad()
        loss.backward()
        assert bool(torch.isfinite(whole[0].weight.grad).all())
        optimiser.step()
    assert right[0] == 0.5
    assert right[-1] == 1.0
    assert float((whole[0].weight - before).detach().abs().max()) > 0.1  # the gradient came through the stand-in


def test_weights_go_with_what_they_were_trained_for(net: StandIn, tmp_path: Path) -> None:
    """Of other codes, another step or another range they are refused; a file and a copy keep it."""
    save_weights(tmp_path / "net.json", net)
    same = StandIn(CODES, sample=SHORT.sample, hidden=4, amplitudes=SHORT.amplitudes)
    load_weights(tmp_path / "net.json", same)
    x = torch.full((9, 1, 1), 0.1)
    assert torch.equal(same(x, FEATURES[:1])[1], net(x, FEATURES[:1])[1])
    copy.deepcopy(net).half().load_state_dict(pickle.loads(pickle.dumps(net)).state_dict())
    usual: dict[str, Any] = {"codes": CODES, "sample": SHORT.sample, "hidden": 4, "amplitudes": SHORT.amplitudes}
    others: list[tuple[str, Any, str]] = [
        ("codes", Codes.of(("leak",), 2 * FEATURES), "codes"),
        ("codes", ("gain",), "features"),
        ("sample", 0.2, "sample = 0.1; expected sample = 0.2"),
        ("amplitudes", None, "amplitudes"),
    ]
    for name, value, words in others:
        other = StandIn(**{**usual, name: value})
        with pytest.raises(CheckpointError, match=words):
            other.load_state_dict(net.state_dict())
        with pytest.raises(CheckpointError, match=words):
            load_weights(tmp_path / "net.json", other)
    damaged = {**net.state_dict(), "made_for": torch.zeros(4096, dtype=torch.uint8)}
    with pytest.raises(CheckpointError, match="damaged 'made_for'"):
        same.load_state_dict(damaged)


def test_curves_of_the_code(traces: Traces) -> None:
    """With hidden units between code and biases a neuron between two models is not halfway; without them it is."""
    middle = torch.stack([FEATURES[0], FEATURES[1], FEATURES[:2].mean(0)])
    for hidden, straight in ((0, True), (3, False)):
        torch.manual_seed(1)
        made = StandIn(CODES, sample=SHORT.sample, hidden=4, code_hidden=hidden)
        with torch.no_grad():
            for shift in made.shifts.values():
                shift.normal_()
        v = made.neuron(middle).v_leak
        apart = float((v[2] - 0.5 * (v[0] + v[1])).abs())
        assert (apart < 1e-3) is straight
        assert torch.isfinite(made.objective(held(traces.of(torch.arange(4)))))
    count = sum(p.numel() for p in StandIn(CODES, sample=0.1, code_hidden=3).parameters())
    assert count == 322 + 34 + 3 * (35 + 1)
    with pytest.raises(ParameterError, match="code_hidden"):
        StandIn(CODES, sample=0.1, code_hidden=-1)
