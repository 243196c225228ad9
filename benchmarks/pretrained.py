"""Trains the networks that come with the package anew, by the commands on their cards, and puts them in their place.

    RHEOBASE_DATA=... python -m benchmarks.pretrained [NAME ...] [--runs FOLDER] [--check]

A run that is already in FOLDER is taken as it is. --check changes nothing: it tests the networks as they are, and says
whether each gives the figure of its card, to the digit.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import rheobase
from benchmarks.measure import ROOT
from rheobase.runs.pretrained import CARD, HERE, card, names

KEPT = ("test", "parameters", "training_seconds", "machine")


def install(name: str, runs: Path) -> None:
    """Train a network where it is not trained yet, and copy of the run what is needed to use it."""
    command = json.loads((HERE / name / CARD).read_text())["command"]
    run = runs / name
    if not (run / "result.json").is_file():
        words = [*shlex.split(command)[1:], "--out", str(runs), "--overwrite"]
        subprocess.run([sys.executable, "-m", "rheobase", *words], cwd=ROOT, check=True)
    place = HERE / name
    for old in place.iterdir():
        if old.name != CARD:
            old.unlink()
    best = json.loads((run / "best.json").read_text())
    for file in ("config.json", "best.json", best["tensors"]):
        shutil.copy(run / file, place / file)
    result = json.loads((run / "result.json").read_text())
    (place / "result.json").write_text(json.dumps({key: result[key] for key in KEPT}, indent=1) + "\n")
    print(
        f"{name}: {card(name).figure}, {card(name).size / 1000:.0f} kB, {result['training_seconds']:.0f} s of training"
    )


def check(name: str) -> bool:
    """Whether the test gives what the card says."""
    found, said = rheobase.load(name).evaluate(), card(name)
    same = (found.accuracy, found.samples) == (said.accuracy, said.samples)
    print(
        f"{name}: {100 * found.accuracy:.2f} % of {found.samples}; card: {said.figure}; {'same' if same else 'OTHER'}"
    )
    return same


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", default=[], help="by default all")
    p.add_argument("--runs", type=Path, help="where runs are made; by default a folder that is removed")
    p.add_argument("--check", action="store_true")
    options = p.parse_args()
    wanted = options.names or names()
    if options.check:
        same = [check(name) for name in wanted]
        sys.exit(not all(same))
    with tempfile.TemporaryDirectory() as temporary:
        runs = (options.runs or Path(temporary)).resolve()
        for name in wanted:
            install(name, runs)


if __name__ == "__main__":
    main()
