"""Networks of other tools as folders: the .nir file as it was, and how it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rheobase.checks import is_number
from rheobase.core.integrators import Euler, ExpEuler, Integrator
from rheobase.errors import CheckpointError, ParameterError, nearest
from rheobase.files import atomic_write, ensure_folder
from rheobase.interop import nir
from rheobase.interop.nir.reading import RESETS
from rheobase.json_files import read_json, write_json
from rheobase.learning.layers import spiking_layers
from rheobase.nn import Sequential
from rheobase.runs.export import FORMAT, NEEDS, SAMPLES, VERSION, Exported, ready, written
from rheobase.runs.folder import IMPORTED
from rheobase.version import __version__

NETWORK = "network.nir"
NOTES = "rheobase.imported"  # the format of the notes
AGAIN = "import the file again"
STEPS = 100  # of the noise on which an exported file is tried
INTEGRATORS: dict[str, Integrator] = {"exp-euler": ExpEuler(), "euler": Euler(), "in-order": nir.InOrder()}


@dataclass(frozen=True, repr=False)
class Imported:
    """A network of a .nir file in a folder of its own.

    network  an ordinary `nn.Sequential`, in eval mode, over sequences (time, batch, *shape)
    notes    how the file is read, its name, and its digest
    """

    folder: Path
    network: Sequential
    shape: tuple[int, ...]
    notes: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> Imported:
        """The network of a folder of `import_nir`. Raises `CheckpointError`, and what `interop.nir.read` raises."""
        folder = Path(folder)
        notes = _notes(folder / IMPORTED)
        if digest_of(folder / NETWORK) != notes["sha256"]:
            given = "a file that was changed since it was imported"
            raise CheckpointError(str(folder / NETWORK), given, "the same bytes", AGAIN)
        shape = nir.shape_of(folder / NETWORK)
        if list(shape) != notes["shape"]:
            given, expected = f"shape = {notes['shape']!r}", f"{list(shape)}, as the file has it"
            raise CheckpointError(str(folder / IMPORTED), given, expected, AGAIN)
        return cls(folder, _network(folder / NETWORK, notes["read"]), shape, notes)

    @property
    def rows(self) -> dict[str, str]:
        """Names and values, for display."""
        cells = [f"{name}: {type(layer.module).__name__}" for name, layer in spiking_layers(self.network).items()]
        steps = "in steps" if self.network.dt is None else f"{self.network.dt:g} ms"
        return {
            "network": f"{self.folder} (from {self.notes['file']})",
            "layers": " - ".join(type(layer).__name__ for layer in self.network.layers),
            "spiking": ", ".join(cells) or "none",
            "dt": steps,
            "parameters": f"{sum(p.numel() for p in self.network.parameters()):,}",
            "input": f"x (time, batch, {', '.join(map(str, self.shape))})",
        }

    def export(
        self, path: str | Path, *, to: str, dtype: torch.dtype | None = None, allow: Iterable[str] = ()
    ) -> Exported:
        """Write the network for other programs, as `Model.export` does; it is tried on uniform noise."""
        path = Path(path)
        description = ready(path, to, dtype, allow)
        x = torch.rand(STEPS, SAMPLES, *self.shape, generator=torch.Generator().manual_seed(0))
        kinds = [p.dtype for p in self.network.parameters()]
        x = x.to(kinds[0] if kinds else x.dtype)
        same, tried = written(self.network, x, self.shape, path, to, dtype, allow)
        with torch.no_grad():
            out = self.network(x[:1])[0]
        kind = str(x.dtype if dtype is None else dtype).removeprefix("torch.")
        content: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "rheobase": __version__,
            "file": path.name,
            "form": to,
            "needs": NEEDS[to],
            "input": {"name": "x", "axes": ["time", "batch", *self.shape], "dtype": kind, "dt_ms": self.network.dt},
            "output": {
                "name": "out",
                "axes": ["time", "batch", *out.shape[2:]],
                "score": "as the network was trained, which its file does not say",
            },
            "state": "at rest before the first step",
            "encoding": {"says": "as the network was trained, which its file does not say"},
            "tried": {"samples": SAMPLES, "same": same, "says": tried},
        }
        write_json(description, content)
        return Exported(path, description, content, same, tried)

    def __repr__(self) -> str:
        return f"Imported({str(self.folder)!r}: {', '.join(type(layer).__name__ for layer in self.network.layers)})"


def import_nir(
    file: str | Path,
    out: str | Path,
    *,
    dt: float | None = None,
    integrator: str | None = None,
    reset: str | None = None,
    double: bool = False,
    allow: Iterable[str] = (),
) -> Imported:
    """Read a .nir file and put it into the folder `out`, with how it was read: `dt` in ms, and as `interop.nir.read`.

    `integrator` is a name of `INTEGRATORS`. A folder that exists is left as it is, and refused.

    Raises: as `interop.nir.read`; `ParameterError`, `StorageError`.

    >>> import tempfile
    >>> from rheobase import neurons, nn
    >>> folder = tempfile.mkdtemp()
    >>> nir.write(nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0)), f"{folder}/net.nir")
    >>> import_nir(f"{folder}/net.nir", f"{folder}/net").shape
    (4,)
    """
    out, file = Path(out), Path(file)
    if out.exists():
        raise ParameterError("import", f"{out}, which exists", "a new folder", "give another name")
    if integrator is not None and integrator not in INTEGRATORS:
        known = nearest(integrator, INTEGRATORS)
        raise ParameterError("import", f"integrator {integrator!r}", "the name of one", known)
    told = {"dt": dt, "integrator": integrator, "reset": reset, "double": double, "allow": list(allow)}
    network = _network(file, told)
    shape = nir.shape_of(file)
    ensure_folder(out)
    atomic_write(out / NETWORK, file.read_bytes())
    notes = {
        "format": NOTES,
        "version": 1,
        "rheobase": __version__,
        "file": file.name,
        "read": told,
        "shape": list(shape),
        "sha256": digest_of(out / NETWORK),
    }
    write_json(out / IMPORTED, notes)
    return Imported(out, network, shape, notes)


def _notes(path: Path) -> dict[str, Any]:
    """How a file is read, as `import_nir` wrote it. Raises `CheckpointError` for notes that somebody else wrote."""
    notes = read_json(path, remedy=AGAIN)
    if not isinstance(notes, dict) or notes.get("format") != NOTES or not isinstance(notes.get("read"), dict):
        raise CheckpointError(str(path), "no notes of an import", "those", AGAIN)
    if notes.get("version") != 1:
        given = f"notes of version {notes.get('version')!r}"
        raise CheckpointError(str(path), given, "version 1", f"{AGAIN}, or use the rheobase that wrote them")
    for name, (sound, expected) in NOTED.items():
        held = notes if name in ("file", "sha256", "shape") else notes["read"]
        if name not in held or not sound(held[name]):
            given = f"{name} = {held[name]!r}" if name in held else f"no {name}"
            raise CheckpointError(str(path), given, expected, AGAIN)
    return notes


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


# what each note is, by its name
NOTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "file": (_is_text, "the name of the file"),
    "sha256": (_is_text, "its digest"),
    "shape": (lambda x: isinstance(x, list), "the sizes of one step"),
    "dt": (lambda x: x is None or is_number(x, above=0), "null, or a number > 0, in ms"),
    "integrator": (lambda x: x is None or (_is_text(x) and x in INTEGRATORS), f"null, or one of {[*INTEGRATORS]}"),
    "reset": (lambda x: x is None or x in RESETS, f"null, or one of {[*RESETS]}"),
    "double": (lambda x: isinstance(x, bool), "true or false"),
    "allow": (
        lambda x: isinstance(x, list) and all(_is_text(n) and n in nir.LOSSES for n in x),
        f"a list of names of {[*nir.LOSSES]}",
    ),
}


def _network(file: Path, told: dict[str, Any]) -> Sequential:
    integrator = None if told["integrator"] is None else INTEGRATORS[told["integrator"]]
    kind = torch.float64 if told["double"] else None
    net = nir.read(file, dt=told["dt"], integrator=integrator, reset=told["reset"], dtype=kind, allow=told["allow"])
    return net.eval()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file. Raises `CheckpointError`."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(str(path), error.strerror or str(error), "a readable file", "import it again") from error
