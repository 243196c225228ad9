"""The layers of a network that a die changes, numbered as its random numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from rheobase.checks import is_number
from rheobase.chip.mixed_signal.cells import constants
from rheobase.chip.mixed_signal.process import Process
from rheobase.core.declaration.population import Declared
from rheobase.core.neuron import Neuron
from rheobase.errors import NotRepresentable, ParameterError
from rheobase.nn.quantise import WEIGHTS

STREAMS = 11  # constants of one neuron that a layer has streams for


@dataclass(frozen=True)
class Part:
    """A module with a weight, or a neuron: its path and number, its weight's name, or the constants that differ."""

    path: str
    module: nn.Module
    number: int
    weight: str = ""
    cells: dict[str, float] | None = None

    @property
    def tensor(self) -> Tensor:
        """The weight."""
        return getattr(self.module, self.weight)


def parts(net: nn.Module, process: Process, *, clipped: bool = False) -> list[Part]:
    """Everything in a network that is on a die, in order; `clipped`: weights beyond the range will be.

    Raises: `ParameterError` for what is no network, or has no weights; `NotRepresentable` for layers with learnable
    parameters of another kind, for neurons with noise of their own, for weights beyond the range and for neurons whose
    constants cannot differ.
    """
    if not isinstance(net, nn.Module):
        raise ParameterError("a die", type(net).__name__, "a network", "nn.Sequential(...)")
    found = list[Part]()
    for path, module in net.named_modules():
        name = next((name for kind, name in WEIGHTS.items() if isinstance(module, kind)), None)
        place = f"{path or 'the network'} ({type(module).__name__})"
        if isinstance(module, Neuron) and module.noisy:
            remedy = "take the noise out; read_noise of the process is that of synapses"
            raise NotRepresentable("a die", f"{place}, with noise of its own", "neurons without", remedy)
        if isinstance(module, Declared):
            differing = constants(module, process)
            if len(module.params) > STREAMS and differing:
                given = f"{place}, with {len(module.params)} constants"
                raise NotRepresentable("a die", given, f"at most {STREAMS}", "a simpler neuron")
            found.append(Part(path, module, len(found), cells=differing))
        elif name is not None:
            part = Part(path, module, len(found), weight=name)
            _check_weight(place, part, None if clipped else process.range)
            _check_reading(place, part, process)
            found.append(part)
        elif not isinstance(module, ParametrizationList) and _learns(module):
            expected = "linear, convolutional and lateral weights, and neurons"
            remedy = "leave the layer out, or fold it into the weights"
            raise NotRepresentable("a die", f"{place}, whose parameters are no conductances", expected, remedy)
    if not any(part.weight for part in found):
        raise ParameterError("a die", type(net).__name__, "a network with weights", "add a linear layer")
    return found


def _learns(module: nn.Module) -> bool:
    return any(p.requires_grad for p in module.parameters(recurse=False))


def _check_weight(place: str, part: Part, most: float | None) -> None:
    size = part.tensor.detach().abs().amax()
    if not bool(size.isfinite()):
        raise ParameterError("a die", f"weights of {place} that are NaN or infinite", "finite weights", "train it anew")
    if most is not None and float(size) > most * (1 + 1e-6):
        given, expected = f"a weight of {float(size):.4g} in {place}", f"at most range = {most:g}"
        remedy = "train with mixed_signal.aware, which clips; or range=None, a gain behind each array"
        raise NotRepresentable("a die", given, expected, remedy)


def _check_reading(place: str, part: Part, process: Process) -> None:
    if process.read_noise and not isinstance(part.module, nn.Linear):
        given = f"{place}, and read_noise = {process.read_noise:g}"
        remedy = "a process with read_noise=0, or linear layers"
        raise NotRepresentable("a die", given, "read noise of linear layers alone", remedy)


def put(net: nn.Module, path: str, module: nn.Module) -> None:
    """Replace the module at this path."""
    above, _, name = path.rpartition(".")
    setattr(net.get_submodule(above), name, module)


def bare(module: nn.Module, *, original: bool) -> None:
    """Make a parametrised module of a copied network a plain one, with the original tensors, or with what they became.

    torch's own `remove_parametrizations` takes the weight from the class, which copies share: the network that was
    copied would lose its own.
    """
    chains: Any = module.parametrizations
    held = {name: chain.original if original else getattr(module, name) for name, chain in chains.items()}
    module.__class__ = type(module).__bases__[0]
    del module.parametrizations
    for name, tensor in held.items():
        module.register_parameter(name, nn.Parameter(tensor.detach().clone()))


def check_age(age: float, process: Process) -> None:
    """Raise `ParameterError` unless `age` is a time in seconds, and 0 where nothing drifts."""
    if not is_number(age, least=0):
        raise ParameterError("a die", f"age={age!r}", "seconds, a finite number >= 0", "age=86400.0 is a day")
    if age and process.drift is None:
        given, expected = f"age={age:g} for a process without drift", "0, as nothing changes"
        raise ParameterError("a die", given, expected, 'leave it out, or take named("pcm")')
