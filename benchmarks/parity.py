"""The tests that hold a benchmark's kernels to the reference: while they fail, no figure is recorded."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys

from benchmarks.measure import ROOT

EVERY_NEURON = ("tests/contract/test_parity.py", "-k", "test_parameter_shapes and scalar")
TESTS: dict[str, tuple[str, ...]] = {
    "cells": ("tests/cells/test_against_neuron.py", "tests/cells/test_cell.py"),
    "cs_gru": ("tests/nn/test_cs_gru.py",),
    "delay": ("tests/nn/test_delay.py",),
    "dqif": ("tests/contract/test_parity.py", "-k", "DQIF"),
    "event_driven": ("tests/event_driven",),
    "folders": ("tests/data/test_folders.py", "tests/data/test_event_files.py", "tests/data/test_audio_files.py"),
    "jaxley_cells": ("tests/cells/test_cell.py",),
    "population": ("tests/cells/test_populations.py",),
    "profiler_rows": ("tests/profiling/test_profiler_rows.py",),
    "rallpack": ("tests/cells/test_rallpack.py",),
    "rounds": ("tests/engine/test_rounds.py",),
    "schemes": ("tests/cells/test_schemes.py",),
    "series_search": ("tests/data/test_series.py",),
    "synapses": ("tests/cells/test_synapses.py", "tests/against/test_synapses.py"),
    "timeseries": ("tests/data/test_series.py",),
    "truenorth": ("tests/chip",),
    "tree": ("tests/engine/test_tree.py",),
}


@functools.cache
def failing(name: str) -> str | None:
    """The last line of the tests of a benchmark, if they do not pass here; once in a process."""
    inside = importlib.util.find_spec("pytest") is not None
    python = sys.executable if inside else str(ROOT / ".venv" / "bin" / "python")
    command = [python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS.get(name, EVERY_NEURON)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return None if ran.returncode == 0 else (ran.stdout.strip().splitlines() or [ran.stderr.strip()])[-1]
