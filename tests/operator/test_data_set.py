"""The data set: written once, resumed, checked, and the same traces as a plain run of the cell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import skewnorm

from rheobase.errors import DataError, OutOfRange, ParameterError
from rheobase.learning import Recipe
from rheobase.operator import (
    Codes,
    Protocol,
    Split,
    StandIn,
    Traces,
    crossings,
    generate,
    load,
    nearest_model,
    train,
    windows,
)
from tests.operator.stub import SHORT, Small

SPLITS = {
    "train": Split(models=(0, 1), chunks=2, stimuli=3),
    "test": Split(models=(0, 1, 2), chunks=1, stimuli=2, shared=True),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces")
    generate(path, Small(), SPLITS, SHORT, seed=3)
    return path


def test_published_protocol() -> None:
    """25,750 points at 0.02 ms decimated to 8583; a window begins 15 ms before the step, and up to 30 ms."""
    p = Protocol()
    assert (p.window, p.sample, p.usual_start, p.recorded - p.window) == (8583, 0.06, 250, 500)
    x = p.sampled(p.usual_start, torch.ones(1))
    assert x[:250].sum() == 0
    assert (x[:, 0] == 1).nonzero()[0] == 250
    assert int(x.sum()) == round(400 / 0.06)


def test_amplitudes_are_of_the_skew_normal() -> None:
    """Against SciPy's: the largest distance of the cumulative distributions, cut off at the ends."""
    p, n = Protocol(), 20000
    drawn = p.draw(n, torch.Generator().manual_seed(0)).sort().values.numpy()
    law = skewnorm(p.skew, p.location, p.scale)
    low, high = (law.cdf(x) for x in p.amplitudes)
    share = (law.cdf(drawn) - low) / (high - low)
    assert np.abs(share - np.arange(1, n + 1) / n).max() < 1.63 / np.sqrt(n)
    grid = np.linspace(*p.amplitudes, 1000)
    assert 0.0 < grid[law.pdf(grid).argmax()] < 0.05


def test_traces_are_those_of_the_cell(folder: Path) -> None:
    """One of them run on its own, without pieces, in the middle of the data."""
    found = load(folder, "train")
    assert found.v.shape == (12, SHORT.recorded)
    assert found.model.tolist() == [0, 1] * 6
    k = int(found.amplitude.argmax())
    steps = round(SHORT.settle / SHORT.dt)
    current = torch.zeros(steps + SHORT.recorded * SHORT.keep, 1, 1)
    current[steps:] = SHORT.step(0, SHORT.recorded * SHORT.keep, found.amplitude[k].view(1, 1))
    spikes, _, rec = Small().cell([int(found.model[k])], SHORT.dt)(current, record=("soma",))
    every = rec["soma"][steps :: SHORT.keep, 0, 0]
    # a low pass moves the samples of a spike, not those of a slow potential
    slow = slice(2, round(SHORT.before / SHORT.sample) - 4)
    assert float((found.v[k] - every)[slow].abs().max()) < 0.02
    times = spikes[steps:, 0, 0].nonzero()[:, 0] * SHORT.dt
    assert len(times) > 1
    assert torch.allclose(found.spikes[k][: len(times)], times)
    assert bool(found.spikes[k][len(times) :].isinf().all())


def test_windows(folder: Path) -> None:
    traces = load(folder, "train")
    features = torch.tensor([[1.0], [2.0], [3.0]])
    for start in (0, SHORT.usual_start):
        s = windows(traces, features, start)
        assert torch.equal(s.v, traces.v[:, start : start + SHORT.window].T)
        assert torch.equal(s.code[:, 0], traces.model.float() + 1.0)
        assert torch.equal(s.spikes.sum(0), torch.isfinite(s.trains).sum(1).float())
        onset = (s.current != 0).int().argmax(0)
        assert bool((onset == round(SHORT.before / SHORT.sample) - start).all())
        # the upward crossings of the potential that was kept are the spikes that were counted at the full step
        seen = crossings(s.v, SHORT.sample)
        assert torch.equal(torch.isfinite(seen).sum(1), torch.isfinite(s.trains).sum(1))


def test_shared_amplitudes_and_new_ones(folder: Path) -> None:
    train, test = load(folder, "train"), load(folder, "test")
    assert len(train.amplitude.unique()) == 12
    assert len(test.amplitude.unique()) == 2
    assert not bool(torch.isin(test.amplitude, train.amplitude).any())


