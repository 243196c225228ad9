"""New models of one cell between published ones: parameter files in the same format, drawn or on a line."""

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
VALUES = ("genome", "passive")  # what of a file is the model; its conditions are to be alike, the rest is about a fit


def mixed(
    parents: AllenModels, which: Sequence[int], count: int, folder: str | Path, *, seed: int = 0, jitter: float = 0.4
) -> AllenModels:
    """`parents`, and behind them `count` new models between those of the numbers `which`.

        x_k = a_k + s (b_k - a_k) + jitter (c_k - d_k),    cut off at the least and largest x_k of `which`

    For each new model the parents a and b and the share s in 0 to 1 are drawn once, and c and d anew for each parameter
    k of the genome; parameters that are the same in every parent's file (the leak of soma and dendrites) stay the same.
    So pairs of models are joined by lines, and what lies beside the lines is filled as widely as the parents differ.
    Models outside of `which` play no part. What is not in the genome, the axial resistance among it, is that of the
    first of `which` in all of them (`blended` moves it, too).

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
    files, told = list[Path](), "the one of this seed, jitter and these parents"
    for number in range(count):
        drawn = _drawn(values, derive_seed(seed, "mixed", number), jitter)
        content = _filled(template, dict(zip(names, drawn.tolist(), strict=True)))
        files.append(_written(folder / f"mixed{number}.json", content, told))
    return AllenModels((*parents.parameters, *files), parents.morphology)


def blended(
    parents: AllenModels, pairs: Sequence[tuple[int, int]], shares: Sequence[float], folder: str | Path
) -> AllenModels:
    """`parents`, and behind them, for each pair (a, b) and then each share s, the model on the line between the two.

        x_k = (1 - s) a_k + s b_k    for every value k of the genome and every number of the passive part (Ra)

    A share of 0 or 1 is the parent, to the last digit. The files, blend-a-b-s.json with the parents' numbers, are as
    those of `mixed`; one that is there already and differs is refused. Nothing is drawn.

    Raises: `ParameterError` for a pair that is none, or a share outside of 0 to 1; `DataError` for parents of other
    conditions (temperature, reversal potentials) or of another genome, `StorageError`.

    >>> from tempfile import TemporaryDirectory
    >>> leak = {"section": "soma", "name": "g_pas", "mechanism": ""}
    >>> with TemporaryDirectory() as name:
    ...     one, other = Path(name) / "one.json", Path(name) / "other.json"
    ...     for path, value in ((one, 1.0), (other, 3.0)):
    ...         told = {"conditions": [], "passive": [{"ra": 50 * value}], "genome": [{**leak, "value": value}]}
    ...         _ = path.write_text(json.dumps(told))
    ...     models = blended(AllenModels((one, other), Path("cell.swc")), [(0, 1)], (0.25, 0.5), Path(name))
    ...     models.names[2:], models.conductances()[1].flatten().tolist()
    (('blend-0-1-0.25', 'blend-0-1-0.5'), [1.0, 3.0, 1.5, 2.0])
    """
    known = len(parents.parameters)
    for pair in pairs:
        two = isinstance(pair, tuple | list) and len(pair) == LEAST and len(set(pair)) == LEAST
        if not two or not all(is_whole(k, 0, known - 1) for k in pair):
            expected = f"two of 0 to {known - 1}"
            raise ParameterError("blended", f"pair {pair!r}", expected, "they are numbered as in AllenModels.names")
    for share in shares:
        if not is_number(share, least=0) or share > 1:
            raise ParameterError("blended", f"share = {share!r}", "a number from 0 to 1", "0.5 is in the middle")
    folder = Path(folder)
    ensure_folder(folder)
    genome([parents.parameters[k] for pair in pairs for k in pair])  # of one kind
    files = list[Path]()
    for a, b in pairs:
        one, other = (json.loads(parents.parameters[k].read_bytes()) for k in (a, b))
        if one["conditions"] != other["conditions"]:
            given, expected = "other conditions than its partner", f"those of {parents.names[a]}"
            raise DataError(str(parents.parameters[b]), given, expected, "blend models of one recording")
        for share in shares:
            content = {**one, **{name: _blend(one[name], other[name], share) for name in VALUES}}
            files.append(_written(folder / f"blend-{a}-{b}-{share:g}.json", content, "the one of these parents"))
    return AllenModels((*parents.parameters, *files), parents.morphology)


def _blend(one: Any, other: Any, share: float) -> Any:
    """JSON of one form in both: numbers in between, all else as in the first."""
    if isinstance(one, dict):
        return {
            # some files have their values as text
            name: (1.0 - share) * float(x) + share * float(other[name])
            if name == "value"
            else _blend(x, other[name], share)
            for name, x in one.items()
        }
    if isinstance(one, list):
        named = {(each.get("section"), each.get("name")): each for each in other}
        return [_blend(each, named[each.get("section"), each.get("name")], share) for each in one]
    return (1.0 - share) * one + share * other if isinstance(one, float | int) else one


def _written(path: Path, content: dict[str, Any], expected: str) -> Path:
    """The file, which is made where it is not there. Raises: `DataError` where it is another one, `StorageError`."""
    data = json.dumps(content).encode()
    if not path.exists():
        atomic_write(path, data)
    elif path.read_bytes() != data:
        raise DataError(
            str(path), "a model that was mixed otherwise", expected, "another folder, or the settings that made it"
        )
    return path


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


__all__ = ["blended", "mixed"]
