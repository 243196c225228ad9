"""Reads JSON files, and writes them in one step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rheobase.errors import CheckpointError
from rheobase.files import atomic_write


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, in one step. Raises `StorageError`."""
    atomic_write(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path, *, remedy: str = "use another checkpoint, or train again") -> Any:
    """Read JSON. Raises `CheckpointError` for a file that is missing or is not JSON; `remedy` is what helps then."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(str(path), error.strerror or str(error), "a readable file", "check the path") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            str(path),
            f"text that is no JSON ({error})",
            "a whole JSON file",
            remedy,
        ) from error
