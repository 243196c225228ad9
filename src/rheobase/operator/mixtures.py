"""New models of one cell between published ones: parameter files in the same format, drawn from a seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.errors import DataError, ParameterError
from rheobase.files import atomic_write, ensure_folder
from rheobase.learning.training.sampler import derive_seed
from rheobase.operator.models import AllenModels, genome

LEAST = 2  # parents


def mixed(
    parents: AllenModels, which: Sequence[int], count: int, folder: str | Path, *, seed: int = 0, jitter: float = 0.4
) -> AllenModels:
    """`parents`, and behind them `count` new models between those of the numbers `which`.

        x_k = a_k + s (b_k - a_k) + jitter (c_k - d_k),    cut off at the least and largest x_k of `which`

    For each new model the parents a and b and the share s in 0 to 1 are drawn once, and c and d anew for each parameter
    k of the genome; parameters that are the same in every parent's file (the leak of soma and dendrites) stay the same.
    So pairs of models are joined by lines, and what lies beside the lines is filled as widely as the parents differ.
    Models outside of `which` play no part.

    The files, mixed0.json and so on, are in the format of the parents, beside no morphology of their own; each follows
    from `seed` and its number alone, so more models leave the earlier ones as they are. A file that is there already
    and differs is refused: the folder was made from another seed, jitter or other parents.

    Raises: `ParameterError`, `DataError`, `StorageError`.

    A new model is no fit to a recording: that its parameters lie between those of fits does not make it behave as they
    (`rheobase.operator.screening.alike` says which do).

    >>> from tempfile import TemporaryDirectory
    >>> leak = {"section": "soma", "name": "g_pas", "mechanism": ""}
    >>> with TemporaryDirectory() as name:
    ...     one, other = Path(name) / "one.json", Path(name) / "other.json"
    ...     for path, value in ((one, 1.0), (other, 3.0)):
    ...         _ = path.write_text(json.dumps({"genome": [{**leak, "value": value}]}))
    ...     models = mixed(AllenModels((one, other), Path("cell.swc")), (0, 1), 8, Path(name), jitter=0.0)
    ...     values = models.conductances()[1].flatten()
    >>> models.names[2], len(values), bool((values >= 1.0).all() and (values <= 3.0).all())
    ('mixed0', 10, True)
    """
    _check(parents, which, count, jitter)
    folder = Path(folder)
    ensure_folder(folder)
    names, values = genome([parents.parameters[k] for k in which])
    template = json.loads(parents.parameters[which[0]].read_bytes())
    files = list[Path]()
    for number in range(count):
        drawn = _drawn(values, derive_seed(seed, "mixed", number), jitter)
        path = folder / f"mixed{number}.json"
        data = json.dumps(_filled(template, dict(zip(names, drawn.tolist(), strict=True)))).encode()
        if not path.exists():
            atomic_write(path, data)
        elif path.read_bytes() != data:
            given, expected = "a model that was mixed otherwise", "the one of this seed, jitter and these parents"
            raise DataError(str(path), given, expected, "another folder, or those settings")
        files.append(path)
    return AllenModels((*parents.parameters, *files), parents.morphology)


def _drawn(values: Tensor, seed: int, jitter: float) -> Tensor:
    """One new row from rows (parents, parameters)."""
    generator = torch.Generator().manual_seed(seed)
    count, size = values.shape
    a, b = values[torch.randperm(count, generator=generator)[:2]]
    share = torch.rand((), generator=generator, dtype=values.dtype)
    c, d = torch.randint(count, (2, size), generator=generator)
    each = torch.arange(size)
    moved = a + share * (b - a) + jitter * (values[c, each] - values[d, each])
    low, high = values.aminmax(dim=0)
    # a parameter that every file has twice is drawn once
    alike = (values[:, :, None] == values[:, None, :]).all(0).to(torch.uint8).argmax(0)
    return moved.clamp(low, high)[alike]


def _filled(template: dict[str, Any], values: dict[str, float]) -> dict[str, Any]:
    entries = [{**each, "value": values[f"{each['section']}.{each['name']}"]} for each in template["genome"]]
    return {**template, "genome": entries}


def _check(parents: AllenModels, which: Sequence[int], count: int, jitter: float) -> None:
    known = len(parents.parameters)
    if len(set(which)) < LEAST or not all(is_whole(k, 0, known - 1) for k in which):
        expected = f"two or more of 0 to {known - 1}"
        raise ParameterError("mixed", f"parents {list(which)!r}", expected, "they are numbered as in AllenModels.names")
    if not is_whole(count, 1):
        raise ParameterError("mixed", f"count = {count!r}", "a whole number > 0", "count=1000, say")
    if not is_number(jitter, least=0):
        raise ParameterError("mixed", f"jitter = {jitter!r}", "a finite number >= 0", "jitter=0 stays on the lines")


__all__ = ["mixed"]
