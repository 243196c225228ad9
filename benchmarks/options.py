"""What the benchmark scripts share: their command line and where results go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.contestants import LIBRARIES, installed
from benchmarks.measure import ROOT, write_results
from benchmarks.parity import failing


def parser(description: str | None) -> argparse.ArgumentParser:
    """--quick, --json, --budget, --threads: the same for every script."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="tiny sizes, to see that all runs; writes only with --json")
    p.add_argument("--json", type=Path, help="where the results go (default: benchmarks/results/)")
    p.add_argument("--budget", type=float, default=None, help="seconds of timing per comparison (default: 40, quick 1)")
    p.add_argument("--threads", type=int, default=None, help="torch's threads (default: as torch chooses)")
    return p


def add_libraries(p: argparse.ArgumentParser) -> None:
    """--libraries, --without-compile, --compile-limit: for the scripts in which peers compete."""
    p.add_argument("--libraries", nargs="+", choices=LIBRARIES, help="who competes (default: all that are installed)")
    p.add_argument("--without-compile", action="store_true", help="leave out torch.compile")
    p.add_argument("--compile-limit", type=float, default=900.0, help="seconds that one torch.compile may take")


def competitors(options: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    """Who competes, and who does not and why."""
    names, absent = installed()
    if options.libraries is not None:
        names, absent = list(options.libraries), {}
    if options.without_compile and "torch_compile" in names:
        names.remove("torch_compile")
        absent["torch_compile"] = "left out by hand"
    for name, reason in absent.items():
        say(f"{name} does not compete: {reason}")
    return names, absent


# By default glibc gives large blocks back to the system after each call, and the page faults of the next one (3 us
# each on a small virtual machine) drown what is timed, more or less by luck. So for all contestants it keeps them.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 32), "MALLOC_MMAP_THRESHOLD_": str(1 << 32)}


def keep_memory() -> None:
    """Start this program again with an allocator that keeps what it has, unless it was started so."""
    if any(name not in os.environ for name in KEEP_MEMORY):
        os.environ.update(KEEP_MEMORY)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def parsed(p: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of this run, with torch's threads set."""
    options = p.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.budget is None:
        options.budget = 1.0 if options.quick else 40.0
    return options


def earlier(name: str, options: argparse.Namespace, **same: Any) -> dict[str, Any]:
    """The cases of an earlier run of the same sizes, so that a run of some models keeps those of the others."""
    path = options.json or ROOT / "benchmarks" / "results" / f"{name}.json"
    if options.quick or not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    matches = all(json.dumps(found.get(key)) == json.dumps(value) for key, value in same.items())
    return found["cases"] if matches else {}


def say(line: str) -> None:
    """A line of progress, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def finish(name: str, options: argparse.Namespace, results: dict[str, Any]) -> None:
    """Write the results; those of a quick run never overwrite real ones.

    Raises: `SystemExit` for a record of kernels whose tests fail.
    """
    path = options.json or (None if options.quick else ROOT / "benchmarks" / "results" / f"{name}.json")
    if not options.quick and options.json is None and (told := failing(name)) is not None:
        raise SystemExit(f"not recorded: the tests that hold these kernels to the reference fail here ({told})")
    if path is not None:
        write_results(path, {"name": name, "quick": options.quick, **results})
        say(f"wrote {path}")