def test_it_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    """Interrupted after a chunk, then once more with a damaged one: the files are the same bytes."""

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, Small(), SPLITS, SHORT, seed=3, progress=stop)
    first = (tmp_path / "train-0.safetensors").stat().st_mtime_ns
    (tmp_path / "train-1.safetensors").write_bytes(b"half")
    seen: list[tuple[int, int]] = []
    generate(tmp_path, Small(), SPLITS, SHORT, seed=3, progress=lambda *at: seen.append(at))
    assert seen[0] == (1, 3)
    assert (tmp_path / "train-0.safetensors").stat().st_mtime_ns == first
    (tmp_path / "test-0.safetensors").write_bytes(b"half")
    with pytest.raises(DataError, match=r"another checksum.*generate"):
        load(tmp_path, "test")
    generate(tmp_path, Small(), SPLITS, SHORT, seed=3)
    for name in ("train-0", "train-1", "test-0"):
        assert (tmp_path / f"{name}.safetensors").read_bytes() == (folder / f"{name}.safetensors").read_bytes()
    untouched = Small()
    generate(tmp_path, untouched, SPLITS, SHORT, seed=3)
    assert not untouched.made


OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("protocol, dt", {"protocol": replace(SHORT, dt=0.1, keep=1)}),
    ("seed", {"seed": 4}),
    ("models, leaks", {"models": Small((1e-5, 9e-5, 6e-5))}),
    ("'train'", {"splits": {"train": Split(models=(0, 1), chunks=2, stimuli=4)}}),
]


@pytest.mark.parametrize(("words", "other"), OTHERS)
def test_a_folder_of_other_settings(folder: Path, words: str, other: dict[str, Any]) -> None:
    before = (folder / "manifest.json").read_bytes()
    given = {"models": Small(), "splits": SPLITS, "protocol": SHORT, "seed": 3, **other}
    with pytest.raises(DataError, match=words):
        generate(folder, **given)
    assert (folder / "manifest.json").read_bytes() == before


def test_wrong_use(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 chunks of 'valid'"):
        load(folder, "valid")
    with pytest.raises(DataError, match=r"manifest.json.*generate"):
        load(tmp_path, "train")
    (tmp_path / "manifest.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(DataError, match="another kind of file"):
        load(tmp_path, "train")
    with pytest.raises(ParameterError, match="0 to 2"):
        generate(tmp_path, Small(), {"train": Split(models=(3,), chunks=1, stimuli=1)}, SHORT)
    with pytest.raises(ParameterError, match="chunks = 0"):
        generate(tmp_path, Small(), {"train": Split(models=(0,), chunks=0, stimuli=1)}, SHORT)
    with pytest.raises(ParameterError, match="a tuple of some"):
        generate(tmp_path, Small(), {"train": Split(models=3, chunks=1, stimuli=1)}, SHORT)  # type: ignore[arg-type]
    one = Split(models=(0,), chunks=1, stimuli=1)
    for name in ("../outside", "a/b", ""):
        with pytest.raises(ParameterError, match=f"a split '{name}'"):
            generate(tmp_path / "new", Small(), {name: one}, SHORT)
    for seed in (-1, 1.5, "x"):
        with pytest.raises(ParameterError, match=f"seed = {seed!r}"):
            generate(tmp_path / "new", Small(), {"train": one}, SHORT, seed=seed)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="no splits"):
        generate(tmp_path / "new", Small(), {}, SHORT)
    assert not (tmp_path / "new").exists()
    for chunks in (0, -1):
        with pytest.raises(ParameterError, match=f"chunks = {chunks}"):
            load(str(folder), "train", chunks=chunks)
    for name, value in (("dt", 0.0), ("early", 31.0), ("amplitudes", (0.2, 0.1)), ("duration", 400.01), ("keep", 1.5)):
        with pytest.raises(ParameterError, match=name):
            Protocol(**{name: value})


@pytest.mark.parametrize(
    "change",
    [
        {"made": None},
        {"made": {"seed": 3}},
        {"chunks": []},
        {"chunks": {"train-x": {"sha256": "0"}}},
        {"chunks": {"train-0": {"bytes": 3}}},
    ],
)
def test_a_list_that_was_changed(folder: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads((folder / "manifest.json").read_bytes()), **change}))
    before = path.read_bytes()
    for call in (lambda: load(tmp_path, "train"), lambda: generate(tmp_path, Small(), SPLITS, SHORT, seed=3)):
        with pytest.raises(DataError, match="changed or is not whole"):
            call()
    assert path.read_bytes() == before


def test_a_protocol_that_was_changed(folder: Path, tmp_path: Path) -> None:
    told = json.loads((folder / "manifest.json").read_bytes())
    for protocol in ({"dt": 0.05}, {**SHORT.as_json(), "dt": -1.0}, {**SHORT.as_json(), "other": 1}):
        (tmp_path / "manifest.json").write_text(json.dumps({**told, "made": {**told["made"], "protocol": protocol}}))
        with pytest.raises(DataError, match=r"manifest.json: .*a protocol that is none"):
            load(tmp_path, "train")


