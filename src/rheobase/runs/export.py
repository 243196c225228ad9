"""A trained network as a file for other programs, and beside it a .json that says what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.data import Scaled
from rheobase.errors import DataError, ParameterError, nearest
from rheobase.files import ensure_writable
from rheobase.interop import from_torch_export, nir, run_onnx, to_onnx, to_torch_export
from rheobase.json_files import write_json
from rheobase.nn import Sequential
from rheobase.version import __version__

if TYPE_CHECKING:
    from rheobase.runs.model import Model

FORMS = ("onnx", "torch", "nir")
NEEDS = {
    "onnx": "onnxruntime, or another runtime of ONNX",
    "torch": "torch, and `import rheobase.interop`",
    "nir": "a tool that reads NIR; here rheobase.interop.nir.read",
}
FORMAT, VERSION = "rheobase.export", 1
SAMPLES = 8  # of the sequences that the file is tried on
EVENTS = 0.05  # the share of pixels with an event in them
# how the scores of the classes follow from the output over the steps of a sample
READOUTS = {
    "last": "out at its last step",
    "sum": "the sum of out over its steps",
    "mean": "the mean of out over its steps",
    "tet": "the mean of out over its steps",
    "max": "the largest out over its steps",
    "mean-softmax": "the logarithm of the mean over its steps of the softmax of out",
}


@dataclass(frozen=True)
class Exported:
    """A file that was written, what its .json says, and how it did when it was run beside the network.

    `same`: all spikes were the same (ONNX), or every bit of the output (torch, NIR).
    """

    path: Path
    description: Path
    content: dict[str, Any]
    same: bool
    tried: str

    @property
    def rows(self) -> dict[str, str]:
        """Names and values, for display."""
        given, gives, size = self.content["input"], self.content["output"], self.path.stat().st_size
        shape = ", ".join(map(str, given["axes"]))
        return {
            "file": f"{self.path} ({size / 1000:.0f} kB)",
            "input": f"{given['name']} ({shape}), {given['dtype']}",
            "code": f"not in the file: {self.content['encoding']['says']}",
            "output": f"{gives['name']} ({', '.join(map(str, gives['axes']))}); score of a class: {gives['score']}",
            "run beside the network": self.tried,
            "described in": str(self.description),
        }


def export(
    model: Model, path: str | Path, *, to: str, dtype: torch.dtype | None = None, allow: Iterable[str] = ()
) -> Exported:
    """Write the network of a model as `to`: "onnx", "torch" (a program of torch.export) or "nir", and run the file.

    The file takes encoded sequences (time, batch, ...) of any length, from rest. How samples become sequences, and the
    output of the classes scores, is said in PATH.json: the code of the samples is not in the file, since it may draw
    random numbers. `dtype`, of ONNX: float64, where rounding all but never moves a spike. `allow`, of NIR: what it
    cannot say and may be lost, by name (`interop.nir.LOSSES`).

    Raises: as `interop.to_onnx`, `interop.to_torch_export` and `interop.nir.write`; `ParameterError` for another form;
    `DataError` where torch's file, run again, gives other bits.
    """
    path = Path(path)
    description = ready(path, to, dtype, allow)
    x, shape = sequences(model), sizes(model)
    same, tried = written(model.network, x, shape, path, to, dtype, allow)
    content = described(model, path.name, to, dtype) | {"tried": {"samples": SAMPLES, "same": same, "says": tried}}
    content |= {"lost": {name: nir.LOSSES[name] for name in allow}} if to == "nir" else {}
    write_json(description, content)
    return Exported(path, description, content, same, tried)


def ready(path: Path, to: str, dtype: torch.dtype | None, allow: Iterable[str]) -> Path:
    """Check the arguments and the places: the path of the description. Raises `ParameterError`, `StorageError`."""
    if to not in FORMS:
        raise ParameterError("export", f"to {to!r}", "the name of a form", nearest(str(to), FORMS))
    if to != "onnx" and dtype is not None:
        given, remedy = f"dtype {dtype}", "leave it out, or export to ONNX"
        raise ParameterError(f"export to {to}", given, "the type that the network was trained in", remedy)
    if to != "nir" and tuple(allow):
        raise ParameterError(f"export to {to}", f"allow {tuple(allow)}", "no losses", "leave it out, or export to nir")
    ensure_writable(path, "export")
    description = path.with_name(f"{path.name}.json")
    ensure_writable(description, "export")
    return description


def written(
    net: Sequential,
    x: Tensor,
    shape: tuple[int, ...],
    path: Path,
    to: str,
    dtype: torch.dtype | None,
    allow: Iterable[str],
) -> tuple[bool, str]:
    """Write a network and run the file on x beside it: whether all was the same, and how it did in words."""
    if to == "onnx":
        to_onnx(net, path, shape=shape, dtype=dtype)
        found = run_onnx(path, net, x)
        same = found.differing == 0
        verdict = "all the same" if same else f"{found.differing:,} differ"
        tried = f"{found.spikes:,} spikes of {x.shape[1]} samples of noise in onnxruntime, {verdict}"
        return same, f"{tried}; other values within {found.deviation:.1g}"
    if to == "nir":
        nir.write(net, path, shape=shape, allow=allow)
        again = nir.compare(net, nir.read(path), x)
        return again.exact, f"read again: {again}"
    to_torch_export(net, path, shape=shape)
    x = x.to(next(net.parameters()).dtype)
    with torch.no_grad():
        same = torch.equal(from_torch_export(path)(x), net(x)[0])
    if not same:
        raise DataError(str(path), "other bits than the network's", "the same", "write it again")
    return same, f"the same bits of the output, for {x.shape[1]} samples of noise"


def sizes(model: Model) -> tuple[int, ...]:
    """The sizes of one step of one encoded sample."""
    task = model.task
    return task.sample_shape if task.scaling is None else (model.settings.inputs(task),)


def sequences(model: Model) -> Tensor:
    """Some encoded samples (time, batch, ...): images of uniform noise, series of Gaussian noise, scattered events."""
    g, settings, shape = torch.Generator().manual_seed(0), model.settings, sizes(model)
    if model.task.duration_ms is not None:
        return (torch.rand(settings.steps, SAMPLES, *shape, generator=g) < EVENTS).float()
    if model.task.scaling is not None:
        return settings.gain * torch.randn(settings.steps, SAMPLES, *shape, generator=g)
    return model.encoder()(torch.rand(SAMPLES, *shape, generator=g), seed=settings.seed)


def described(model: Model, name: str, to: str, dtype: torch.dtype | None) -> dict[str, Any]:
    """What the .json says: input, output, code of the samples."""
    settings, task = model.settings, model.task
    kind = next(model.network.parameters()).dtype if dtype is None else dtype
    code: dict[str, Any] = {"encoder": settings.encoder, "steps": settings.steps, "seed": settings.seed}
    code["says"] = settings.code(task, options=False)
    if settings.encoder == "rate" or task.scaling is not None:
        code["gain"] = settings.gain
    if task.duration_ms is not None:
        code["bin_ms"] = task.duration_ms / settings.steps
    if task.scaling is not None:
        encoder = model.encoder()
        code |= {"mean": list(task.scaling.mean), "std": list(task.scaling.std)}
        code |= {"bin": encoder.bin if isinstance(encoder, Scaled) else 1}
        code |= {"threshold": settings.threshold, "fields": settings.fields}
        code |= {"taps": settings.taps, "hold": settings.hold} if settings.hold else {}
    return {
        "format": FORMAT, "version": VERSION, "rheobase": __version__, "file": name, "form": to,
        "needs": NEEDS[to],
        "input": {"name": "x", "axes": ["time", "batch", *sizes(model)], "dtype": str(kind).removeprefix("torch."),
                  "dt_ms": model.network.dt},
        "output": {"name": "out", "axes": ["time", "batch", len(model.classes)], "classes": list(model.classes),
                   "score": READOUTS[settings.loss]},
        "state": "at rest before the first step", "encoding": code,
    }  # fmt: skip
