"""The picture of a board says what its spikes say."""

from __future__ import annotations

import numpy as np
import pytest

from rheobase.chip.truenorth import HOST, Configuration, Emulator, Events, TrueNorth, traffic
from rheobase.errors import ParameterError
from rheobase.plot import DARK, LIGHT, board, png

# from core 0 to the last one
ROUTE = {"leak": 1, "alpha": 5}


@pytest.mark.parametrize("style", [LIGHT, DARK])
@pytest.mark.parametrize(("cores", "chips"), [((2, 1), (1, 1)), ((3, 3), (2, 2)), ((30, 1), (1, 1))])
def test_spikes_and_links(cores: tuple[int, int], chips: tuple[int, int], style) -> None:
    mesh = TrueNorth(cores=cores, chips=chips)
    net = Configuration(mesh, target=mesh.n_cores - 1, **ROUTE)
    spikes = Emulator(net).run(20, record="all").spikes
    figure = board(net, spikes, style=style)
    above, below = figure.axes[:2]
    if mesh.n_cores == 2:
        assert len(above.lines[0].get_xdata()) == len(spikes.tick)
    else:
        assert above.images[0].get_array().sum() == len(spikes.tick)
    found = traffic(net, spikes)
    if max(mesh.width, mesh.height) > 24:
        np.testing.assert_array_equal(below.images[0].get_array(), found.through)
    else:
        np.testing.assert_array_equal(below.images[0].get_array(), found.sent)
        links = below.collections[0]
        assert links.get_array().sum() == found.along_x.sum() + found.along_y.sum()
        assert len(links.get_segments()) == (found.along_x > 0).sum() + (found.along_y > 0).sum()
    # borders of chips
    assert len(below.lines) == sum(n - 1 for n in chips)
    assert png(figure).startswith(b"\x89PNG")


def test_spikes_that_take_no_link() -> None:
    net = Configuration(TrueNorth(cores=(2, 2)), target=HOST, **ROUTE)
    figure = board(net, Emulator(net).run(20).spikes)
    assert not figure.axes[1].collections


def test_no_spikes() -> None:
    net = Configuration(TrueNorth(cores=(2, 2)))
    with pytest.raises(ParameterError, match="no spikes"):
        board(net, Events(*np.zeros((3, 0), np.int64)))
