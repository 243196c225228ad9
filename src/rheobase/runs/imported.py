"""Networks of other tools as folders: the .nir file as it was, and how it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rheobase.core.integrators import Euler, ExpEuler, Integrator
from rheobase.errors import CheckpointError, ParameterError, nearest
from rheobase.files import atomic_write, ensure_folder
from rheobase.interop import nir
from rheobase.json_files import read_json, write_json
from rheobase.learning.layers import spiking_layers
from rheobase.nn import Sequential
from rheobase.runs.export import FORMAT, NEEDS, SAMPLES, VERSION, Exported, ready, written
from rheobase.runs.folder import IMPORTED
from rheobase.version import __version__

NETWORK = "network.nir"
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
        notes = read_json(folder / IMPORTED, remedy="import the file again")
        if not isinstance(notes, dict) or not {"read", "shape", "sha256"} <= set(notes):
            raise CheckpointError(str(folder / IMPORTED), "no notes of an import", "those", "import the file again")
        if digest_of(folder / NETWORK) != notes["sha256"]:
            given = "a file that was changed since it was imported"
            raise CheckpointError(str(folder / NETWORK), given, "the same bytes", "import the file again")
        return cls(folder, _network(folder / NETWORK, notes["read"]), tuple(notes["shape"]), notes)

    @property
    def rows(self) -> dict[str, str]:
        """Names and values, for display."""
        cells = [f"{name}: {type(layer.module).__name__}" for name, layer in spiking_layers(self.network).items()]
        steps = "in steps" if self.network.dt is None else f"{self.network.dt:g} ms"
        return {
            "network": f"{self.folder} (from {self.notes['file']})",
            "layers": " - ".join(type(layer).__name__ for layer in self.network.layers),
            "spiking": ", ".join(cells) or "none", "dt": steps,
            "parameters": f"{sum(p.numel() for p in self.network.parameters()):,}",
            "input": f"x (time, batch, {', '.join(map(str, self.shape))})",
        }  # fmt: skip

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
            "format": FORMAT, "version": VERSION, "rheobase": __version__, "file": path.name, "form": to,
            "needs": NEEDS[to],
            "input": {"name": "x", "axes": ["time", "batch", *self.shape], "dtype": kind, "dt_ms": self.network.dt},
            "output": {"name": "out", "axes": ["time", "batch", *out.shape[2:]],
                       "score": "as the network was trained, which its file does not say"},
            "state": "at rest before the first step",
            "encoding": {"says": "as the network was trained, which its file does not say"},
            "tried": {"samples": SAMPLES, "same": same, "says": tried},
        }  # fmt: skip
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
        "format": "rheobase.imported", "version": 1, "rheobase": __version__, "file": file.name, "read": told,
        "shape": list(shape), "sha256": digest_of(out / NETWORK),
    }  # fmt: skip
    write_json(out / IMPORTED, notes)
    return Imported(out, network, shape, notes)


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
