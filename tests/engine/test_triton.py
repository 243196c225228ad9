"""The GPU kernels: in Triton's interpreter, and through Triton's compiler, both without a GPU."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rheobase import errors, neurons

HERE = Path(__file__).parent
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")


def run_file(name: str, **environment: str) -> None:
    """The tests of a file in a process of their own: Triton looks at its environment once."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", str(HERE / name)],
        cwd=HERE.parents[1],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_triton
def test_parity_in_the_interpreter() -> None:
    run_file("triton_parity.py", TRITON_INTERPRET="1")


@needs_triton
def test_compiles_for_a_gpu(tmp_path: Path) -> None:
    run_file("triton_compiled.py", TRITON_INTERPRET="0", TRITON_CACHE_DIR=str(tmp_path))


def test_asked_for_without_a_gpu() -> None:
    with pytest.raises(errors.BackendUnavailable, match=r"on cpu, it runs on cuda"):
        neurons.LIF(3, dt=1.0)(torch.zeros(1, 1, 3), backend="triton")
