"""Networks on disk: as `rheobase train` saved them, and as `rheobase convert` did, with all it takes to rebuild.

A converted network is a checkpoint whose facts hold the settings of the training and the conversions that followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rheobase import equivalence
from rheobase.data import Dataset
from rheobase.errors import CheckpointError
from rheobase.learning.training.checkpoints import checkpoint_of, load_checkpoint, load_weights, save_weights
from rheobase.runs.folder import weights_of
from rheobase.runs.network import build
from rheobase.runs.settings import Settings

CONVERSIONS = "conversions"


@dataclass(frozen=True)
class Saved:
    """A network in double precision, with the settings and data of its training, and the conversions since."""

    path: Path
    settings: Settings
    data: Dataset
    net: nn.Module
    conversions: tuple[dict[str, Any], ...]


def header(path: Path) -> Path:
    """The .json of a checkpoint, given as itself, as its .safetensors, or as the folder of a run.

    Raises: `CheckpointError`.

    >>> header(Path("runs/a/best-0123456789abcdef.safetensors")).as_posix()
    'runs/a/best.json'
    """
    if path.is_dir():
        return weights_of(path)
    found = path if path.suffix == ".json" else checkpoint_of(path)
    if found is None:
        remedy = "give the folder of a run, or best.json in it"
        raise CheckpointError(str(path), "no checkpoint", "a folder, a .json or a .safetensors of rheobase", remedy)
    return found


def read(path: Path, data_dir: Path | None) -> Saved:
    """Build the network of a file and load it. Raises `CheckpointError`, `DataError`."""
    at = header(path)
    _, facts = load_checkpoint(at)
    done = tuple(facts.get(CONVERSIONS, ()))
    settings = Settings.from_json(facts["settings"], str(at)) if done else Settings.of_run(at.parent)
    data = settings.load_data(data_dir)
    net: nn.Module = build(settings, data).eval()
    if done:
        net = net.double()
    for one in done:
        net = again(net, one)
    load_weights(at, net)
    # of weights of float32, float64 adds as many as a network has without rounding
    return Saved(at, settings, data, net.double().eval(), done)


def again(net: nn.Module, conversion: dict[str, Any]) -> nn.Module:
    """The network after a conversion that a checkpoint records. Raises `CheckpointError` for an unknown one."""
    kind = conversion.get("to")
    if kind == "grid":
        return equivalence.to_grid(net, bits=conversion["bits"], decay_bits=conversion["decay_bits"])
    if kind == "single-spike":
        return equivalence.to_single_spike(net, max_spikes=conversion["max_spikes"])[0]
    if kind == "multi-spike":
        given = {name: conversion[name] for name in ("how", "horizon", "largest")}
        return equivalence.to_multi_spike(net, **given)[0]
    raise CheckpointError(
        "converted network", f"a conversion to {kind!r}", "one that this version knows", "convert again"
    )


def write(path: Path, net: nn.Module, saved: Saved, new: Sequence[dict[str, Any]]) -> None:
    """Save a converted network. Raises `StorageError`."""
    conversions = [*saved.conversions, *new]
    save_weights(path, net, {"settings": saved.settings.as_json(), CONVERSIONS: conversions})


@torch.no_grad()
def predicted(saved: Saved, nets: Sequence[nn.Module], samples: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The true classes of the first test samples, and those that each network predicts, each (samples,)."""
    x, y = saved.data.x_test[:samples], saved.data.y_test[:samples]
    loss = saved.settings.recipe().criterion
    encoder = saved.settings.encode(saved.data)
    found: list[list[torch.Tensor]] = [[] for _ in nets]
    for index in torch.arange(len(x)).split(saved.settings.batch):
        sequence = encoder(x[index], seed=saved.settings.seed, index=index).double()
        for net, kept in zip(nets, found, strict=True):
            kept.append(loss.predict(net(sequence)[0]))
    return y, [torch.cat(kept) for kept in found]


def inputs(saved: Saved, samples: int) -> torch.Tensor:
    """The first test samples as sequences (time, samples, ...), in double precision."""
    x = saved.data.x_test[:samples]
    encoder = saved.settings.encode(saved.data)
    return encoder(x, seed=saved.settings.seed, index=torch.arange(len(x))).double()
