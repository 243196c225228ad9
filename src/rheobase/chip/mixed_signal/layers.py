"""The layers of a network that a die changes, numbered as its random numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrize import ParametrizationList

from rheobase.checks import is_number
from rheobase.chip.mixed_signal.cells import check_names, constants, share_of
from rheobase.chip.mixed_signal.process import Process
from rheobase.core.declaration.population import Declared
from rheobase.core.neuron import Neuron
from rheobase.core.wrappers import Wrapper
from rheobase.errors import NotRepresentable, ParameterError
from rheobase.nn import SpikeLinear
from rheobase.nn.quantise import WEIGHTS, kind_of

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

    Raises: `ParameterError` for what is no network, or has no weights, and for constants of no neuron;
    `NotRepresentable` for layers with parameters of another kind, for neurons with noise of their own, for weights
    beyond the range and for neurons whose constants cannot differ.
    """
    check_network(net)
    found = list[Part]()
    for path, module in net.named_modules():
        name = _weight_of(module)
        place = _place(path, module)
        if isinstance(module, Neuron) and module.noisy:
            remedy = "take the noise out; read_noise of the process is that of synapses"
            raise NotRepresentable("a die", f"{place}, with noise of its own", "neurons without", remedy)
        if isinstance(module, Declared):
            differing = constants(module, process)
            if len(module.params) > STREAMS and differing:
                given = f"{place}, with {len(module.params)} constants"
                raise NotRepresentable("a die", given, f"at most {STREAMS}", "a simpler neuron")
            found.append(Part(path, module, len(found), cells=differing))
        elif isinstance(module, Wrapper):
            own = [name for name in module.own_params if share_of(name, process)]
            if own:
                remedy = f"name the constants of neurons without {own[0]!r}, or take the wrapper off"
                raise NotRepresentable("a die", f"{place}, with {own[0]}", "constants of the neuron itself", remedy)
        elif name is not None:
            part = Part(path, module, len(found), weight=name)
            _check_weight(place, part, None if clipped else process.range)
            _check_reading(net, place, part, process)
            found.append(part)
        elif not isinstance(module, ParametrizationList) and any(True for _ in module.parameters(recurse=False)):
            expected = "linear, convolutional and lateral weights, and neurons"
            remedy = "leave the layer out, or fold it into the weights"
            raise NotRepresentable("a die", f"{place}, whose parameters are no conductances", expected, remedy)
    if not any(part.weight for part in found):
        raise ParameterError("a die", type(net).__name__, "a network with weights", "add a linear layer")
    present = {name for part in found if isinstance(part.module, Declared) for name in part.module.params}
    check_names(process, present)
    return found


def check_network(net: nn.Module) -> None:
    """Raise unless this is a network, and its weights are parameters, or made of them, before anything is copied.

    A weight that a hook makes anew at each run (torch's prune and the older spectral_norm) would stay what it was.
    """
    if not isinstance(net, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError("a die", type(net).__name__, "a network", "nn.Sequential(...)")
    for path, module in net.named_modules():
        name = _weight_of(module)
        if name is None or parametrize.is_parametrized(module, name):
            continue
        if not isinstance(module._parameters.get(name), nn.Parameter):  # pyright: ignore[reportPrivateUsage]
            given = f"{_place(path, module)}, whose {name} a hook makes anew at each run"
            remedy = "make it a parameter: torch.nn.utils.prune.remove, remove_spectral_norm, or a parametrization"
            raise NotRepresentable("a die", given, "a weight that is a parameter", remedy)


def _weight_of(module: nn.Module) -> str | None:
    return next((name for kind, name in WEIGHTS.items() if isinstance(module, kind)), None)


def _place(path: str, module: nn.Module) -> str:
    return f"{path or 'the network'} ({type(module).__name__})"


def plainly_linear(module: nn.Module) -> bool:
    """Whether a layer does no more than x W + b, so that others may do it in its place."""
    return kind_of(module) in (nn.Linear, SpikeLinear)


def _check_weight(place: str, part: Part, most: float | None) -> None:
    if not part.tensor.numel():
        shape = tuple(part.tensor.shape)
        raise ParameterError("a die", f"{place}, with a weight of shape {shape}", "weights", "leave the layer out")
    size = part.tensor.detach().abs().amax()
    if not bool(size.isfinite()):
        raise ParameterError("a die", f"weights of {place} that are NaN or infinite", "finite weights", "train it anew")
    if most is not None and float(size) > most * (1 + 1e-6):
        given, expected = f"a weight of {float(size):.4g} in {place}", f"at most range = {most:g}"
        remedy = "train with mixed_signal.aware, which clips; or range=None, a gain behind each array"
        raise NotRepresentable("a die", given, expected, remedy)


def _check_reading(net: nn.Module, place: str, part: Part, process: Process) -> None:
    if not process.read_noise:
        return
    given, remedy = f"{place}, and read_noise = {process.read_noise:g}", "a process with read_noise=0, or "
    if not plainly_linear(part.module):
        raise NotRepresentable("a die", given, "read noise of linear layers alone", f"{remedy}linear layers")
    # the numbers of a layer are those of one read in a step
    if sum(module is part.module for _, module in net.named_modules(remove_duplicate=False)) > 1:
        given = f"{given}, at several places of the network"
        raise NotRepresentable("a die", given, "a layer that is read once in a step", f"{remedy}a copy at each place")


def replaced(net: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    """The network with another module in place of one, wherever it stands; `new` itself may hold `old`."""
    if net is old:
        return new
    for above in list(net.modules()):
        # not named_children, which has each module once
        for name, module in list(above._modules.items()):  # pyright: ignore[reportPrivateUsage]
            if module is old:
                setattr(above, name, new)
    return net


def bare(module: nn.Module, *, original: bool) -> None:
    """Make a parametrised module of a copied network a plain one, with the original tensors, or with what they became.

    torch's own `remove_parametrizations` takes the weight from the class, which copies share: the network that was
    copied would lose its own.
    """
    chains: Any = module.parametrizations
    # an original stays the parameter it is, frozen or not, and shared with another layer or not
    held = {
        name: chain.original if original else nn.Parameter(getattr(module, name).detach().clone())
        for name, chain in chains.items()
    }
    module.__class__ = type(module).__bases__[0]
    del module.parametrizations
    for name, tensor in held.items():
        module.register_parameter(name, tensor)


def check_age(age: float, process: Process) -> None:
    """Raise `ParameterError` unless `age` is a time in seconds, and 0 where nothing drifts."""
    if not is_number(age, least=0):
        raise ParameterError("a die", f"age={age!r}", "seconds, a finite number >= 0", "age=86400.0 is a day")
    if age and process.drift is None:
        given, expected = f"age={age:g} for a process without drift", "0, as nothing changes"
        raise ParameterError("a die", given, expected, 'leave it out, or take named("pcm")')
