"""Which layers of a network go on a chip, and which stay in software before and after it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from rheobase.errors import NotRepresentable, ParameterError, nearest
from rheobase.nn import Flatten, GroupReadout, Sequential
from rheobase.nn.quantise import kind_of


@dataclass(frozen=True, eq=False)
class Parts:
    """A network in up to three pieces, in order; `first` is the number of the first layer on the chip.

    `software` names the layers that stay off the chip. Nothing comes back from a later piece to an earlier one, so that
    what crosses a border in a tick is the same whether the pieces run tick by tick or one after the other.
    """

    before: Sequential | None
    chip: Sequential
    after: Sequential | None
    first: int
    software: tuple[str, ...]


def names_of(net: Sequential) -> list[str]:
    """The layers of a network by number and kind, as reports name them."""
    return [f"layer {k} ({kind_of(part).__name__})" for k, part in enumerate(net.layers)]


def parts_of(net: Any, software: Sequence[int | str] = (), *, owner: str = "a chip") -> Parts:
    """Cut a network: layers named in `software` stay off the chip, by their number or by the name of their kind.

    A `Flatten` at the beginning and a `GroupReadout` at the end stay off it without being named: what the host does as
    it sends spikes and counts them. `owner`: who asks, in errors.

    Raises: `NotRepresentable` for what is no `Sequential`, where no layer is left for the chip, and where layers in
    software have layers of the chip before and after them; `ParameterError` for a layer that there is not.

    >>> from rheobase import neurons
    >>> net = Sequential(torch.nn.Linear(2, 2), neurons.IF(2, dt=1.0), torch.nn.Linear(2, 1), neurons.LI(1, dt=1.0))
    >>> parts_of(net, (2, "LI")).software
    ('layer 2 (Linear)', 'layer 3 (LI)')
    """
    if not isinstance(net, Sequential):
        given = f"a {type(net).__name__}"
        raise NotRepresentable(owner, given, "a Sequential of layers in a row", "build it of layers")
    words: Any = software
    if isinstance(words, str | int) or not isinstance(words, Sequence):
        remedy = f"software=({words!r},)" if isinstance(words, str | int) else 'software=(3, "LI")'
        raise ParameterError("software", repr(words), "a tuple of numbers or kinds of layers", remedy)
    layers, names = net.layers, names_of(net)
    off = {k for word in software for k in _named(word, net)}
    if kind_of(layers[0]) is Flatten:
        off.add(0)
    if isinstance(layers[-1], GroupReadout):
        off.add(len(layers) - 1)
    on = [k for k in range(len(layers)) if k not in off]
    if not on:
        remedy = f"leave out one of {', '.join(map(str, software))}" if software else "add layers"
        raise NotRepresentable(owner, "all layers in software", "a layer for the chip at least", remedy)
    between = [names[k] for k in range(on[0], on[-1]) if k in off]
    if between:
        given = f"{', '.join(between)} in software, between layers of the chip"
        expected = "software before the layers of the chip or after them"
        raise NotRepresentable(owner, given, expected, "name all layers before it, or all after it, as well")
    first, last = on[0], on[-1] + 1
    pieces = (layers[:first], layers[first:last], layers[last:])
    before, chip, after = (Sequential(*piece) if piece else None for piece in pieces)
    if chip is None:  # of the type alone: there is a layer
        raise NotRepresentable(owner, "no layer", "a layer for the chip at least", "add layers")
    return Parts(before, chip, after, first, tuple(names[k] for k in sorted(off)))


def _named(word: int | str, net: Sequential) -> list[int]:
    """The layers of a number, or of a kind."""
    kinds = [kind_of(part).__name__ for part in net.layers]
    known = [*map(str, range(len(kinds))), *dict.fromkeys(kinds)]
    found = [k for k, kind in enumerate(kinds) if str(word) in (str(k), kind)]
    if not found:
        expected = f"the number or the kind of a layer: {', '.join(names_of(net))}"
        raise ParameterError("software", repr(word), expected, nearest(str(word), known))
    return found


def passed(piece: Sequential | None, x: torch.Tensor) -> torch.Tensor:
    """What a piece in software makes of a sequence, from rest, in evaluation; without one, the sequence itself."""
    if piece is None:
        return x
    with torch.no_grad(), evaluating(piece):
        return piece(x)[0]


@contextmanager
def evaluating(net: torch.nn.Module) -> Generator[None]:
    """Inside, a network runs as in evaluation; afterwards each of its layers is in the mode that it was in.

    >>> net = Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout())
    >>> with evaluating(net):
    ...     net[1].training
    False
    >>> net[1].training
    True
    """
    before = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training
