"""A folder is claimed by the settings that its results were made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rheobase.errors import ParameterError
from rheobase.files import ensure_folder
from rheobase.json_files import read_json, write_json

LOST = "put that file back, or name another folder"


def claim(folder: Path, settings: Mapping[str, Any], name: str = "settings.json") -> bool:
    """Write settings (values of JSON) into a folder; where it has some, they must be these. True where it was new.

    Raises: `ParameterError` that names what differs, `CheckpointError` for a damaged file, `StorageError`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> claim(folder, {"dt": 0.1}), claim(folder, {"dt": 0.1})
    (True, False)
    >>> claim(folder, {"dt": 0.2})
    Traceback (most recent call last):
        ...
    rheobase.errors.ParameterError: ... got dt = 0.2; expected 0.1, with which it was made. Remedy: ...
    """
    path, now = folder / name, json.loads(json.dumps(settings, allow_nan=False))
    if not path.is_file():
        ensure_folder(folder)
        write_json(path, now)
        return True
    stored = read_json(path, remedy=LOST)
    if not isinstance(stored, dict):
        stored = {}
    for key in dict.fromkeys((*now, *stored)):
        there, given = stored.get(key), now.get(key)
        if there != given:
            text, expected = f"{key} = {_brief(given)}", f"{_brief(there)}, with which it was made"
            raise ParameterError(str(folder), text, expected, "name another folder, or give the same settings")
    return False


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(value)} in all)"
