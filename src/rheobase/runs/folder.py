"""The folder of a run: claimed before any work, and never taken from another run."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rheobase.checks import is_number
from rheobase.errors import CheckpointError, DataError, ParameterError, StorageError
from rheobase.files import ensure_folder
from rheobase.json_files import read_json
from rheobase.learning.training.run import BEST, CONFIG, LAST

REPORT, RESULT = "report.html", "result.json"
IMPORTED = "imported.json"  # of a network of another tool, which is no run
CHECKSUM = "checksum"
# settings that a person may change by hand: where the data lie, and what runs the network
_FREE = ("data", "data_dir", "device", "devices", "threads", "tensorboard")


def claim(out: Path, name: str, *, overwrite: bool) -> Path:
    """Make the folder out/name; where it exists, the next free one of name-2, name-3...

    With `overwrite` the run that stands there is removed first.

    Raises: `ParameterError` for a name that is no folder name or a folder that holds no run, `StorageError`.
    """
    if name in ("", ".", "..") or Path(name).name != name:
        raise ParameterError(
            "--name", repr(name), "the name of a folder, without / in it", "choose the place with --out"
        )
    ensure_folder(out)
    if overwrite:
        _remove(out / name)
    number = 1
    while not _made(folder := out / (name if number == 1 else f"{name}-{number}")):
        number += 1
    return folder


def _made(folder: Path) -> bool:
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise StorageError(
            str(folder), error.strerror or str(error), "a folder that can be made", "use --out"
        ) from error
    return True


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir() or not (folder / CONFIG).is_file():
        raise ParameterError(
            "--overwrite",
            f"{folder}, which holds no run",
            f"a folder with {CONFIG}",
            "remove it by hand, or use --name",
        )
    try:
        shutil.rmtree(folder)
    except OSError as error:
        given = f"{error.strerror or error}"
        raise StorageError(str(folder), given, "a folder that can be removed", "remove it by hand") from error


def state_of(folder: Path) -> str:
    """In words, what a folder holds: a finished run, one that can be resumed, or something else."""
    if (folder / RESULT).is_file():
        return "a finished run"
    return "a run that can be resumed" if (folder / LAST).is_file() else "something else"


def weights_of(folder: Path) -> Path:
    """The checkpoint of the weights that a run keeps: of its best epoch; of its last where nothing was validated.

    Raises: `CheckpointError` for a finished run that has lost those of its best epoch: those of the last are others.
    """
    best = folder / BEST
    if best.is_file():
        return best
    if (folder / RESULT).is_file() and (config := folder / CONFIG).is_file():
        content = read_json(config)
        if isinstance(content, dict) and content.get("validation") is not None:
            expected = "the weights of the best epoch, beside those of the last"
            raise CheckpointError(str(best), "no such file", expected, "copy the whole folder of the run")
    return folder / LAST


def read_result(folder: Path) -> dict[str, Any] | None:
    """The test of a finished run, as its report has it; None for a run without. Raises `CheckpointError`."""
    path = folder / RESULT
    if not path.is_file():
        return None
    content = read_json(path, remedy="remove it, and evaluate again")
    test = content.get("test") if isinstance(content, dict) else None
    if not isinstance(test, dict) or not all(is_number(test.get(name)) for name in ("accuracy", "loss")):
        raise CheckpointError(
            str(path), "no test in it", "what `rheobase train` wrote", "remove it, and evaluate again"
        )
    return test


def checksum(settings: Mapping[str, Any], task: Any) -> str:
    """SHA-256 of what decides the numbers of a run: other settings make another network of the same weights.

    >>> checksum({"gain": 1.0, "data": "here"}, None) == checksum({"gain": 1.0, "data": "there"}, None)
    True
    >>> checksum({"gain": 1.0}, None) == checksum({"gain": 2.0}, None)
    False
    """
    content = {"settings": {k: v for k, v in settings.items() if k not in _FREE}, "task": task}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_unchanged(notes: Mapping[str, Any], source: str) -> None:
    """Raise `CheckpointError` for settings or a task that were changed since the run wrote them.

    Runs of before say no checksum, and are taken as they are.
    """
    said = notes.get(CHECKSUM)
    if said is not None and said != checksum(notes["settings"], notes.get("task")):
        given, expected = "settings that its own checksum does not fit", "those that the weights were trained with"
        remedy = "put back what was changed, or train anew with these settings as options of `rheobase train`"
        raise CheckpointError(source, given, expected, remedy)


def check_same_files(data: str, then: str | None, now: str | None, remedy: str) -> None:
    """Raise `DataError` where the files of a user's data are not those of the training, by `Dataset.digest`.

    Runs on data that others publish say none; runs of before say the first part alone (`folders.parts.digest`).

    >>> check_same_files("pets", "a", "a:b", "put them back")
    """
    if then is None or (now is not None and then in (now, now.partition(":")[0])):
        return
    given, expected = "files that have changed since the training", "those of the training, in the same parts"
    raise DataError(data, given, expected, remedy)


def read_notes(folder: Path) -> dict[str, Any]:
    """What config.json has beside the recipe: the settings and the task. Raises `CheckpointError`."""
    path = folder / CONFIG
    if (folder / IMPORTED).is_file():
        given, remedy = "a network of another tool, without data", "rheobase export takes it, and runs.Imported.read"
        raise CheckpointError(str(folder), given, "a run of `rheobase train`", remedy)
    content = read_json(path)
    notes = content.get("notes") if isinstance(content, dict) else None
    if isinstance(notes, dict) and notes.get("fits"):
        kind = notes["fits"][0].get("neuron", "NEURON")
        remedy = f'neurons.{kind}.named("{folder / kind / "fitted.toml"}", 1) is one of them'
        raise CheckpointError(str(folder), "fits of several neurons", "a run of `rheobase train`", remedy)
    if isinstance(notes, dict) and "fit" in notes:
        kind = notes["fit"].get("neuron", "NEURON") if isinstance(notes["fit"], dict) else "NEURON"
        remedy = f'neurons.{kind}.named("{folder / "fitted.toml"}", 1) is its neuron'
        given = "a fit of one neuron"
        if (folder / "fitted.json").is_file():
            given = "a fit of one cell"
            remedy = f'cells.from_allen("{folder / "fitted.json"}", MORPHOLOGY, dt=0.05) is the cell'
        raise CheckpointError(str(folder), given, "a run of `rheobase train`", remedy)
    if not isinstance(notes, dict) or "settings" not in notes:
        raise CheckpointError(
            str(path), "no settings in it", "a run of `rheobase train`", "give the folder of such a run"
        )
    return notes
