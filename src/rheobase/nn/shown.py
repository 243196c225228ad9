"""A network as a card, for a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from rheobase.cards import Card

_LONGEST = 70  # letters of a layer's own words


def network_card(net: nn.Module) -> Card:
    """A row for each layer, those of inner chains too: its place, what it is, its weights and learnable values."""
    rows = [(place, _short(repr(layer)), f"{weights(layer):,}") for place, layer in _layers(net)]
    dt = getattr(net, "dt", None)
    step = "counts in steps" if dt is None else f"dt = {dt:g} ms"
    size = f"{len(rows)} {'layer' if len(rows) == 1 else 'layers'}, {weights(net):,} parameters, {step}"
    return Card(type(net).__name__, size, columns=("layer", "what it is", "parameters"), rows=rows)


def weights(net: nn.Module) -> int:
    """The number of values that a training would change."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def _layers(net: nn.Module, above: str = "") -> Iterator[tuple[str, nn.Module]]:
    for name, layer in net.named_children():
        if isinstance(layer, (type(net), nn.Sequential)):
            yield from _layers(layer, f"{above}{name}.")
        else:
            yield f"{above}{name}", layer


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
