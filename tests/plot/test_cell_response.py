"""Runs of cells and their f-I curves, drawn."""

from __future__ import annotations

import pytest
import torch

from rheobase.cells import FICurve
from rheobase.errors import ParameterError, ShapeError
from rheobase.plot import CellResponse, cell_response

CURRENT = torch.tensor([0.0, 0.1, 0.1, 0.0])


def curve(cells: int) -> FICurve:
    rate = torch.tensor([[0.0], [10.0], [20.0]], dtype=torch.float64).expand(3, cells)
    return FICurve(torch.tensor([0.0, 0.1, 0.2], dtype=torch.float64), (0.5 * rate).long(), rate, rate)


@pytest.mark.parametrize("cells", [1, 2, 9])
def test_a_line_for_each_cell_in_each_panel(cells: int) -> None:
    v = torch.linspace(-70.0, 20.0, 4)[:, None].expand(4, cells)
    names = [f"fit{k}" for k in range(cells)]
    run = CellResponse(CURRENT, {"soma": v, "dend[0](0.9)": v - 5.0}, 0.1)
    figure = cell_response(run, fi=curve(cells), rheobase=torch.full((cells,), 0.05), names=names, title="cells")
    above, soma, dend, rates = figure.axes
    assert len(soma.lines) == len(dend.lines) == cells
    assert soma.lines[0].get_ydata().tolist() == v[:, 0].tolist()
    assert len(rates.lines) == 2 * cells
    assert (soma.get_legend() is not None) == (cells == 2)
    assert above.get_title(loc="left") == "cells"
    assert len(cell_response(fi=curve(cells), names=names).axes) == 1


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ParameterError, match="a run, an f-I curve or a rheobase"):
        cell_response()
    with pytest.raises(ParameterError, match="3 names"):
        cell_response(fi=curve(2), names=["a", "b", "c"])
    with pytest.raises(ShapeError, match=r"\(time, cells\)"):
        CellResponse(CURRENT, {"soma": torch.zeros(4)}, 0.1)
    with pytest.raises(ParameterError, match="no potential"):
        CellResponse(CURRENT, {}, 0.1)
