"""Results on disk: each in one file, written in one step, under the settings that made it.

The file is an archive, which holds a checksum (CRC-32) of each of its arrays: what is damaged is not read.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rheobase.errors import CheckpointError, ParameterError
from rheobase.files import FAILURES, atomic_write, ensure_folder, why

_FACTS = "facts"


def key(facts: Mapping[str, Any]) -> str:
    """A short name for settings; any other value gives another.

    Raises: `ParameterError` for a setting that JSON cannot say.

    >>> key({"a": 1, "b": [2]}) == key({"b": (2,), "a": 1}), key({"a": 1}) == key({"a": 2})
    (True, False)
    """
    return hashlib.sha256(_json(facts, "settings").encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Stored:
    """The result of a unit, how long it took, and the hardware (empty if unknown)."""

    result: dict[str, Any]
    seconds: float
    hardware: str


def write(path: Path, name: str, result: Mapping[str, Any], seconds: float, hardware: str = "") -> None:
    """Write the result of a unit. Raises `ParameterError` for a value that cannot be stored, `StorageError`."""
    arrays: dict[str, Any] = {
        f"_{k}": _array(v) for k, v in result.items() if isinstance(v, (np.ndarray, torch.Tensor))
    }
    plain = {k: v for k, v in result.items() if f"_{k}" not in arrays}
    text = _json({"key": name, "seconds": seconds, "hardware": hardware, "result": plain}, path.stem)
    data = io.BytesIO()
    arrays[_FACTS] = np.frombuffer(text.encode(), np.uint8)
    np.savez_compressed(data, **arrays)
    ensure_folder(path.parent)
    atomic_write(path, data.getvalue())


def read(path: Path, name: str) -> Stored | None:
    """What `write` wrote under that key; None where there is nothing, or something of other settings.

    Raises: `CheckpointError` for a damaged file.
    """
    if not path.is_file():
        return None
    try:
        # opened here: NumPy leaves a file open that it cannot read
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            if isinstance(held, np.ndarray):
                raise _damaged(path, "one array")
            facts = json.loads(held[_FACTS].tobytes())
            if facts["key"] != name:
                return None
            arrays = {k[1:]: held[k] for k in held.files if k != _FACTS}
        return Stored({**facts["result"], **arrays}, facts["seconds"], facts.get("hardware", ""))
    except CheckpointError:
        raise
    except (*FAILURES, KeyError, TypeError) as error:
        raise _damaged(path, why(error)) from error


def _damaged(path: Path, reason: str) -> CheckpointError:
    given, remedy = f"a damaged file ({reason})", "remove it: it is made again"
    return CheckpointError(str(path), given, "a stored result", remedy)


def _array(value: np.ndarray | torch.Tensor) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def _json(content: Mapping[str, Any], owner: str) -> str:
    try:
        return json.dumps(content, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        expected = "words, finite numbers, lists and dicts of them; arrays and tensors in results"
        raise ParameterError(owner, str(error), expected, "convert it first: float(x)") from error
