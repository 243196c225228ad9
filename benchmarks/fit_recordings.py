"""Fits of AdEx to real recordings, by `rheobase fit`, each in a process of its own.

    python -m benchmarks.fit_recordings [--data FOLDER] [--out FOLDER] [--time-limit 90s] [--seed 0]

Gamma is that of the sweeps that were fitted, at the precision beside it; "itself" is the Gamma of repetitions of one
current with each other, where there are any. Spikes are those of all sweeps.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RECORDINGS = (
    "ephys_fi_curves/171116sh_0018.npz",
    "ephys_fi_curves/17o05028_ic_steps.npz",
    "ephys_fi_curves/18711001.npz",
    "ephys_fi_curves/190619B_0003.npz",
    "ephys_fi_curves/2019_07_24_0055_fsi.npz",
    "ephys_L5_frozen_noise/gif_frozen_noise_first10s.npz",
    "ephys_rat_idrest/B6_IDRest.npz",
    "files_for_readers/nwb/osb_180817_9_CC.nwb",
)
COLUMNS = ("recording", "sweeps", "spikes", "of the fit", "wrong in one", "Gamma", "at (ms)", "itself", "v error", "s")


def fit(path: Path, out: Path, limit: str, seed: int) -> tuple[dict[str, Any], float]:
    """The numbers of one fit, and the seconds of the whole command."""
    began, target = time.perf_counter(), out / f"{path.stem}.json"
    words = ["fit", "AdEx", str(path), "--out", str(out), "--name", path.stem, "--overwrite", "--json", str(target)]
    command = [sys.executable, "-m", "rheobase", *words, "--time-limit", limit, "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text()), time.perf_counter() - began


def row(name: str, found: dict[str, Any], seconds: float) -> tuple[str, ...]:
    """One line of the table."""
    pairs = [(sweep["data"]["spikes"], sweep["fit"]["spikes"]) for sweep in found["sweeps"]]
    wrong = sum(abs(a - b) for a, b in pairs) / len(pairs)
    itself = found["gamma_of_repetitions"]
    return (
        name, str(len(pairs)), str(sum(a for a, _ in pairs)), str(sum(b for _, b in pairs)), f"{wrong:.1f}",
        f"{found['gamma']:.3f}", f"{found['delta_ms']:.3g}", "" if itself is None else f"{itself:.3f}",
        f"{found['v_error']:.3f}", f"{seconds:.0f}",
    )  # fmt: skip


def main() -> None:
    """Fit them all; write the table, and print it line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RHEOBASE_DATA", "data")))
    parser.add_argument("--out", type=Path, default=Path("runs/fit_recordings"))
    parser.add_argument("--time-limit", default="90s")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * (len(COLUMNS) - 1)]
    print(*lines, sep="\n")
    for name in RECORDINGS:
        found, seconds = fit(given.data / name, given.out, given.time_limit, given.seed)
        lines.append("| " + " | ".join(row(Path(name).name, found, seconds)) + " |")
        print(lines[-1], flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "table.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
