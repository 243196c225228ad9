"""Neurons made of declarations: collects `param`, `state`, `entry` and `option`, checks values and stores them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from rheobase.core.declaration.assignment import check_read
from rheobase.core.declaration.elsewhere import elsewhere
from rheobase.core.declaration.inputs import CURRENT, RESERVED, input_type
from rheobase.core.declaration.insertion import Inserted, expanded
from rheobase.core.declaration.parameter_sets import NamedSet, NamedSets, Shown, named_sets, set_in
from rheobase.core.declaration.words import EntrySpec, Option, ParamSpec, StateSpec
from rheobase.core.execution.check import checked_shape
from rheobase.core.neuron import Neuron
from rheobase.core.states import RNG, state_type
from rheobase.core.surrogates import ATan, Surrogate
from rheobase.errors import DeclarationError, ParameterError, nearest

COMMON = ("dt", "learn", "surrogate", "detach_reset", "detach_spike")
MILLIVOLTS = 0.2  # alpha of ATan for potentials in mV: it halves 3 mV from the threshold (ATan(): 0.3 from it)


class Declared(Neuron):
    """The common part of `OdeNeuron` and `MapNeuron`. Abstract.

    `detach_reset` is a keyword of every neuron, `detach_spike` of every `OdeNeuron`. The class attributes are the
    defaults, chosen so that the gradient stays finite over 10^4 spikes. `detach_reset` treats the spike in the reset as
    a constant: the gradient of a state after a spike then depends on the state before, not on whether there was a
    spike. `detach_spike` stops the gradient of all states at a spike, for dynamics that are themselves chaotic.
    """

    declared_options: ClassVar[dict[str, Option]]
    detach_reset: bool = False
    detach_spike: bool = False
    abstract: ClassVar[bool] = True
    needs_state: ClassVar[bool] = True
    single: ClassVar[bool] = False  # whether one alone may be made, of shape ()
    composed: ClassVar[bool] = False  # whether channels may be inserted
    inserted: ClassVar[tuple[Inserted, ...]] = ()

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.abstract = abstract
        if abstract:
            return
        if any(not getattr(base, "abstract", True) for base in cls.__mro__[1:]):
            raise DeclarationError(
                cls.__name__,
                "a subclass of a concrete neuron",
                "a final class",
                "wrap it, or write a new one",
            )
        members, cls.inserted = expanded(cls)
        cls.params = {k: v for k, v in members.items() if isinstance(v, ParamSpec)}
        cls.states = {k: v for k, v in members.items() if isinstance(v, StateSpec)}
        cls.declared_options = {k: v for k, v in members.items() if isinstance(v, Option)}
        usual = {k: v.default for k, v in cls.declared_options.items()}
        cls.params = {k: v.sized(_with_sizes(cls, usual)) for k, v in cls.params.items()}
        cls.entries = _entries(cls)
        cls.Input = input_type(cls, tuple(cls.entries))
        cls.input_unit = next(iter(cls.entries.values())).unit
        _check_declaration(cls)
        fields = [*cls.states, *(["above"] if getattr(cls, "crossing", False) else [])]
        cls.State = state_type(cls, tuple(fields))
        cls.__signature__ = _signature(cls)

    def __init__(
        self,
        *shape: int | Sequence[int],
        dt: float | None = None,
        learn: Iterable[str] = (),
        surrogate: Surrogate | None = None,
        detach_reset: bool | None = None,
        **values: Any,
    ):
        super().__init__()
        self._check_keywords(values)
        self.shape = () if self.single and not shape else checked_shape(type(self).__name__, shape)
        self.dt = dt
        self.learn = self._checked_learn(learn)
        self.surrogate = self.usual_surrogate() if surrogate is None else surrogate
        if isinstance(self.surrogate, type) or not isinstance(self.surrogate, Surrogate):
            raise ParameterError(
                type(self).__name__,
                f"surrogate {surrogate!r}",
                "derivative and primitive",
                "see rheobase.surrogates",
            )
        self.detach_reset = self._checked_choice("detach_reset", detach_reset)
        self.options: dict[str, Any] = {}
        for name, spec in self.declared_options.items():
            chosen = values.pop(name, spec.default)
            spec.check(type(self).__name__, chosen)
            self.options[name] = chosen
        if any(spec.least is not None for spec in self.declared_options.values()):
            self.params = {name: vars(type(self))[name].sized(self.options) for name in self.params}
        for name, spec in self.params.items():
            setattr(self, name, values.get(name, spec.default))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).params:
            if name in self.learn:
                self.params[name].check_start(type(self).__name__, self._numbers(name, value))
            self.assign(name, value)
        else:
            check_read(self, name, Declared)
            if name == "dt":
                value = self._checked_dt(value)
            super().__setattr__(name, value)

    @classmethod
    def draw(cls, *shape: int | Sequence[int], seed: int = 0, **given: Any) -> Self:
        """A population in which every parameter that the paper draws has a value for each neuron, drawn uniformly.

        >>> from rheobase import neurons
        >>> neurons.AdLIF.draw(3, seed=1, b=0.5).alpha.shape
        torch.Size([3])
        """
        sizes = checked_shape(cls.__name__, shape)
        generator = torch.Generator().manual_seed(seed)
        chosen = {name: given.get(name, spec.default) for name, spec in cls.declared_options.items()}
        for name in cls.params:
            spec: ParamSpec = vars(cls)[name].sized(chosen)
            ends = spec.range or spec.clamp
            if spec.draw and ends is not None:
                low, high = ends
                drawn = torch.rand((*spec.size, *sizes), generator=generator) * (high - low) + low  # type: ignore[operator]
                given.setdefault(name, drawn)
        return cls(*sizes, **given)

    @classmethod
    def usual_surrogate(cls) -> Surrogate:
        """The default surrogate: `ATan`, ten times as wide for a membrane potential in mV."""
        potential = cls.states.get("v")
        return ATan(MILLIVOLTS) if potential is not None and potential.unit == "mV" else ATan()

    @classmethod
    def sets(cls) -> NamedSets:
        """The named parameter sets of this neuron, of the TOML file beside its equations (`parameter_sets`)."""
        return NamedSets(named_sets(cls))

    @classmethod
    def named_set(cls, name: str | Path) -> NamedSet:
        """The parameter set of that name, or the one in a .toml file, as `rheobase fit` writes it.

        Raises: `ParameterError` for a name that there is not, `DataError` for a file without a set of this neuron.
        """
        if isinstance(name, Path) or str(name).endswith(".toml"):
            return set_in(cls, name)
        known = named_sets(cls)
        if name not in known:
            raise ParameterError(cls.__name__, f"set {name!r}", "the name of a set", nearest(str(name), known))
        return known[name]

    @classmethod
    def named(cls, name: str | Path, *shape: int | Sequence[int], **given: Any) -> Self:
        """A population with a named parameter set, or that of a fit; keyword arguments override its values.

        Raises: `ParameterError` for a name that there is not, `DataError` for a file without a set of this neuron.
        """
        found = cls.named_set(name)
        return cls(*shape, **{**found.values, **found.options, **given})

    def start(self, shown: Shown, batch: int = 1) -> Any:
        """The state in which a protocol starts: at rest, but for the states that it names."""
        rest = self.rest(batch)
        return self._above(rest._replace(**{k: torch.full_like(getattr(rest, k), v) for k, v in shown.start.items()}))

    # --- parameters -----------------------------------------------------------------------------------
    def value(self, name: str) -> Tensor:
        """The current value of a parameter; a learnable one may be stored otherwise (see `ParamSpec`)."""
        learnable = name in self.learn
        spec = self.params[name]
        stored = spec.stored_name(learnable)
        held = self._parameters if learnable else self._buffers
        tensor = held[stored]
        if tensor is None:
            raise ParameterError(type(self).__name__, f"no value of {name}", "a tensor", "assign it")
        return spec.from_stored(tensor, learnable)

    def _numbers(self, name: str, value: Any) -> Tensor:
        return self.params[name].tensor(type(self).__name__, value, self.shape).double()

    def assign(self, name: str, value: Any) -> None:
        """Give a parameter a new value: a number, or a tensor that broadcasts to `shape`."""
        spec, learnable, owner = self.params[name], name in self.learn, type(self).__name__
        stored = spec.stored_name(learnable)
        held: dict[str, Any] = self._parameters if learnable else self._buffers
        old = held.get(stored)
        dtype = torch.get_default_dtype() if old is None else old.dtype
        given = self._numbers(name, value)
        spec.check(owner, given, learnable)
        spec.check(owner, given.to(dtype))  # again: it may overflow or underflow in the stored type
        exact = spec.to_stored(given, learnable)
        tensor = exact.to(device=None if old is None else old.device, dtype=dtype, copy=True)
        if old is None:
            held[stored] = nn.Parameter(tensor) if learnable else tensor
        elif old.shape == tensor.shape:
            with torch.no_grad():
                old.copy_(tensor)
        elif learnable:
            # the same parameter, which an optimiser knows
            old.data, old.grad = tensor, None
        else:
            held[stored] = tensor
        self.remember(stored, exact, held[stored])

    def values(self) -> dict[str, Tensor]:
        return {k: x for name, spec in self.params.items() for k, x in spec.entries(name, self.value(name)).items()}

    # --- rest -----------------------------------------------------------------------------------------
    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        if dtype is None or device is None:
            first = next(iter(self.values().values()), torch.zeros(()))
            dtype, device = dtype or first.dtype, device or first.device
        start = {
            name: getattr(self, spec.initial) if isinstance(spec.initial, str) else spec.initial
            for name, spec in self.states.items()
        } | self.resting()
        full = (batch, *self.shape)
        tensors = {
            # a fresh tensor for each, so that no two states share memory
            k: torch.as_tensor(v, dtype=dtype, device=device).expand(full).clone(memory_format=torch.contiguous_format)
            for k, v in start.items()
        }
        return self._complete_rest(tensors)

    def resting(self) -> dict[str, Tensor]:
        """Resting values that are solved for rather than declared (SRC's fixed point)."""
        return {}

    def _complete_rest(self, tensors: dict[str, Tensor]) -> Any:
        return self.State(**tensors)

    def _above(self, s: Any) -> Any:
        """The state with its field `above` recomputed from the threshold, where it has that field."""
        return s

    # --- checks -----------------------------------------------------------------------------------------
    def _check_keywords(self, values: Mapping[str, Any]) -> None:
        """Raise for a keyword that is not declared, or is None: `elsewhere` says what another library means by it."""
        owner = type(self).__name__
        known = [k for k in inspect.signature(type(self)).parameters if k != "shape"]
        for name, value in values.items():
            declared = name in self.params or name in self.declared_options
            if not declared:
                remedy = elsewhere(owner, name, value, known) or nearest(name, known)
                raise ParameterError(owner, f"parameter {name!r}", "a declared one", remedy)
            if value is None and name in self.params:
                remedy = elsewhere(owner, name, value, known) or f"leave it out for {self.params[name].default}"
                raise ParameterError(owner, f"{name} = None", "a number or a tensor", remedy)

    def _checked_dt(self, dt: float | None) -> float | None:
        raise NotImplementedError

    def _checked_choice(self, name: str, given: bool | None) -> bool:
        usual = getattr(type(self), name)
        if given is not None and not isinstance(given, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError(
                type(self).__name__, f"{name} = {given!r}", "True or False", f"it is {usual} by default"
            )
        return usual if given is None else given

    def _checked_learn(self, learn: Iterable[str]) -> tuple[str, ...]:
        alone = isinstance(learn, str) or not isinstance(learn, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
        names: tuple[Any, ...] = (learn,) if alone else tuple(learn)
        for name in names:
            if name not in self.params:
                raise ParameterError(
                    type(self).__name__,
                    f"learn {name!r}",
                    "the name of a parameter",
                    nearest(str(name), self.params),
                )
        return tuple(n for n in self.params if n in names)

    # --- representation -----------------------------------------------------------------------------------
    def __repr__(self) -> str:
        parts = [", ".join(map(str, self.shape))] if self.shape else []
        parts += self._repr_options()
        for name, spec in self.params.items():
            value = self.value(name).detach()
            learnable = name in self.learn
            # a vector of equal entries is shown as one number
            each = value.flatten()[0] if spec.size and bool((value == value.flatten()[0]).all()) else value
            if each.dim() == 0 and value.dim() == len(spec.size):
                value = each
            if value.dim() == 0 and _number(value, learnable) == _number(value.new_tensor(spec.default), learnable):
                continue
            short = _number(value, learnable) if value.dim() == 0 else f"torch.tensor({value.tolist()})"
            parts.append(f"{name}={short if value.numel() <= 8 else f'<{tuple(value.shape)}>'}")
        parts += [f"{k}={v!r}" for k, v in self.options.items() if v != self.declared_options[k].default]
        if self.learn:
            parts.append(f"learn={self.learn!r}")
        if self.surrogate != self.usual_surrogate():
            parts.append(f"surrogate={self.surrogate!r}")
        for name in ("detach_reset", "detach_spike"):
            if getattr(self, name) != getattr(type(self), name):
                parts.append(f"{name}={getattr(self, name)}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_options(self) -> list[str]:
        return []


def _number(value: Tensor, learnable: bool) -> str:
    """The shortest decimal that is this value; of a learnable one, which is stored otherwise, the digits that last."""
    if learnable:
        return f"{float(value):.{6 if value.dtype.itemsize < 8 else 14}g}"
    digits = (f"{float(value):.{n}g}" for n in range(6, 18))
    return next(text for text in digits if bool(value.new_tensor(float(text)) == value))


def _entries(cls: type[Declared]) -> dict[str, EntrySpec]:
    """The inputs of a class: those it declares, or one current in its `input_unit`."""
    found = {k: v for k, v in vars(cls).items() if isinstance(v, EntrySpec)}
    if not found:
        return {CURRENT: EntrySpec(cls.input_unit, "input")}
    if "input_unit" in vars(cls):
        given = f"input_unit and the entries {', '.join(found)}"
        raise DeclarationError(cls.__name__, given, "one of them", "an entry has its own unit")
    return found


def _with_sizes(cls: type[Declared], options: dict[str, Any]) -> dict[str, Any]:
    """The options that may be a size. Raises `DeclarationError` for a size that is none of them."""
    whole = {k: options[k] for k, spec in cls.declared_options.items() if spec.least is not None}
    for name, spec in cls.params.items():
        for n in spec.size:
            if isinstance(n, str) and n not in whole:
                expected = "a number, or an option that is a whole number"
                raise DeclarationError(cls.__name__, f"{name} of size {spec.size}", expected, nearest(n, whole))
    return whole


def _check_declaration(cls: type[Declared]) -> None:
    if cls.needs_state and not cls.states:
        raise DeclarationError(cls.__name__, "no state", "at least one `state(...)`", "declare the membrane potential")
    for name, spec in cls.states.items():
        if isinstance(spec.initial, str) and spec.initial not in cls.params:
            raise DeclarationError(
                cls.__name__,
                f"state {name} starts at {spec.initial!r}",
                "a number or a parameter",
                nearest(spec.initial, cls.params),
            )
    for name in (*cls.params, *cls.states, *cls.declared_options, *(k for k in cls.entries if k != CURRENT)):
        if name in dir(Declared) or name in COMMON or name in ("above", "step", "out", RNG, *RESERVED):
            raise DeclarationError(
                cls.__name__, f"the name {name!r}", "one that is free", "it has a meaning of its own"
            )


def _signature(cls: type[Declared]) -> inspect.Signature:
    kinds = inspect.Parameter
    common = [
        # the default None is shown as the value that the class has
        p.replace(default=getattr(cls, p.name)) if p.name in ("detach_reset", "detach_spike") else p
        for p in inspect.signature(cls.__init__).parameters.values()
        if p.kind == kinds.KEYWORD_ONLY
    ]
    declared = [
        kinds(k, kinds.KEYWORD_ONLY, default=v.default) for k, v in {**cls.params, **cls.declared_options}.items()
    ]
    return inspect.Signature([kinds("shape", kinds.VAR_POSITIONAL), *common, *declared])
