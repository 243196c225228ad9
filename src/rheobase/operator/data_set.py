"""The data set: potentials of many models under many steps of current, made once, chunk by chunk, and checksummed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase.cells import Cell, CellState
from rheobase.checks import is_whole
from rheobase.errors import CheckpointError, DataError, ParameterError, nearest
from rheobase.files import atomic_write, ensure_folder, why
from rheobase.json_files import read_json, write_json
from rheobase.learning import trains_of
from rheobase.learning.training.sampler import derive_seed
from rheobase.operator.currents import STEPS, VARIED, varied
from rheobase.operator.models import Models
from rheobase.operator.protocol import Protocol
from rheobase.progress import Progress

MANIFEST, FORMAT, VERSION = "manifest.json", "rheobase.traces", 1
AGAIN = "call `generate` once more: it makes what is damaged or gone again"
NAME = re.compile(r"[A-Za-z0-9_-]+")  # of a split
PIECE = 2500  # steps of one call: currents, spikes and potentials of 960 lanes are 29 MB


@dataclass(frozen=True, kw_only=True)
class Split:
    """A part of the data set: each chunk has `stimuli` amplitudes for each of these models, each drawn on its own.

    `shared`: in a chunk all models get the same amplitudes, so that they can be compared. `currents`: "steps", or
    "varied" (`rheobase.operator.currents`), whose amplitude is NaN in the traces.
    """

    models: tuple[int, ...]
    chunks: int
    stimuli: int
    shared: bool = False
    currents: str = STEPS


@dataclass(frozen=True)
class Traces:
    """Some traces, and the protocol that they were made by.

    `spikes` are times in ms from the beginning of the trace, filled up with infinities. `current` is None where all
    are steps of `amplitude`.

    Shapes: v (samples, time) in mV, amplitude (samples,) in nA, model (samples,) int64, spikes (samples, most), current
    (samples, time) in nA.
    """

    v: Tensor
    amplitude: Tensor
    model: Tensor
    spikes: Tensor
    protocol: Protocol
    current: Tensor | None = None

    def __len__(self) -> int:
        return len(self.v)

    def of(self, which: Tensor) -> Traces:
        """Some of them: (n,) numbers, or (samples,) bool."""
        current = None if self.current is None else self.current[which]
        kept = self.v[which], self.amplitude[which], self.model[which], self.spikes[which]
        return Traces(*kept, self.protocol, current)

    @classmethod
    def together(cls, parts: Sequence[Traces]) -> Traces:
        """Traces of one protocol behind one another. Raises `DataError` for none, or several protocols."""
        if len({str(part.protocol) for part in parts}) != 1:
            given = f"{len(parts)} sets of traces, of {len({str(part.protocol) for part in parts})} protocols"
            raise DataError("Traces", given, "one protocol", "load what was made by one")
        most = max(part.spikes.shape[1] for part in parts)
        padded = [
            torch.nn.functional.pad(part.spikes, (0, most - part.spikes.shape[1]), value=torch.inf) for part in parts
        ]
        v, amplitude, model = (
            torch.cat([getattr(part, name) for part in parts]) for name in ("v", "amplitude", "model")
        )
        steps = all(part.current is None for part in parts)
        current = None if steps else torch.cat([part.given() for part in parts])
        return cls(v, amplitude, model, torch.cat(padded), parts[0].protocol, current)

    def given(self) -> Tensor:
        """The current of each sample in nA, (samples, time)."""
        if self.current is not None:
            return self.current
        return self.protocol.sampled(0, self.amplitude, self.protocol.recorded).T.float()


def generate(
    folder: str | Path,
    models: Models,
    splits: Mapping[str, Split],
    protocol: Protocol,
    *,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> None:
    """Simulate what is not there yet, in float32; after an interruption the same call goes on with the next chunk.

    A split may ask for more chunks than before: those that are there stay; one that is damaged or gone is made again.

    Raises: `DataError` for a folder of another protocol, seed, models or splits; `ParameterError`, `StorageError`, and
    what a `Cell` raises.
    """
    folder = Path(folder)
    if not is_whole(seed, 0):
        raise ParameterError("generate", f"seed = {seed!r}", "a whole number from 0 on", "seed=0 is the default")
    if not splits:
        raise ParameterError("generate", "no splits", "a Split for each name", 'splits={"train": Split(...)}')
    for name, split in splits.items():
        _check_split(name, split, models)
    ensure_folder(folder)
    path = folder / MANIFEST
    wanted = _settings(models, splits, protocol, seed)
    manifest = _read_manifest(path) if path.exists() else {**wanted, "chunks": {}}
    _check_same(folder, manifest, wanted)
    todo = [
        (name, k)
        for name, split in splits.items()
        for k in range(split.chunks)
        if not _intact(folder, manifest, f"{name}-{k}")
    ]
    total = sum(split.chunks for split in splits.values())
    ready: dict[str, tuple[Cell, CellState]] = {}
    for done, (name, k) in enumerate(todo, start=total - len(todo)):
        progress(done, total)
        split = splits[name]
        if name not in ready:
            # of the chunks of one split only, since the states of many models are large
            ready = {name: settled(models.cell(split.models, protocol.dt), protocol)}
        data = _bytes(_simulated(*ready[name], split, protocol, derive_seed(seed, name, k)))
        atomic_write(folder / f"{name}-{k}.safetensors", data)
        manifest["chunks"][f"{name}-{k}"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        write_json(path, manifest)
    progress(total, total)


def load(folder: str | Path, split: str, *, chunks: int | None = None, protocol: Protocol | None = None) -> Traces:
    """The traces of a split, or of its first chunks; with `protocol`, a folder that was made by another is refused.

    Raises: `DataError` for a folder without it, of another protocol, with a chunk that is missing, damaged or not the
    one that was written; `ParameterError` for a number of chunks below 1.
    """
    folder = Path(folder)
    if chunks is not None and not is_whole(chunks, 1):
        raise ParameterError("load", f"chunks = {chunks!r}", "a whole number > 0", "leave it out for all of them")
    manifest = _read_manifest(folder / MANIFEST)
    made = Protocol.from_json(manifest["made"]["protocol"], str(folder / MANIFEST))
    if protocol is not None and made != protocol:
        told, asked = made.as_json(), protocol.as_json()
        name = next(name for name in told if told[name] != asked[name])
        given, remedy = f"traces made with {name} = {told[name]}", "another folder, or the protocol of this one"
        raise DataError(str(folder), given, f"{name} = {asked[name]}", remedy)
    names = [name for name in manifest["chunks"] if name.rpartition("-")[0] == split]
    if not names or (chunks is not None and len(names) < chunks):
        given = f"{len(names)} chunks of {split!r}"
        raise DataError(str(folder), given, f"{chunks or 'at least 1'}", "make them: the same call goes on")
    names = sorted(names, key=lambda name: int(name.rpartition("-")[2]))[:chunks]
    parts = [_read_chunk(folder / f"{name}.safetensors", manifest["chunks"][name]["sha256"]) for name in names]
    return Traces.together(
        [
            Traces(part["v"], part["amplitude"], part["model"].long(), part["spikes"], made, part.get("current"))
            for part in parts
        ]
    )


# --- simulation -----------------------------------------------------------------------------------
def settled(cell: Cell, protocol: Protocol) -> tuple[Cell, CellState]:
    """The cell, and its state without current after `settle`."""
    state = cell.rest(1, dtype=torch.float32)
    steps = round(protocol.settle / protocol.dt)
    with torch.no_grad():
        for first in range(0, steps, PIECE):
            _, state = cell(torch.zeros(min(PIECE, steps - first), 1, *cell.shape), state)
    return cell, state


def _simulated(cell: Cell, rest: CellState, split: Split, protocol: Protocol, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    count, own = len(split.models), 1 if split.shared else len(split.models)
    drawn = protocol.draw(split.stimuli * own, generator).view(split.stimuli, -1)
    amplitudes = drawn.expand(-1, count).float()
    state = _repeated(rest, split.stimuli)
    steps = protocol.recorded * protocol.keep
    other = None
    if split.currents == VARIED:
        other = varied(protocol, split.stimuli * own, generator).view(steps, split.stimuli, -1)
        amplitudes = torch.full_like(amplitudes, torch.nan)
    v, fired = list[Tensor](), list[Tensor]()
    with torch.no_grad():
        for first in range(0, steps, PIECE):
            stop = min(first + PIECE, steps)
            given = protocol.step(first, stop, amplitudes) if other is None else other[first:stop].expand(-1, -1, count)
            current = given.contiguous()
            spikes, state, traces = cell(current, state, record=("soma",))
            v.append(traces["soma"])
            fired.append(spikes)
    trace = torch.cat(v).flatten(1).T
    stored = {} if other is None else {"current": _means(other.expand(-1, -1, count).flatten(1), protocol.keep)}
    return {
        **stored,
        "v": decimated(trace, protocol.keep),
        "amplitude": amplitudes.flatten().clone(),
        "model": torch.tensor(split.models, dtype=torch.int16).repeat(split.stimuli),
        "spikes": trains_of(torch.cat(fired).flatten(1), protocol.dt).float(),
    }


def _repeated(state: CellState, batch: int) -> CellState:
    """The state of a batch of one, for a batch of many."""

    def many(x: Tensor, axis: int) -> Tensor:
        return x.repeat_interleave(batch, axis).contiguous()

    return CellState(many(state.v, 1), many(state.low, 1), many(state.above, 0), many(state.membrane, 1))


def _means(current: Tensor, keep: int) -> Tensor:
    """Of (time, lanes) the mean of each `keep` steps, (lanes, time // keep): the charge is what it was."""
    return current.unflatten(0, (-1, keep)).mean(1).T.contiguous()


def decimated(v: Tensor, keep: int) -> Tensor:
    """Every `keep`-th sample behind a low pass without delay, (samples, time) to (samples, time // keep)."""
    if keep == 1:
        return v.clone(memory_format=torch.contiguous_format)
    from scipy.signal import resample_poly

    slow = resample_poly(v.double().numpy(), 1, keep, axis=1, padtype="line")
    return torch.from_numpy(slow[:, : v.shape[1] // keep]).float().contiguous()


# --- files ----------------------------------------------------------------------------------------
def _settings(models: Models, splits: Mapping[str, Split], protocol: Protocol, seed: int) -> dict[str, Any]:
    parts = {
        name: {
            "models": list(split.models),
            "stimuli": split.stimuli,
            "shared": split.shared,
            # steps go unsaid, as in folders from before there were others
            **({} if split.currents == STEPS else {"currents": split.currents}),
        }
        for name, split in splits.items()
    }
    made = {"protocol": protocol.as_json(), "seed": seed, "models": models.identity(), "splits": parts}
    return {"format": FORMAT, "version": VERSION, "made": json.loads(json.dumps(made))}


def _check_split(name: str, split: Split, models: Models) -> None:
    owner, known = f"split {name!r}", len(models.names)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        # its chunks are files of that name
        raise ParameterError("generate", f"a split {name!r}", "letters, digits, - and _", 'a name like "train"')
    if (
        not isinstance(split.models, tuple)
        or not split.models
        or not all(is_whole(k, 0, known - 1) for k in split.models)
    ):
        expected = f"a tuple of some of 0 to {known - 1}"
        raise ParameterError(owner, f"models {split.models!r}", expected, "they are numbered as in Models.names")
    if split.currents not in (STEPS, VARIED):
        expected = f"{STEPS!r} or {VARIED!r}"
        raise ParameterError(
            owner, f"currents = {split.currents!r}", expected, nearest(str(split.currents), (STEPS, VARIED))
        )
    for what, value in (("chunks", split.chunks), ("stimuli", split.stimuli)):
        if not is_whole(value, 1):
            raise ParameterError(owner, f"{what} = {value!r}", "a whole number > 0", f"{what}=1 is the least")


def _check_same(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise where a folder was made with other settings; a split that it does not have is added to it."""
    old, new = found["made"], wanted["made"]
    for name in ("protocol", "seed", "models"):
        if old[name] != new[name]:
            what = next((k for k in new[name] if old[name].get(k) != new[name][k]), "") if name != "seed" else ""
            given = f"a data set with another {name}{f', {what}' if what else ''}"
            raise DataError(
                str(folder), given, "the settings that it was made with", "another folder, or those settings"
            )
    for name, split in new["splits"].items():
        if old["splits"].setdefault(name, split) != split:
            given = f"a data set with other models or stimuli in the split {name!r}"
            raise DataError(
                str(folder), given, "the settings that it was made with", "another folder, or those settings"
            )


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except CheckpointError as error:
        raise DataError(
            str(path), error.given, "the list of a data set", "make it: rheobase.operator.generate"
        ) from error
    if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        expected = f"{FORMAT} of version {VERSION}"
        raise DataError(str(path), "another kind of file", expected, "use the folder that `generate` wrote")
    if not _whole_manifest(content):
        expected = "settings, and a checksum for each chunk"
        remedy = "take the folder away, and call `generate`: it makes the data set anew"
        raise DataError(str(path), "a list that was changed or is not whole", expected, remedy)
    return content


def _whole_manifest(content: dict[str, Any]) -> bool:
    made, chunks = content.get("made"), content.get("chunks")
    return (
        isinstance(made, dict)
        and {"protocol", "seed", "models", "splits"} <= made.keys()
        and all(isinstance(made[name], dict) for name in ("protocol", "models", "splits"))
        and isinstance(chunks, dict)
        and all(name.rpartition("-")[2].isdecimal() for name in chunks)
        and all(isinstance(each, dict) and isinstance(each.get("sha256"), str) for each in chunks.values())
    )


def _intact(folder: Path, manifest: Mapping[str, Any], name: str) -> bool:
    path, listed = folder / f"{name}.safetensors", manifest["chunks"].get(name)
    return listed is not None and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == listed["sha256"]


def _read_chunk(path: Path, digest: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            given = "a chunk with another checksum than when it was written"
            raise DataError(str(path), given, "the file as it was", AGAIN)
        return from_bytes(data)
    except OSError as error:
        raise DataError(str(path), error.strerror or str(error), "a chunk that its list has", AGAIN) from error
    except SafetensorError as error:
        raise DataError(str(path), why(error), "a safetensors file", AGAIN) from error


def _bytes(tensors: Mapping[str, Tensor]) -> bytes:
    from safetensors.torch import save

    return save(dict(tensors))


__all__ = ["Split", "Traces", "decimated", "generate", "load"]
