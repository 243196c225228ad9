"""Checkpoints: tensors as safetensors, facts as JSON beside them, both checked by SHA-256 when read.

A checkpoint `last.json` names its tensor file, `last-<start of its hash>.safetensors`. The tensors are
written first and the JSON replaces the old one in a single step, so at any moment one whole checkpoint is on
disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from rheobase.errors import CheckpointError, StorageError
from rheobase.files import atomic_write, why
from rheobase.json_files import read_json, write_json

_HASHED = r"-[0-9a-f]{16}\.safetensors"
FORMAT, VERSION = "rheobase.checkpoint", 1
MODEL = "model."


def save_checkpoint(path: str | Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint. `path` ends in .json; `facts` is a mapping that can be written as JSON.

    Raises: `StorageError`; the checkpoint that stood there is then still whole.

    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/a.json", {"x": torch.ones(2)}, {"epoch": 3})
    ...     load_checkpoint(f"{folder}/a.json")
    ({'x': tensor([1., 1.])}, {'epoch': 3})
    """
    import safetensors.torch

    path = _followed(path)
    if path.suffix != ".json":
        raise StorageError(
            "save_checkpoint", f"path {str(path)!r}", "a name that ends in .json", "the tensors go beside it"
        )
    # a copy of each: safetensors refuses tensors that share memory
    data = safetensors.torch.save({k: t.detach().cpu().contiguous().clone() for k, t in tensors.items()})
    digest = hashlib.sha256(data).hexdigest()
    name = f"{path.stem}-{digest[:16]}.safetensors"
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "tensors": name,
        "sha256": digest,
        "facts": dict(facts),
    }
    atomic_write(path.with_name(name), data)
    write_json(path, content | {"checksum": _checksum(content)})
    _remove_superseded(path, name)


def load_checkpoint(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint: its tensors, on the CPU, and its facts.

    Raises: `CheckpointError` where a file is missing, truncated, changed, or of another format.

    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/a.json", {"x": torch.ones(2)}, {"epoch": 3})
    ...     load_checkpoint(f"{folder}/a.json")
    ({'x': tensor([1., 1.])}, {'epoch': 3})
    """
    import safetensors
    import safetensors.torch

    path = _followed(path)
    content = _read_header(path)
    beside = path.with_name(content["tensors"])
    try:
        data = beside.read_bytes()
    except OSError as error:
        raise CheckpointError(
            str(path),
            f"no tensors: {beside.name}: {error.strerror}",
            "both files in one folder",
            "copy the two files together",
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != content["sha256"]:
        raise _damaged(
            beside, f"{len(data)} bytes with SHA-256 {digest[:16]}...", f"SHA-256 {content['sha256'][:16]}..."
        )
    try:
        return safetensors.torch.load(data), content["facts"]
    except safetensors.SafetensorError as error:
        raise _damaged(beside, why(error), "a safetensors file") from error


def _followed(path: str | Path) -> Path:
    """Where a link leads: the tensors lie beside the file, not beside a link to it."""
    path = Path(path)
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _read_header(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            str(path), "another kind of file", f"the format {FORMAT!r}", "give the .json of a checkpoint"
        )
    if content.get("version") != VERSION:
        raise CheckpointError(
            str(path),
            f"version {content.get('version')}",
            f"version {VERSION}",
            "read it with the rheobase that wrote it",
        )
    checksum = content.pop("checksum", None)
    if checksum != _checksum(content):
        raise _damaged(path, "text that its own checksum does not fit", "the file as it was written")
    return content


def _damaged(path: Path, given: str, expected: str) -> CheckpointError:
    return CheckpointError(str(path), given, expected, "the file is damaged: use another checkpoint, or train again")


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def checkpoint_of(tensors: Path) -> Path | None:
    """The .json of a tensor file that belongs to a checkpoint; None for a file of another name.

    >>> checkpoint_of(Path("runs/a/best-0123456789abcdef.safetensors")).as_posix()
    'runs/a/best.json'
    """
    found = re.fullmatch(f"(.+){_HASHED}", tensors.name)
    return None if found is None else tensors.with_name(f"{found[1]}.json")


def _remove_superseded(path: Path, current: str) -> None:
    ours = re.compile(re.escape(path.stem) + _HASHED)
    for other in path.parent.iterdir():
        if other.name != current and ours.fullmatch(other.name):
            try:
                other.unlink(missing_ok=True)
            except OSError as error:
                raise StorageError(
                    str(other),
                    error.strerror or str(error),
                    "permission to remove old tensors",
                    f"remove it by hand; {path.name} is whole",
                ) from error


def model_tensors(net: nn.Module, prefix: str = MODEL) -> dict[str, Tensor]:
    """The state of a network, `prefix` before each name. Raises `CheckpointError` for what is no tensor."""
    state = net.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"state of {type(net).__name__}",
                f"{name}: {type(value).__name__}",
                "tensors only",
                "register it as a buffer",
            )
    return {prefix + name: value for name, value in state.items()}


def put_model_tensors(net: nn.Module, tensors: Mapping[str, Tensor], owner: str, prefix: str = MODEL) -> None:
    """Load what `model_tensors` gave. Raises `CheckpointError` where names or shapes differ."""
    given = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    wanted = net.state_dict()
    problems = [f"no {name}" for name in wanted if name not in given] + [
        f"also {name}" for name in given if name not in wanted
    ]
    problems += [
        f"{name} {tuple(given[name].shape)} for {tuple(t.shape)}"
        for name, t in wanted.items()
        if name in given and given[name].shape != t.shape
    ]
    if problems:
        more = f" and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise CheckpointError(
            owner,
            "; ".join(problems[:4]) + more,
            f"the tensors of this {type(net).__name__}",
            "build the network as it was when it was saved",
        )
    net.load_state_dict(given)


def save_weights(path: str | Path, net: nn.Module, facts: Mapping[str, Any] | None = None) -> None:
    """Write the state of a network as a checkpoint. Raises `StorageError`.

    >>> import tempfile, torch
    >>> net, other = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/net.json", net)
    ...     facts = load_weights(f"{folder}/net.json", other)
    >>> torch.equal(net.weight, other.weight)
    True
    """
    save_checkpoint(path, model_tensors(net), facts or {})


def load_weights(path: str | Path, net: nn.Module) -> dict[str, Any]:
    """Load a network's state from a checkpoint with one; returns the facts. Raises `CheckpointError`.

    >>> import tempfile
    >>> net = nn.Linear(2, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/net.json", net, {"epoch": 3})
    ...     load_weights(f"{folder}/net.json", nn.Linear(2, 3))
    {'epoch': 3}
    """
    tensors, facts = load_checkpoint(path)
    put_model_tensors(net, tensors, str(path))
    return facts
