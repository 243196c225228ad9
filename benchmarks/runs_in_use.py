"""Trained runs in use: five kinds of data and neurons, each trained, moved away, tested again, asked and exported.

    RHEOBASE_DATA=... python -m benchmarks.runs_in_use FOLDER [--quick] [--only NAME ...]

For each run, in FOLDER: trains it with a small budget; asks it about new files in this process; moves its folder to
another place; and there, in a fresh process with another working directory, `rheobase evaluate` must give every figure
of the report and `rheobase predict` every bit of the scores. Then its ONNX file is run in onnxruntime on the encoded
test samples, in float32 and in float64, and spikes are compared one by one; the file of torch.export must give the same
bits. The digits are those of scikit-learn; series, sounds and events are BasicMotions, fsdd and nmnist_small.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import rheobase
from benchmarks.folders import digits_png, nmnist_aedat, spoken_wav
from benchmarks.options import earlier, finish, parsed, parser, say
from rheobase import interop
from rheobase.runs import Model
from rheobase.runs.export import sizes

COMPARED = 100  # test samples whose spikes are compared


def digits(folder: Path) -> Path:
    """The digits are embedded; new files: the test images with some noise."""
    from rheobase.data import digits as load

    g = torch.Generator().manual_seed(1)
    x = load().x_test[:200]
    np.save(folder / "new.npy", (x + 0.2 * torch.rand(x.shape, generator=g)).clamp(max=1.0).numpy())
    return folder / "new.npy"


def series(folder: Path) -> Path:
    """BasicMotions as the archive has it; new files: its test part."""
    for part in ("TRAIN", "TEST"):
        shutil.copy(Path(os.environ["RHEOBASE_DATA"]) / "timeseries" / f"BasicMotions_{part}.ts.gz", folder)
    return folder / "BasicMotions_TEST.ts.gz"


def files(make: Callable[[Path], None], name: str, *, every: int = 1) -> Callable[[Path], Path]:
    """A folder with one in `every` files of what `make` makes; new files: copies of a tenth of them, by other names."""

    def made(folder: Path) -> Path:
        make(folder / name)
        for k, path in enumerate(sorted(p for p in (folder / name).rglob("*") if p.is_file())):
            if k % every:
                path.unlink()
        (folder / "new").mkdir()
        for k, path in enumerate(sorted(p for p in (folder / name).rglob("*") if p.is_file())[::10]):
            shutil.copy(path, folder / "new" / f"{k:04d}{path.suffix}")
        return folder / "new"

    return made


# of each run what makes its data and new files, and the command; {data} is the folder of the data
RUNS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "images of a data set": (digits, "--neuron SRC --data digits --epochs 5"),
    "time series": (series, "--neuron LIF --data {data}/BasicMotions_TRAIN.ts.gz --epochs 30"),
    "a folder of images": (
        files(digits_png, "png"),
        "--neuron AdLIF --recurrent --data {data}/png --encoder direct --epochs 5",
    ),
    "a folder of sounds": (
        files(spoken_wav, "wav", every=5),
        "--neuron CubaLIF --data {data}/wav --epochs 3 "
        "--pattern '(?P<label>\\d)_(?P<speaker>[a-z]+)_' --leave-out theo",
    ),
    "a folder of events": (
        files(nmnist_aedat, "aedat", every=3),
        "--neuron IF --data {data}/aedat --size 64x64 --epochs 3",
    ),
}


def called(*words: str, cwd: Path) -> dict[str, Any]:
    """What a command writes for --json, run in a fresh process in another folder."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        program = [sys.executable, "-m", "rheobase", *words, "--json", str(out)]
        ran = subprocess.run(program, cwd=cwd, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise SystemExit(f"{shlex.join(words)}:\n{ran.stderr}")
        return json.loads(out.read_text())


def exported(model: Model, folder: Path) -> dict[str, Any]:
    """The network's files beside it, on encoded test samples."""
    data = model.load_data()
    encoder = model.encoder()
    index = torch.arange(min(COMPARED, len(data.y_test)))
    x = encoder(data.x_test[index], seed=model.settings.seed, index=index)
    found: dict[str, Any] = {"compared": len(index)}
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        interop.to_onnx(model.network, folder / "net.onnx", shape=sizes(model), dtype=dtype)
        one = interop.run_onnx(folder / "net.onnx", model.network, x)
        found[name] = {"spikes": one.spikes, "differing": one.differing, "deviation": one.deviation}
    interop.to_torch_export(model.network, folder / "net.pt2", shape=sizes(model))
    with torch.no_grad():
        found["torch"] = torch.equal(interop.from_torch_export(folder / "net.pt2")(x), model.network(x)[0])
    return found


def used(name: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    """One run, from its training to its files."""
    make, words = RUNS[name]
    place = folder / name.replace(" ", "_")
    shutil.rmtree(place, ignore_errors=True)
    (place / "data").mkdir(parents=True)
    new = make(place / "data")
    command = words + " --epochs 1" * quick
    given = ["train", *shlex.split(command.format(data=place / "data")), "--out", str(place), "--name", "run"]
    trained = called(*given, cwd=place)
    here = rheobase.load(place / "run").predict(new)
    moved = place / "moved" / "to another place"
    moved.parent.mkdir()
    shutil.move(place / "run", moved)
    elsewhere = place / "cwd"
    elsewhere.mkdir()
    again = called("evaluate", str(moved), cwd=elsewhere)["test"]
    asked = called("predict", str(moved), "--data", str(new), cwd=elsewhere)
    scores = torch.tensor(asked["scores"], dtype=here.scores.dtype)
    found = {
        "command": f"rheobase train {words.format(data='DATA')}",
        "neuron": trained["settings"]["neuron"],
        "accuracy": trained["test"]["accuracy"],
        "samples": trained["test"]["samples"],
        "evaluate": again == trained["test"],
        "new": len(here),
        "predict": torch.equal(scores, here.scores),
        **exported(rheobase.load(moved), place),
    }
    say(f"{name}: {line(found)}")
    return found


def line(found: dict[str, Any]) -> str:
    """What was found of a run, in a line."""
    single, double = found["float32"], found["float64"]
    parts = [
        f"{found['neuron']}, {100 * found['accuracy']:.2f} % of {found['samples']}",
        f"evaluate {'the same' if found['evaluate'] else 'OTHER'}",
        f"{found['new']} new: {'same bits' if found['predict'] else 'OTHER'}",
        f"onnxruntime: {single['differing']} of {single['spikes']:,} spikes differ, in float64 {double['differing']}",
        f"torch.export {'same bits' if found['torch'] else 'OTHER'}",
    ]
    return "; ".join(parts)


def main() -> None:
    p = parser(__doc__)
    p.add_argument("folder", type=Path, help="where data, runs and files are made")
    p.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS))
    options = parsed(p)
    cases = {name: used(name, options.folder.resolve(), quick=options.quick) for name in options.only}
    # runs of before keep their place
    finish("runs_in_use", options, {"cases": earlier("runs_in_use", options) | cases})


if __name__ == "__main__":
    main()
