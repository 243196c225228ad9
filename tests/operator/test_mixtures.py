"""Mixed models: between their parents, the same at every call, and those kept that respond as the parents do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rheobase.errors import DataError, ParameterError
from rheobase.operator import AllenModels, Traces, mixed
from rheobase.operator.currents import varied
from rheobase.operator.mixtures import blended
from rheobase.operator.screening import RESPONSES, alike, responses, within
from tests.operator.stub import SHORT

NAMES = (("soma", "g_pas"), ("dend", "g_pas"), ("soma", "gbar_NaV"), ("soma", "cm"))


def parents(folder: Path, count: int = 4) -> AllenModels:
    """Parameter files with one value twice, as the leak of soma and dendrites; the last parent is far from the rest."""
    files = list[Path]()
    for k in range(count):
        far = 100.0 if k == count - 1 else 1.0
        values = (k + 1.0, k + 1.0, far * (3.0 - k), 0.5 + k * k)
        entries = [
            {"section": section, "name": name, "mechanism": "", "value": value}
            for (section, name), value in zip(NAMES, values, strict=True)
        ]
        files.append(folder / f"parent{k}.json")
        files[-1].write_text(json.dumps({"conditions": [{"celsius": 34.0}], "genome": entries}))
    return AllenModels(tuple(files), folder / "cell.swc")


def test_between_the_parents_alone(tmp_path: Path) -> None:
    """A parent not named plays no part; what is twice in each file stays twice; the rest of the file is kept."""
    both = mixed(parents(tmp_path), (0, 1, 2), 40, tmp_path / "new", seed=1)
    names, values = both.conductances()
    assert names == tuple(f"{section}.{name}" for section, name in NAMES)
    old, new = values[:3], values[4:]
    assert bool((new >= old.amin(0)).all())
    assert bool((new <= old.amax(0)).all())
    assert torch.equal(new[:, 0], new[:, 1])
    assert len(new.unique(dim=0)) == 40
    told = json.loads(both.parameters[4].read_bytes())
    assert told["conditions"] == [{"celsius": 34.0}]


def test_without_jitter_on_lines(tmp_path: Path) -> None:
    """Of two parents all parameters have one share."""
    _, values = mixed(parents(tmp_path), (0, 2), 10, tmp_path / "new", jitter=0.0).conductances()
    share = (values[4:] - values[0]) / (values[2] - values[0])
    assert float((share - share[:, :1]).abs().max()) < 1e-12
    assert float(share.std()) > 0.1


def test_more_leave_the_earlier_ones(tmp_path: Path) -> None:
    """The same call goes on; another seed or jitter, or a damaged file, is refused."""
    old = parents(tmp_path)
    few = mixed(old, (0, 1, 2), 3, tmp_path / "new").conductances()[1]
    more = mixed(old, (0, 1, 2), 6, tmp_path / "new").conductances()[1]
    assert torch.equal(more[: len(few)], few)
    for other in ({"seed": 1}, {"jitter": 0.1}):
        with pytest.raises(DataError, match="mixed otherwise"):
            mixed(old, (0, 1, 2), 6, tmp_path / "new", **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("which", "count", "jitter", "match"),
    [
        ((0,), 1, 0.1, "two or more"),
        ((0, 0), 1, 0.1, "two or more"),
        ((0, 9), 1, 0.1, "0 to 3"),
        ((0, 1), 0, 0.1, "count"),
        ((0, 1), 1, -0.1, "jitter"),
        ((0, 1), 1, float("nan"), "jitter"),
    ],
)
def test_refused(tmp_path: Path, which: tuple[int, ...], count: int, jitter: float, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        mixed(parents(tmp_path), which, count, tmp_path / "new", jitter=jitter)


def test_files_of_another_genome_are_refused(tmp_path: Path) -> None:
    old = parents(tmp_path)
    told = json.loads(old.parameters[1].read_bytes())
    old.parameters[1].write_text(json.dumps({"genome": told["genome"][:2]}))
    with pytest.raises(DataError, match="genome of other parameters"):
        mixed(old, (0, 1), 1, tmp_path / "new")


def step(*trains: list[float], rest: float = -70.0) -> Traces:
    """Traces that fire at these times (ms) in a step from 5 to 45 ms."""
    v = torch.full((len(trains), SHORT.recorded), rest)
    most = max(len(train) for train in trains)
    spikes = torch.tensor([train + [torch.inf] * (most - len(train)) for train in trains])
    return Traces(v, torch.full((len(trains),), 0.1), torch.arange(len(trains)), spikes, SHORT)


def column(found: Tensor, name: str) -> list[float]:
    return found[:, RESPONSES.index(name)].tolist()


def test_responses() -> None:
    """By hand: a spike behind the step is none of it, and one that stopped halfway has no interval."""
    found = responses(step([10.0, 20.0, 40.0, 48.0], [10.0, 20.0], [30.0], []))
    assert column(found, "delay") == [5.0, 5.0, 25.0, torch.inf]
    assert column(found, "first interval") == [10.0, torch.inf, torch.inf, torch.inf]
    assert column(found, "mean interval") == [15.0, torch.inf, torch.inf, torch.inf]
    assert column(found, "rest") == [-70.0] * 4


def test_alike() -> None:
    """Intervals of 10 and 12 ms in the reference: 13 is within half of that range beyond, 14 is not."""
    known = step([10.0, 20.0, 30.0], [10.0, 22.0, 34.0])
    asked = step([10.0, 23.0, 36.0], [10.0, 24.0, 38.0], [10.0], [12.0, 23.0, 34.0])
    assert alike(asked, known, slack=0.5).tolist() == [True, False, False, False]
    assert alike(asked, known, slack=1.0).tolist() == [True, True, False, False]
    # at the same rest only
    assert not alike(step([10.0, 21.0, 32.0], rest=-60.0), known).any()
    assert within(torch.tensor([[torch.nan]]), torch.tensor([[0.0], [1.0]]), 1.0).tolist() == [False]
    with pytest.raises(DataError, match="other stimuli"):
        alike(replace(asked, amplitude=asked.amplitude + 0.1), known)
    with pytest.raises(DataError, match="does not fire"):
        alike(asked, step([], []))
    with pytest.raises(ParameterError, match="slack"):
        alike(asked, known, slack=-1.0)


def test_varied_currents() -> None:
    """A third each: straight ramps, noise of the stated strength, and few levels; nothing before and behind."""
    count, first = 300, round(SHORT.before / SHORT.dt)
    last = first + round(SHORT.duration / SHORT.dt)
    x = varied(SHORT, count, torch.Generator().manual_seed(0))
    assert x.shape == (SHORT.recorded * SHORT.keep, count)
    assert not x[:first].any()
    assert not x[last:].any()
    low, high = SHORT.amplitudes
    assert float(x.min()) >= low - 1e-7
    assert float(x.max()) <= high + 1e-7
    inside = x[first:last].double()
    assert float(inside[:, 0::3].diff(n=2, dim=0).abs().max()) < 1e-6
    levels = [len(one.unique()) for one in inside[:, 2::3].T]
    assert set(levels) <= {1, 2, 3, 4}
    assert {2, 3, 4} <= set(levels)
    # noise differs from step to step, and its neighbours are alike: correlation times are 40 steps at least
    noise = inside[:, 1::3]
    free = noise[:, (noise.amin(0) > low + 1e-6) & (noise.amax(0) < high - 1e-6)]
    assert free.shape[1] > 10
    assert float((free.diff(dim=0) == 0).double().mean()) < 1e-3
    assert 0.005 < float(free.std(0).mean()) < 0.08
    assert float((free.diff(dim=0).std(0) / free.std(0)).max()) < 1.0
    assert torch.equal(x, varied(SHORT, count, torch.Generator().manual_seed(0)))


def lined(folder: Path) -> AllenModels:
    """Parameter files with an axial resistance, one of them with values as text."""
    old = parents(folder)
    for k, path in enumerate(old.parameters):
        told = json.loads(path.read_bytes())
        told["passive"] = [{"ra": 100.0 + 10.0 * k}]
        if k == 1:
            told["genome"] = [{**each, "value": str(each["value"])} for each in told["genome"]]
        path.write_text(json.dumps(told))
    return old


def test_on_the_line_between_two(tmp_path: Path) -> None:
    """The ends are the parents to the last digit; the axial resistance, which no genome has, is moved too."""
    old = lined(tmp_path)
    both = blended(old, [(0, 1), (2, 0)], (0.0, 0.1, 1.0), tmp_path / "new")
    assert both.names[4:] == (*(f"blend-0-1-{s}" for s in ("0", "0.1", "1")), *(f"blend-2-0-{s}" for s in (0, 0.1, 1)))
    _, values = both.conductances()
    for first, (a, b) in ((4, (0, 1)), (7, (2, 0))):
        assert torch.equal(values[first], values[a])
        assert torch.equal(values[first + 2], values[b])
        assert torch.allclose(values[first + 1], 0.9 * values[a] + 0.1 * values[b], rtol=1e-12)
    ra = [json.loads(path.read_bytes())["passive"][0]["ra"] for path in both.parameters[4:]]
    assert ra == pytest.approx([100.0, 101.0, 110.0, 120.0, 118.0, 100.0], rel=1e-12)
    again = blended(old, [(0, 1)], (0.1,), tmp_path / "new")
    assert torch.equal(again.conductances()[1][4], values[5])


def test_no_line(tmp_path: Path) -> None:
    old, folder = lined(tmp_path), tmp_path / "new"
    for pair in ((0, 0), (0, 9), (0,), (0, 1, 2), 3):
        with pytest.raises(ParameterError, match="two of 0 to 3"):
            blended(old, [pair], (0.5,), folder)  # type: ignore[list-item]
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ParameterError, match="0 to 1"):
            blended(old, [(0, 1)], (share,), folder)
    blended(old, [(0, 1)], (0.5,), folder)
    (folder / "blend-0-1-0.5.json").write_text("{}")
    with pytest.raises(DataError, match="otherwise"):
        blended(old, [(0, 1)], (0.5,), folder)
    told = json.loads(old.parameters[2].read_bytes())
    old.parameters[2].write_text(json.dumps({**told, "conditions": [{"celsius": 20.0}]}))
    with pytest.raises(DataError, match="other conditions"):
        blended(old, [(0, 2)], (0.5,), folder)
    old.parameters[3].write_text(json.dumps({**told, "genome": told["genome"][1:]}))
    with pytest.raises(DataError, match="genome of other parameters"):
        blended(old, [(0, 3)], (0.5,), folder)
