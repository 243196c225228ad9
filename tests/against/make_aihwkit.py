"""Write what `test_aihwkit.py` compares with: one layer's outputs on 200 dies, by the noise models of IBM's aihwkit.

    python tests/against/make_aihwkit.py [--source FOLDER]

needs `aihwkit`, which is no dependency of rheobase. Where its compiled part cannot be built, `--source` names the
folder `src` of its unpacked source distribution: the noise models are plain Python on torch, read from there alone.
The weights and the input are drawn by `layer`, here and in the test.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

FILE = Path(__file__).parent / "traces" / "aihwkit.npz"
DIES, OUTPUTS, INPUTS, DAY = 200, 8, 48, 86400.0
# of a process, seconds after programming
CASES = {"pcm-hour": 3600.0, "pcm-day": DAY, "reram": 1.0, "reram-2-days": 2 * DAY}


def layer() -> tuple[Tensor, Tensor]:
    """Weights (outputs, inputs) and an input of spikes, (inputs,)."""
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(OUTPUTS, INPUTS, generator=draw, dtype=torch.float64)
    return weight.float(), (torch.rand(INPUTS, generator=draw, dtype=torch.float64) < 0.4).float()


def from_source(folder: Path) -> str:
    """Let aihwkit's plain modules be imported without the packages around them; its version."""
    for name in ("aihwkit", "aihwkit.inference", "aihwkit.inference.noise", "aihwkit.inference.converter"):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")))]
    return (folder / "aihwkit" / "VERSION.txt").read_text().strip()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--source", type=Path)
    source = options.parse_args().source
    if source is None:
        import aihwkit

        version = aihwkit.__version__
    else:
        version = from_source(source)
    from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
    from aihwkit.inference.noise.reram import ReRamWan2022NoiseModel

    weight, x = layer()
    held: dict[str, Any] = {"version": version}
    torch.manual_seed(1)
    for name, age in CASES.items():
        # the fit of the second is of 40 uS
        model = PCMLikeNoiseModel(g_max=25.0) if name.startswith("pcm") else ReRamWan2022NoiseModel(g_max=40.0)
        held[name] = np.stack([(model.apply_noise(weight.clone(), age) @ x).numpy() for _ in range(DIES)])
    np.savez_compressed(FILE, **held)


if __name__ == "__main__":
    main()
