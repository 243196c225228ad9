"""Training that survives a process: a network that is on another die at every batch."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.chip.mixed_signal.cells import changed, factors
from rheobase.chip.mixed_signal.devices import as_programmed, largest, on_dies
from rheobase.chip.mixed_signal.layers import bare, check_age, check_network, parts, replaced
from rheobase.chip.mixed_signal.numbers import MOST_SEED
from rheobase.chip.mixed_signal.presets import as_process
from rheobase.chip.mixed_signal.process import Process
from rheobase.core.declaration.population import Declared
from rheobase.core.neuron import Transition
from rheobase.core.wrappers.base import Wrapper
from rheobase.errors import ParameterError


class Current:
    """The die that a network is on while it trains: one for all its layers. None is the network as programmed."""

    def __init__(self) -> None:
        self.seed: int | None = None

    def __call__(self, net: nn.Module, given: Any) -> None:
        """Before each run of the network: a fresh die in training, none in evaluation."""
        self.seed = int(torch.randint(MOST_SEED, 1 << 62, ())) if net.training else None


class Programmed(nn.Module):
    """A weight as programmed, and in training as it is on the current die; the gradient is that of the identity.

    Shapes: weight (out, ...) -> the same.
    """

    def __init__(self, process: Process, current: Current, number: int, age: float):
        super().__init__()
        self.process, self.current, self.number, self.age = process, current, number, age

    def forward(self, weight: Tensor) -> Tensor:
        seed = self.current.seed if self.training else None
        if seed is None:
            value = as_programmed(weight, self.process)
        else:
            value = on_dies(weight.detach(), self.process, [seed], self.number, self.age)[0]
        # the value itself, and not the sum of a weight and a difference, which rounds
        return value.detach() + (weight - weight.detach())

    def extra_repr(self) -> str:
        return f"{self.process.name or self.process}"


class ReadNoise:
    """After a linear layer in training: the noise of reading its devices."""

    def __init__(self, process: Process):
        self.process = process

    def __call__(self, layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
        if not layer.training:
            return None
        x = given[0].detach().to(out.dtype)
        size = self.process.read_noise * largest(layer.parametrizations["weight"].original, self.process)  # type: ignore[index,union-attr]
        return out + size * x.square().sum(-1, keepdim=True).sqrt() * torch.randn_like(out)


class Mismatched(Wrapper):
    """A neuron whose constants, in training, are those of the die that its network is on; in evaluation, its own.

    `aware` puts it around neurons. Constants that are learnt keep their gradients.
    """

    own_params: ClassVar = {}
    own_states: ClassVar = {}

    neuron: Declared  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, neuron: Declared, cells: dict[str, float], current: Current, number: int):
        super().__init__(neuron)
        self.cells, self.current, self.number = cells, current, number

    def values(self) -> dict[str, Tensor]:
        values = self.neuron.values()
        seed = self.current.seed if self.training else None
        if seed is None:
            return values
        found = dict(values)
        for name, share in self.cells.items():
            device = values[name].device
            factor = factors(name, share, self.neuron, [seed], self.number, device)[0]
            found[name] = changed(values, name, factor)
        return found

    def transition(self, s: Any, i: Any) -> Transition:
        out, post, pre = self.inner().transition(self._split(s), i)  # type: ignore[attr-defined]
        return Transition(out, self.State(**post._asdict()), self.State(**pre._asdict()))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        states = self._inner_rest(batch, dtype, device)
        if self.current.seed is None or not self.training:
            return self.State(**states)
        values, die = self.values(), copy.deepcopy(self.neuron)
        for name in self.cells:
            die.assign(name, values[name].detach())
        states = die.rest(batch, dtype=dtype, device=device)._asdict()
        for name, spec in die.states.items():
            if spec.initial in self.cells and isinstance(spec.initial, str):
                # not that of the copy, since a constant that is learnt has its gradient from here, too
                states[name] = values[spec.initial].to(states[name]).expand_as(states[name]).contiguous()
        return self.State(**states)

    def __repr__(self) -> str:
        return f"Mismatched({self.neuron!r})"


def aware(net: nn.Module, process: Process | str, *, age: float = 0.0) -> nn.Module:
    """A copy of a network that is trained for a process: on a fresh die at every run, in training.

    In training, weights are rounded to the levels of the process, clipped to its range, and then take the values that
    they have on a random die; so do the constants of neurons. Gradients pass through all this as the identity (those of
    learnable constants are true derivatives). In evaluation there is no noise: the network is as programmed. Dies are
    drawn from torch's random state, so a resumed training sees the same ones; they are different from those of `dies`.
    `software` returns the network without the process. To keep one die for a whole batch, chunk the network first:
    aware(nn.Chunked(net), ...).

    `age` is that of the dies, in seconds.

    Raises: as `dies`; `ParameterError` for a network that is quantised, or aware, already; `NotRepresentable` for the
    read noise of layers that are not linear.

    >>> from rheobase import neurons
    >>> from rheobase.chip.mixed_signal import named
    >>> net = aware(nn.Sequential(nn.Linear(3, 2), neurons.LIF(2, dt=1.0)), named("dynap-se2"))
    >>> weight, _ = net(torch.ones(4, 1, 3)), net[0].weight.detach()
    """
    process = as_process(process)
    check_age(age, process)
    check_network(net)
    twin, current = copy.deepcopy(net), Current()
    if any(isinstance(module, Mismatched | Programmed) for module in twin.modules()):
        raise ParameterError("aware", "a network that is aware already", "a plain one", "software(net) gives it back")
    for part in parts(twin, process, clipped=True):
        module = part.module
        if part.weight:
            if parametrize.is_parametrized(module):
                raise ParameterError("aware", repr(module), "a layer with plain weights", "levels= of the process")
            parametrize.register_parametrization(module, part.weight, Programmed(process, current, part.number, age))
            if process.read_noise:
                module.register_forward_hook(ReadNoise(process))
        elif part.cells and isinstance(module, Declared):
            twin = replaced(twin, module, Mismatched(module, part.cells, current, part.number))
    twin.register_forward_pre_hook(current)
    return twin


def software(net: nn.Module) -> nn.Module:
    """A copy of a network without any process: what `aware` was given, with the weights learnt since then.

    The weights are those of full precision that stand behind the programmed ones, within the range of the process. A
    plain network is copied as it is.

    Raises: `ParameterError` for what is no network; `NotRepresentable` for a weight that a hook makes anew at each run.

    >>> from rheobase.chip.mixed_signal import named
    >>> net = nn.Sequential(nn.Linear(3, 2))
    >>> torch.equal(software(aware(net, named("dynap-se2")))[0].weight, net[0].weight)
    True
    """
    check_network(net)
    twin = copy.deepcopy(net)
    for module in list(twin.modules()):
        if isinstance(module, Mismatched):
            twin = replaced(twin, module, module.neuron)
        chains: Any = getattr(module, "parametrizations", None)
        behind = {name: one for name, chain in (chains or {}).items() for one in chain if isinstance(one, Programmed)}
        if behind:
            bare(module, original=True)
        for name, programmed in behind.items():
            # beyond the range it was clipped in every run, and a die has nothing beyond
            if (most := programmed.process.range) is not None:
                getattr(module, name).detach().clamp_(-most, most)
    for module in twin.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):  # pyright: ignore[reportPrivateUsage]
            for key, hook in list(hooks.items()):
                if isinstance(hook, Current | ReadNoise):
                    del hooks[key]
    return twin
