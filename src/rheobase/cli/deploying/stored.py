"""Stored configurations: found by a file, a deployment or a run, and driven by spikes, by data or at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip import loihi, wiring_notes
from rheobase.chip.deployment import check_spikes
from rheobase.chip.truenorth import NOWHERE
from rheobase.chip.wiring_notes import Wired, sizes
from rheobase.cli.deploying.job import CHIP
from rheobase.data import Dataset, Watch
from rheobase.errors import DataError, ParameterError
from rheobase.files import expanded
from rheobase.learning.training.samples import Samples
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task

Inputs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
SPIKES = ("tick", "core", "axon")
CHUNK = 256  # ticks whose chances are drawn at a time
MAKES = "rheobase deploy RUN --chip truenorth (or loihi) makes one; in fixed point there are no cores"
CHIPS = ("truenorth", "loihi")  # whose deployments stand in a run, each in a folder of its name


@dataclass(frozen=True)
class Stored:
    """A configuration from a file; `wired` is None where the file has no wiring."""

    path: Path
    net: Any
    wired: Wired | None

    @property
    def on_loihi(self) -> bool:
        """Whether it is a configuration of Loihi, and not of TrueNorth."""
        return isinstance(self.net, loihi.Configuration)

    @property
    def n_cores(self) -> int:
        """Cores of the configuration."""
        return len(sizes(self.net)[0])

    @property
    def in_use(self) -> int:
        """Neurons that send somewhere."""
        return self.net.n_neurons if self.on_loihi else int((self.net.target != NOWHERE).sum())

    @property
    def settles(self) -> int:
        """Ticks after the last spike in, up to which delays may bring it."""
        return loihi.SLOTS if self.on_loihi else 16

    def emulator(self) -> Any:
        """What runs it."""
        from rheobase.chip import truenorth

        return (loihi if self.on_loihi else truenorth).Emulator(self.net)


def opened(given: str) -> Stored:
    """The configuration of a file, of the folder of a deployment, or of a run that was deployed.

    Raises: `ParameterError` where there is none, or one for each of several chips; `DataError` for a file that is
    damaged or of another kind.
    """
    place = expanded(given, "FILE")
    tried = [place, place / CHIP]
    path = next((one for one in tried if one.is_file()), None)
    if path is None:
        within = [folder / name / CHIP for folder in (place, Path("runs") / place) for name in CHIPS]
        found = [one for one in within if one.is_file()]
        # a run is found in one folder
        found = [one for one in found if one.parent.parent == found[0].parent.parent]
        if len(found) > 1:
            expected = "one deployment: the run was put on several chips"
            raise ParameterError("FILE", repr(given), expected, " or ".join(str(one.parent) for one in found))
        path = found[0] if found else None
    if path is None:
        expected = f"a configuration, or the folder of a run that was deployed ({CHIP} in it)"
        raise ParameterError("FILE", repr(given), expected, MAKES)
    wired = wiring_notes.load(path)
    return Stored(path, wiring_notes.kind_of_file(path).load(path) if wired is None else wired.net, wired)


@dataclass(frozen=True)
class Drive:
    """Spikes for one run from rest: how many ticks, the axons that the host feeds, and the true class where known."""

    ticks: int
    inputs: Inputs | None
    truth: int | None = None


def read_spikes(path: Path, stored: Stored) -> Drive:
    """The spikes of an .npz or a .csv with columns tick, core, axon; the run lasts as long as delays may be after them.

    Raises: `DataError`.
    """
    expected = "an .npz with the arrays tick, core and axon, or a .csv with these columns"
    try:
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as held:
                columns = [np.asarray(held[name]) for name in SPIKES]
        else:
            table: Any = np.genfromtxt(path, delimiter=",", names=True, dtype=np.int64, ndmin=1)
            columns = [np.asarray(table[name]) for name in SPIKES]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(str(path), f"what cannot be read ({error})", expected, "np.savez(file, tick=...)") from error
    if any(one.ndim != 1 or one.dtype.kind not in "iu" or len(one) != len(columns[0]) for one in columns):
        raise DataError(str(path), "columns of other kinds or lengths", expected, "whole numbers, one row a spike")
    tick, core, axon = (one.astype(np.int64) for one in columns)
    return Drive((int(tick.max()) if len(tick) else 0) + stored.settles, (tick, core, axon))


def at_random(stored: Stored, rate: float, ticks: int, seed: int) -> Drive:
    """Each axon that the host feeds (each of all, where that is not known) is active at a rate (Hz), by chance."""
    g, chance = np.random.default_rng(seed), rate / 1000.0
    axons = sizes(stored.net)[0]
    many = int(axons.sum()) if stored.wired is None else stored.wired.n_inputs
    ticks_of, which_of = list[NDArray[np.int64]](), list[NDArray[np.int64]]()
    for first in range(0, ticks, CHUNK):
        tick, which = np.nonzero(g.random((min(CHUNK, ticks - first), many)) < chance)
        ticks_of.append(tick + first)
        which_of.append(which)
    tick, which = np.concatenate(ticks_of), np.concatenate(which_of)
    if stored.wired is None:
        core = np.repeat(np.arange(len(axons)), axons)[which]
        return Drive(ticks, (tick, core, which - (np.cumsum(axons) - axons)[core]))
    return Drive(ticks + stored.wired.latency, stored.wired.to_axons(tick, which))


def of_data(stored: Stored, samples: int, data_dir: Path | None, watch: Watch) -> Iterator[Drive]:
    """The first test samples of the data of the run that was deployed, coded as there.

    Raises: `ParameterError` where the file does not say how samples become spikes, or where layers before the chip were
    in software; `DataError` where the data are missing.
    """
    settings, task = _coded(stored)
    data = settings.load_data(data_dir, watch=watch)
    wired = stored.wired
    if wired is None:
        raise ParameterError("emulate", "no wiring", "that of a deployment", "--spikes FILE or --rate HZ")
    x, truth = _first(settings, task, data, samples)
    check_spikes(x, (-1, wired.n_inputs), ("time", "samples", f"{wired.n_inputs}"))
    for k in range(x.shape[1]):
        yield Drive(len(x) + wired.latency, wired.fed(x[:, k]), int(truth[k]))


def has_data(stored: Stored) -> bool:
    """Whether the file says how samples of a data set become its spikes."""
    return stored.wired is not None and {"settings", "task"} <= set(stored.wired.facts) and not _before(stored.wired)


def _before(wired: Wired) -> bool:
    """Whether layers in front of the chip, other than a Flatten, were in software."""
    software = wired.facts.get("software", ())
    ahead = [name for name in software if int(name.split()[1]) < int(wired.facts.get("first", 0))]
    return any("Flatten" not in name for name in ahead)


def _coded(stored: Stored) -> tuple[Settings, Task]:
    facts: dict[str, Any] = {} if stored.wired is None else stored.wired.facts
    if not has_data(stored):
        given = "a file that says of no data how they become its spikes"
        raise ParameterError("emulate", given, "one that `rheobase deploy` wrote", "--spikes FILE or --rate HZ")
    source = str(stored.path)
    return Settings.from_json(facts["settings"], source), Task.from_json(facts["task"], source)


def _first(settings: Settings, task: Task, data: Dataset, samples: int) -> tuple[Tensor, Tensor]:
    encoder = settings.encode(task)
    test = Samples.of("test", (data.x_test, data.y_test), encoder)
    if samples > len(test):
        given, expected = f"{samples:,}", f"up to {len(test):,}, the test samples of {task.name}"
        raise ParameterError("--samples", given, expected, f"--samples {len(test)}")
    return test.encoded(encoder, torch.arange(samples), settings.seed).sequence.flatten(2), data.y_test[:samples]


def voted(stored: Stored, counts: NDArray[np.int64]) -> int | None:
    """The class that the output spikes of one sample vote for, (outputs,); None where the host does more than count."""
    if stored.wired is None:
        return None
    facts = stored.wired.facts
    classes = len(facts.get("classes", ()))
    after = [name for name in facts.get("software", ()) if "Flatten" not in name and "GroupReadout" not in name]
    # other rules look at when an output spikes
    counted = facts.get("loss") in ("SumCrossEntropy", "MeanCrossEntropy", "TemporalCrossEntropy")
    if not classes or after or not counted or len(counts) % classes:
        return None
    return int(counts.reshape(-1, classes).sum(0).argmax())
