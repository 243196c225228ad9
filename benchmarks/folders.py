"""Folders of files as people have them, trained on by one command each: images, event files, sounds.

    RHEOBASE_DATA=... python -m benchmarks.folders FOLDER [--quick] [--seeds 3]

Makes, in FOLDER, the digits of scikit-learn as PNG files by class, recordings of N-MNIST (nmnist_small) as AEDAT 2
files of a DVS128 by class, and the recordings of the Free Spoken Digit Dataset (fsdd) as WAV files with class, speaker
and number in their names; then trains on each, for each seed, and writes what the runs report to benchmarks/results.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.options import finish, parsed, parser, say

# of each experiment the folder, and the command beside --data and --seed
COMMANDS = {
    "images": ("digits_png", "--neuron LIF"),
    "events": ("nmnist_aedat", "--neuron LIF --size 64x64"),
    # the published test part: the first five takes of every speaker and digit
    "sounds": (
        "spoken_wav",
        "--neuron LIF --epochs 10 --pattern '(?P<label>\\d)_[a-z]+_(?P<take>\\d+)[.]' --leave-out 0,1,2,3,4",
    ),
    "sounds of a new speaker": (
        "spoken_wav",
        "--neuron LIF --epochs 10 --pattern '(?P<label>\\d)_(?P<speaker>[a-z]+)_' --leave-out theo",
    ),
}


def digits_png(folder: Path) -> None:
    """1,797 images of 8 x 8 pixels, as CLASS/NUMBER.png."""
    from PIL import Image
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    for k, (pixels, label) in enumerate(zip(found.images, found.target, strict=True)):
        path = folder / str(label) / f"{k:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 255 / 16).round().astype(np.uint8)).save(path)


def nmnist_aedat(folder: Path) -> None:
    """800 recordings of 34 x 34 pixels, in a corner of a DVS128, as CLASS/NUMBER.aedat."""
    held = np.load(_data() / "nmnist_small" / "nmnist_small_train.npz")
    x, y, p, t, offsets, label = (held[name] for name in ("x", "y", "p", "t", "offsets", "label"))
    header = b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"
    for k, of in enumerate(label):
        part = slice(offsets[k], offsets[k + 1])
        address = y[part].astype(">i4") << 8 | x[part].astype(">i4") << 1 | (1 - p[part].astype(">i4"))
        path = folder / str(of) / f"{k:05d}.aedat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(header + np.stack([address, t[part]], 1).astype(">i4").tobytes())


def spoken_wav(folder: Path) -> None:
    """2,500 recordings at 8 kHz, as CLASS_SPEAKER_NUMBER.wav in one folder."""
    from scipy.io import wavfile

    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        held = np.load(_data() / "fsdd" / f"fsdd_{part}.npz")
        offsets, sound = held["offsets"], held["samples"]  # once: each look at a .npz reads it from the disk again
        for k, (label, speaker, number) in enumerate(zip(held["label"], held["speaker"], held["index"], strict=True)):
            samples = sound[offsets[k] : offsets[k + 1]]
            wavfile.write(folder / f"{label}_{speaker}_{number}.wav", int(held["sample_rate"]), samples)


def _data() -> Path:
    return Path(os.environ["RHEOBASE_DATA"])


MAKERS = {"digits_png": digits_png, "nmnist_aedat": nmnist_aedat, "spoken_wav": spoken_wav}


def trained(data: Path, words: str, seed: int, runs: Path, *, quick: bool) -> dict[str, Any]:
    """One run: its accuracy on the test part, and the command."""
    command = f"rheobase train --data {data.name} {words} --seed {seed}" + (
        " --epochs 1" * (quick and "--epochs" not in words)
    )
    given = shlex.split(command)
    given[given.index(data.name)] = str(data)
    program = [sys.executable, "-m", "rheobase", *given[1:], "--out", str(runs), "--name", f"{data.name}-{seed}"]
    ran = subprocess.run([*program, "--overwrite"], cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{command} failed:\n{ran.stderr[-3000:]}")
    result = json.loads((runs / f"{data.name}-{seed}" / "result.json").read_text())
    test = result["test"]
    say(f"{command}: {100 * test['accuracy']:.2f} % of {test['samples']}")
    return {
        "command": command,
        "accuracy": test["accuracy"],
        "samples": test["samples"],
        "seconds": result["training_seconds"],
    }


def main() -> None:
    p = parser(__doc__)
    p.add_argument("folder", type=Path, help="where folders of files and of runs are made")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    options = parsed(p)
    found: dict[str, Any] = {}
    for name in options.only:
        folder, words = COMMANDS[name]
        place = options.folder.resolve() / folder
        if not place.exists():
            MAKERS[folder](place)
        seeds = range(1 if options.quick else options.seeds)
        runs = [trained(place, words, seed, place.parent / "runs", quick=options.quick) for seed in seeds]
        found[name] = {"runs": runs, "mean": float(np.mean([run["accuracy"] for run in runs]))}
    finish("folders", options, found)


if __name__ == "__main__":
    main()
