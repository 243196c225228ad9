"""Fits of AdEx to real recordings, by `rheobase fit`, each in a process of its own.

    python -m benchmarks.fit_recordings [--data FOLDER] [--out FOLDER] [--generations 300] [--seed 0]

A fifth of the currents is held out. Gamma is at the precision beside it; "itself" is the Gamma of repetitions of one
current with each other, where there are any; "off": spikes too many or too few in a sweep held out. LIF: matched in
closed form to rest, resistance, rheobase and slope of the sweeps that were fitted, without a search. The budget is a
number of candidates, not a time, so that figures do not hang on the machine; "CPU s" is that of the whole command.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
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
COLUMNS = (
    "recording", "sweeps", "held out", "spikes", "Gamma fitted", "held out ", "at (ms)", "LIF fitted", "LIF held out",
    "itself", "off", "LIF off", "v error", "candidates", "CPU s",
)  # fmt: skip


def fit(path: Path, out: Path, generations: int, seed: int) -> tuple[dict[str, Any], float]:
    """The numbers of one fit, and the processor seconds of the whole command."""
    began, target = _children(), out / f"{path.stem}.json"
    words = ["fit", "AdEx", str(path), "--out", str(out), "--name", path.stem, "--overwrite", "--json", str(target)]
    words += ["--generations", str(generations), "--time-limit", "none", "--seed", str(seed)]
    command = [sys.executable, "-m", "rheobase", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text()), _children() - began


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(name: str, found: dict[str, Any], seconds: float) -> tuple[str, ...]:
    """One line of the table."""
    fitted, held, lif = found["fitted"], found["held_out"] or {}, found["matched_lif"] or {}
    lif_fitted, lif_held = lif.get("fitted") or {}, lif.get("held_out") or {}
    return (
        name,
        str(len(found["sweeps"])),
        str(len(held.get("sweeps", ()))),
        str(sum(sweep["data"]["spikes"] for sweep in found["sweeps"])),
        _said(fitted["gamma"], ".2f"),
        _said(held.get("gamma"), ".2f"),
        _said(found["delta_ms"], ".3g"),
        _said(lif_fitted.get("gamma"), ".2f"),
        _said(lif_held.get("gamma"), ".2f"),
        _said(found["gamma_of_repetitions"], ".2f"),
        _said(held.get("spikes"), ".1f"),
        _said(lif_held.get("spikes"), ".1f"),
        _said(held.get("v_error"), ".2f"),
        str(found["evaluations"]),
        f"{seconds:.0f}",
    )


def _said(value: float | None, digits: str) -> str:
    return "" if value is None else f"{value:{digits}}"


def main() -> None:
    """Fit them all; write the table, and print it line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RHEOBASE_DATA", "data")))
    parser.add_argument("--out", type=Path, default=Path("runs/fit_recordings"))
    parser.add_argument("--generations", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * (len(COLUMNS) - 1)]
    print(*lines, sep="\n")
    for name in RECORDINGS:
        found, seconds = fit(given.data / name, given.out, given.generations, given.seed)
        lines.append("| " + " | ".join(row(Path(name).name, found, seconds)) + " |")
        print(lines[-1], flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "table.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
