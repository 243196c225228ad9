"""`import rheobase` loads torch and little else; what is heavy is loaded by what uses it."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.house.source import SRC

HEAVY = (
    "h5py", "html.entities", "igor2", "lightning_fabric", "llvmlite", "matplotlib", "neo", "numba", "pooch", "pyabf",
    "requests", "rich", "scipy", "sklearn", "tensorboard", "torch._dynamo", "torch._inductor", "triton", "typer",
)  # fmt: skip


def loaded_by(code: str) -> list[str]:
    """Which of the heavy modules a fresh process has after running the code."""
    listing = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{listing}"],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_import_is_light() -> None:
    already = loaded_by("import torch")
    added = [name for name in loaded_by("import rheobase") if name not in already]
    assert not added, f"`import rheobase` loads {added}; import them inside the functions that use them"


def test_import_is_silent() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import rheobase"],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_rule_bites() -> None:
    assert loaded_by("import h5py") == ["h5py"]


def test_import_provides_the_kernels() -> None:
    """Whatever is imported first: without them all would run on the reference, which nobody is told of."""
    code = "from rheobase import neurons; import torch; neurons.LIF(3, dt=1.0)(torch.ones(2, 1, 3), backend='llvm')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
