"""This version against another commit, row by row: two processes take turns, so that the machine's mood is shared.

Every neuron forward and backward under the same integrator, and the layers with kernels of their own. The ratio is
this version over the other: below 1 is faster. Where a process happens to lie in memory moves a row by up to a tenth
for as long as it lives, so both are started anew --starts times: the ratio is the median over starts of the median
over turns, and the range is that of the starts.

    python -m benchmarks.paired COMMIT [--rows LIF SRC ...] [--starts 3] [--turns 7] [--threads 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.options import KEEP_MEMORY, say

ROOT = Path(__file__).resolve().parent.parent
WORKER = Path(__file__).with_name("paired_worker.py")


class Version:
    """A process that times rows with one version of the library."""

    def __init__(self, name: str, source: Path, threads: int):
        environment = {**os.environ, **KEEP_MEMORY, "PYTHONPATH": str(source), "OMP_NUM_THREADS": str(threads)}
        self.name = name
        # -P: the folder of the worker is not searched, whose operator.py would stand before Python's own
        command = [sys.executable, "-P", str(WORKER)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.rows: list[str] = self._answer()

    def seconds(self, row: str) -> float:
        """The median of a few calls."""
        if self.process.stdin is None:
            raise ValueError("the process has no input")
        self.process.stdin.write(row + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        line = "" if self.process.stdout is None else self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.name} ended")
        return json.loads(line)

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()


def compared(here: Version, there: Version, row: str, turns: int) -> dict[str, float]:
    """Both versions in turn, the first one changing: medians over the turns."""
    pairs: list[tuple[float, float]] = []
    for k in range(turns + 1):
        order = (here, there) if k % 2 else (there, here)
        found = {version.name: version.seconds(row) for version in order}
        pairs.append((found[here.name], found[there.name]))
    own, other = zip(*pairs[1:], strict=True)  # the first turn compiles
    return {
        "ratio": statistics.median(a / b for a, b in pairs[1:]),
        "here_ms": 1e3 * statistics.median(own),
        "there_ms": 1e3 * statistics.median(other),
    }


def over_starts(found: list[dict[str, float]]) -> dict[str, float]:
    """What several starts of both processes gave for a row."""
    ratios = [one["ratio"] for one in found]
    medians = {name: statistics.median(one[name] for one in found) for name in found[0]}
    return {**medians, "lowest": min(ratios), "highest": max(ratios)}


def _start(options: argparse.Namespace, other: Path) -> dict[str, dict[str, float]]:
    here, there = Version("here", ROOT / "src", options.threads), Version("there", other, options.threads)
    known = [row for row in here.rows if row in there.rows]
    found: dict[str, dict[str, float]] = {}
    for row in known if options.rows is None else [r for r in known if r.split(" ")[0] in options.rows]:
        found[row] = compared(here, there, row, options.turns)
        say(f"  {row:32s} {found[row]['ratio']:6.3f}")
    here.close()
    there.close()
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("commit", help="the other version, in git's words")
    p.add_argument("--rows", nargs="+", default=None, help="rows to time, by name (default: all)")
    p.add_argument("--starts", type=int, default=3, help="starts of both processes (default: 3)")
    p.add_argument("--turns", type=int, default=7, help="turns of each row in a start (default: 7)")
    p.add_argument("--threads", type=int, default=1, help="threads of each process (default: 1)")
    p.add_argument("--json", type=Path, default=None, help="write all numbers to this file")
    options = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="rheobase-paired-") as folder:
        other = Path(folder, "other")
        subprocess.run(
            ["git", "-C", str(ROOT), "worktree", "add", "-q", "--detach", str(other), options.commit], check=True
        )
        try:
            starts = [_start(options, other / "src") for _ in range(options.starts)]
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(other)], check=True)
    found = {row: over_starts([start[row] for start in starts]) for row in starts[0]}
    for row, r in found.items():
        say(
            f"{row:34s} {r['ratio']:6.3f}  ({r['lowest']:.3f} to {r['highest']:.3f})  {r['here_ms']:8.3f} ms "
            f"against {r['there_ms']:8.3f}"
        )
    if found:
        say(f"median of the ratios: {statistics.median(r['ratio'] for r in found.values()):.3f} over {len(found)} rows")
    if options.json is not None:
        options.json.write_text(json.dumps({"commit": options.commit, "rows": found}, indent=1))


if __name__ == "__main__":
    main()
