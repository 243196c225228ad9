"""The picture of a network's energy: its bars add up, and what there is not is said."""

from __future__ import annotations

import pytest
import torch
from matplotlib.axes import Axes

from rheobase import neurons, nn
from rheobase.energy import Yan22, account, compare
from rheobase.plot import DARK, png
from rheobase.plot import energy as module
from rheobase.plot.energy import energy


def widths(ax: Axes) -> list[float]:
    return [bar.get_width() for bar in ax.patches]  # pyright: ignore[reportAttributeAccessIssue]


def network(*middle: torch.nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(300, 6), neurons.IF(6, dt=1.0), *middle, nn.Linear(6, 3), neurons.LI(3, dt=1.0))
    with torch.no_grad():
        net[0].weight.abs_()
    return net


X = (torch.rand(5, 4, 300, generator=torch.Generator().manual_seed(0)) < 0.1).float()


def test_bars_are_the_numbers() -> None:
    found = compare(account(network(), X), process=Yan22())
    numbers, layers, curve = energy(found).axes
    quoted, *parts, ordinary = widths(numbers)
    assert found.ordinary is not None
    assert 1e-9 * quoted == pytest.approx(found.arithmetic.nominal)
    assert 1e-9 * sum(parts) == pytest.approx(found.spiking.nominal)
    assert 1e-9 * ordinary == pytest.approx(found.ordinary.nominal)
    assert [label.get_text() for label in layers.get_yticklabels()] == ["0: Linear", "1: IF", "2: Linear", "3: LI"]
    assert 1e-9 * sum(widths(layers)) == pytest.approx(found.spiking.nominal)
    said = [text.get_text() for text in curve.get_legend().get_texts()]  # pyright: ignore[reportOptionalMemberAccess]
    assert said[-1].startswith("as much: ")
    assert found.break_even is not None
    assert 0 < found.break_even.nominal < 1


def test_what_there_is_not_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = compare(account(network(nn.Delay(6, taps=2)), X))
    figure = energy(refused, style=DARK)
    assert "reach through time" in figure.axes[0].texts[-1].get_text()
    assert png(figure).startswith(b"\x89PNG")
    silent = energy(compare(account(network(), torch.zeros_like(X))))
    said = [text.get_text() for text in silent.axes[2].get_legend().get_texts()]  # pyright: ignore[reportOptionalMemberAccess]
    assert said == ["spiking, with memory traffic", "ordinary network"]
    monkeypatch.setattr(module, "_LAYERS", 2)
    few = energy(compare(account(network(), X))).axes[1]
    assert few.get_title(loc="left") == "By layer, the 2 that take most"
    assert len(few.get_yticklabels()) == 2
