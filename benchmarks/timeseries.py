"""Time series as the archive has them (UEA/UCR, .ts), trained on by one command each, beside others.

    RHEOBASE_DATA=... python -m benchmarks.timeseries [--quick] [--seeds 5]

The command is `rheobase train --data NAME_TRAIN.ts.gz`, with defaults; NAME_TEST is found beside it. The logistic
regression (scikit-learn, its defaults) has the same parts: all values of a series in a row, scaled by the training
samples, 0 after the end of a series. The nearest neighbour under dynamic time warping is the published figure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.options import earlier, finish, parsed, parser, say
from rheobase.data import Dataset, load

SETS = ("JapaneseVowels", "BasicMotions", "ItalyPowerDemand", "GunPoint", "OSULeaf")
# 1-NN under DTW with the full window: of the UCR archive (Dau et al., arXiv 1810.07758; the archive's table "DTW
# (w=100)") and, over all channels together, of the UEA archive (Bagnall et al., arXiv 1811.00075; "DTW_D").
DTW = {
    "JapaneseVowels": 0.949,
    "BasicMotions": 0.975,
    "ItalyPowerDemand": 0.9504,
    "GunPoint": 0.9067,
    "OSULeaf": 0.5909,
}
COMMAND = ("train", "--device", "cpu", "--threads", "1")


def trained(data: Path, seed: int, runs: Path, *, quick: bool) -> dict[str, Any]:
    """The accuracy that a run reports for the test part, and its seconds of training."""
    name = f"{data.name.removesuffix('_TRAIN.ts.gz')}-{seed}".lower()
    words = [*COMMAND, "--data", str(data), "--seed", str(seed), "--out", str(runs), "--name", name, "--overwrite"]
    words += ["--epochs", "1"] * quick
    ran = subprocess.run(
        [sys.executable, "-m", "rheobase", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    result = json.loads((runs / name / "result.json").read_text())
    return {"accuracy": result["test"]["accuracy"], "seconds": result["training_seconds"]}


def regression(data: Dataset) -> tuple[Any, np.ndarray]:
    """A logistic regression on the scaled values of whole series, and the values of the test part."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts = [np.nan_to_num(x.flatten(1).numpy()) for x in (data.x_train, data.x_test)]
    made = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(parts[0], data.y_train.numpy())
    return made, parts[1]


def regression_on(data: Dataset) -> float:
    """The accuracy of a logistic regression on the parts of a data set."""
    made, test = regression(data)
    return float(made.score(test, data.y_test.numpy()))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    given = parsed(options)
    folder = Path(os.environ["RHEOBASE_DATA"]) / "timeseries"
    command = " ".join(("rheobase", *COMMAND))
    cases = earlier("timeseries", given, command=command)
    with tempfile.TemporaryDirectory() as runs:
        for name in given.sets:
            data = folder / f"{name}_TRAIN.ts.gz"
            found = [trained(data, seed, Path(runs), quick=given.quick) for seed in range(given.seeds)]
            accuracies = [run["accuracy"] for run in found]
            cases[name] = {"runs": found, "logistic regression": regression_on(load(data)), "DTW": DTW[name]}
            spread = float(np.std(accuracies, ddof=1)) if len(found) > 1 else 0.0
            say(
                f"{name}: {100 * float(np.mean(accuracies)):.1f} ± {100 * spread:.1f} % over {len(found)} seeds, "
                f"logistic regression {100 * cases[name]['logistic regression']:.1f} %, DTW {100 * DTW[name]:.1f} %"
            )
    finish("timeseries", given, {"command": command, "cases": cases})


if __name__ == "__main__":
    main()
