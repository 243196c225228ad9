"""What a network is beside its tensors: the classes of its modules, and the choices that a state dict does not hold."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

import torch
from torch import nn

from rheobase.core.declaration.exact import Exact
from rheobase.learning.training.samples import described

_SCALARS = (bool, int, float, str, type(None), torch.dtype)
_MOVING = ("training", "derived")  # the mode, and what backends keep


def network_facts(net: nn.Module) -> dict[str, dict[str, str]]:
    """For each module by its path: its class, and what was chosen for it, as text; no value that is trained.

    Modules are neurons and those of torch and of this package. Choices are attributes that are numbers, words, tuples
    of these, or frozen objects (a surrogate, an integrator). Of somebody's own module nothing is said: an attribute may
    be a count of its calls, and a class that mends another goes on with its run.

    >>> from rheobase import neurons
    >>> network_facts(nn.Sequential(nn.Dropout(0.2), neurons.LIF(2, dt=1.0)))["1"]["dt"]
    '1.0'
    """
    return {path or "(net)": _facts(module) for path, module in net.named_modules() if _is_known(module)}


def _is_known(module: nn.Module) -> bool:
    return isinstance(module, Exact) or type(module).__module__.partition(".")[0] in ("torch", "rheobase")


def _facts(module: nn.Module) -> dict[str, str]:
    found = {"class": type(module).__qualname__}
    for name, value in sorted(vars(module).items()):
        if not name.startswith("_") and name not in _MOVING and _is_choice(value):
            found[name] = described(value)
    return found


def _is_choice(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(one, _SCALARS) for one in value.values())
    if isinstance(value, (tuple, list)):
        return all(_is_choice(one) for one in value)
    frozen = is_dataclass(value) and not isinstance(value, type) and value.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return frozen or isinstance(value, _SCALARS)