def test_windows_of_another_protocol(folder: Path) -> None:
    """What a folder was made by is read with the traces, and compared with what a caller expects."""
    traces = load(folder, "train", protocol=SHORT)
    assert traces.protocol == SHORT
    with pytest.raises(DataError, match=r"traces made with duration = 40.0; expected duration = 41.0"):
        load(folder, "train", protocol=replace(SHORT, duration=41.0))
    with pytest.raises(DataError, match=r"traces of 500 samples; expected 250"):
        windows(replace(traces, protocol=replace(SHORT, keep=4)), torch.ones(3, 1))
    with pytest.raises(DataError, match="features of 1 models; expected 2"):
        windows(traces, torch.ones(1, 1))
    other = replace(traces, protocol=replace(SHORT, skew=1.0))
    with pytest.raises(DataError, match="traces and validation of different protocols"):
        train(StandIn(("a",), sample=SHORT.sample), traces, other, torch.ones(2, 1), Recipe(batch_size=4))


def test_codes_are_scaled_on_training_models_alone() -> None:
    features = torch.tensor([[0.0, 10.0], [4.0, 10.0], [9.0, 10.0]])
    codes = Codes.of(("a", "b"), features[:2])
    assert codes.scaled(features).tolist() == [[0.5, 2.0], [3.5, 2.0], [7.25, 2.0]]
    codes.check(features[:2])
    with pytest.raises(OutOfRange, match="a = 9"):
        codes.check(features[2])
    assert nearest_model(features, 2, [0, 1, 2], codes) == 1
    with pytest.raises(DataError, match="no other model"):
        nearest_model(features, 0, [0], codes)


def test_traces_of_some(folder: Path) -> None:
    traces = load(folder, "train", chunks=1)
    some = traces.of(traces.model == 1)
    assert isinstance(some, Traces)
    assert len(traces) == 6
    assert len(some) == 3
    assert bool((some.model == 1).all())


def test_other_currents(tmp_path: Path) -> None:
    """Kept with the traces as the mean of the steps of a sample; a run of the cell under what was kept is the trace."""
    splits = {"varied": Split(models=(0, 1), chunks=1, stimuli=3, currents="varied")}
    one_step = replace(SHORT, keep=1)
    generate(tmp_path, Small(), splits, one_step)
    found = load(tmp_path, "varied")
    assert found.current is not None
    assert found.current.shape == found.v.shape
    assert bool(found.amplitude.isnan().all())
    steps = round(one_step.settle / one_step.dt)
    for k in (0, 3):
        current = torch.cat([torch.zeros(steps), found.current[k]])[:, None, None]
        spikes, _, rec = Small().cell([int(found.model[k])], one_step.dt)(current, record=("soma",))
        assert float((rec["soma"][steps:, 0, 0] - found.v[k]).abs().max()) < 1e-3
        assert int(spikes[steps:].sum()) == int(torch.isfinite(found.spikes[k]).sum())
    held = windows(found.of(torch.tensor([3])), torch.zeros(2, 1), start=7)
    assert torch.equal(held.current[:, 0], found.current[3, 7 : 7 + one_step.window])
    with pytest.raises(DataError, match="other models or stimuli"):
        generate(tmp_path, Small(), {"varied": replace(splits["varied"], currents="steps")}, one_step)
    with pytest.raises(ParameterError, match="did you mean 'varied'"):
        generate(tmp_path, Small(), {"other": replace(splits["varied"], currents="varies")}, one_step)


def test_steps_and_other_currents_together(folder: Path, tmp_path: Path) -> None:
    """Steps are given as currents where others are among them; traces of other protocols are refused."""
    generate(tmp_path, Small(), {"varied": Split(models=(0,), chunks=1, stimuli=2, currents="varied")}, SHORT)
    steps, others = load(folder, "train"), load(tmp_path, "varied")
    both = Traces.together([steps, others])
    assert len(both) == len(steps) + 2
    assert both.current is not None
    k = int(steps.amplitude.abs().argmax())
    at, features = torch.tensor([k]), torch.zeros(2, 1)
    assert torch.equal(windows(both.of(at), features).current, windows(steps.of(at), features).current)
    assert torch.equal(both.current[len(steps) :], others.current)
    assert Traces.together([steps, steps]).current is None
    with pytest.raises(DataError, match="2 protocols"):
        Traces.together([steps, replace(others, protocol=replace(SHORT, settle=20.0))])
