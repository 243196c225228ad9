"""A network as it is on one die."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.checks import is_whole
from rheobase.chip.mixed_signal.aware import software
from rheobase.chip.mixed_signal.cells import changed, factors
from rheobase.chip.mixed_signal.devices import as_programmed, largest, on_dies
from rheobase.chip.mixed_signal.layers import Part, bare, check_age, parts, replaced
from rheobase.chip.mixed_signal.numbers import MOST_SEED, Kind, stream
from rheobase.chip.mixed_signal.presets import as_process
from rheobase.chip.mixed_signal.process import Process
from rheobase.chip.mixed_signal.reading import ReadLinear
from rheobase.core.declaration.population import Declared
from rheobase.errors import ParameterError
from rheobase.nn import Chunked


def on_die(net: nn.Module, process: Process | str, seed: int, *, age: float = 0.0) -> nn.Module:
    """A copy of a network as it is on the die of this seed: an ordinary network, with the die's weights and constants.

    `dies` finds the same for it. Biases are exact, as they are where they are digital. Of a network that `aware` made,
    the software network is what is put on the die. `age` is in seconds.

    Raises: `ParameterError` for a seed that is no whole number from 0 to 2^32 - 1; as `dies`.

    >>> from rheobase.chip.mixed_signal import named
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.constant_(layer.weight, 0.5)
    >>> die = on_die(nn.Sequential(layer), named("dynap-se2"), seed=7)
    >>> [round(weight, 3) for weight in die[0].weight[0].tolist()]
    [0.493, 0.502]
    """
    if not is_whole(seed, 0, MOST_SEED - 1):
        raise ParameterError("a die", f"seed={seed!r}", "a whole number from 0 to 2^32 - 1", "seed=0 is the first die")
    process = as_process(process)
    check_age(age, process)
    twin = meant(net, process)
    for part in parts(twin, process):
        if part.weight:
            with torch.no_grad():
                value = on_dies(part.tensor, process, [seed], part.number, age)[0]
                size = process.read_noise * float(largest(part.tensor, process))
            set_weight(part, value)
            if size and isinstance(part.module, nn.Linear):
                reading = ReadLinear(part.module, size, seed, stream(part.number, Kind.READ))
                twin = replaced(twin, part.module, reading)
        elif isinstance(part.module, Declared):
            values = part.module.values()
            for name, share in (part.cells or {}).items():
                factor = factors(name, share, part.module, [seed], part.number, values[name].device)[0]
                part.module.assign(name, changed(values, name, factor.view(part.module.shape)))
    return twin


def programmed(net: nn.Module, process: Process) -> nn.Module:
    """A copy of a network with the weights that are aimed at, on levels and in the range; all else as in software."""
    twin = meant(net, process)
    for part in parts(twin, process):
        if part.weight:
            set_weight(part, as_programmed(part.tensor, process))
    return twin


def meant(net: nn.Module, process: Process) -> nn.Module:
    """A copy of the software network, in evaluation: what is put on a die.

    Where read noise counts the steps of a run, the run is not in chunks, each of which would have the same noise.
    """
    twin = software(net).eval()
    if process.read_noise:
        for module in list(twin.modules()):
            if isinstance(module, Chunked):
                twin = replaced(twin, module, module.net)
    return twin


def set_weight(part: Part, value: Tensor) -> None:
    """Give a layer this weight, in place of one that was made of another, or that another layer shares."""
    if parametrize.is_parametrized(part.module):
        bare(part.module, original=False)
    learns = getattr(part.module, part.weight).requires_grad
    setattr(part.module, part.weight, nn.Parameter(value.detach(), requires_grad=learns))
