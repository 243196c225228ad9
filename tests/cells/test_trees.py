"""Cells that stand apart as trees of one `Compartments`: each as it is alone, but for the junctions between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rheobase import channels as C
from rheobase.cells import Cell, Compartments, Current, GapJunction, Section
from rheobase.errors import ParameterError
from rheobase.plot.cell_layout import laid_out
from tests.cells.branched_cell import noise


def pyramid(number: int) -> list[Section]:
    """A cell on whose root something hangs at its beginning, and on the beginning of what hangs there, too."""
    soma = Section(f"soma[{number}]", length=20, diameter=(15, 20), nseg=2)
    stem = Section(f"apic[{number}]", length=100 + 30 * number, diameter=2, parent=soma, nseg=3)
    tuft = Section(f"apic[{number + 5}]", length=50, diameter=1, parent=stem, at=0.0, nseg=2)
    basal = Section(f"dend[{number}]", length=80, diameter=1, parent=soma, at=0.0, nseg=2)
    return [soma, stem, tuft, basal]


def cell(tree: Compartments, **options: Any) -> Cell:
    kinds = {"soma": [C.Pas(g=3e-5, e=-70.0), C.NaTa_t(gbar=0.5, learn=("gbar",)), C.Kv3_1(gbar=0.3)]}
    kinds |= {kind: [C.Pas(g=3e-5, e=-70.0)] for kind in ("dend", "apic")}
    return Cell(tree, kinds, dt=0.05, v_init=-70.0, reversal={"na": 50.0, "k": -90.0}, **options)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_tree_is_what_it_is_alone(order: tuple[int, int]) -> None:
    alone = [Compartments.of(pyramid(number)) for number in order]
    both = Compartments.of([section for number in order for section in pyramid(number)], trees=2)
    first = len(alone[0].parent)
    for one, part, start in zip(alone, (slice(0, first), slice(first, None)), (0, first), strict=True):
        for name in ("x", "area", "diameter", "axial", "is_end", "distance", "kind"):
            np.testing.assert_array_equal(getattr(both, name)[part], getattr(one, name), err_msg=name)
        np.testing.assert_array_equal(both.parent[part], np.where(one.parent < 0, -1, one.parent + start))
        for section in one.sections:
            for x in (0.0, 0.3, 1.0):
                assert both.index(section.name, x) == one.index(section.name, x) + start, (section.name, x)
    assert sorted(both.parent[both.parent < 0]) == [-1, -1]
    # a root on whose beginning nothing hangs
    bare = Compartments.of([*pyramid(0), Section("soma[1]", length=10, diameter=10)], trees=2)
    assert bare.index("soma[1]", 0.0) == bare.index("soma[1]", 0.5) == len(Compartments.of(pyramid(0)).parent)


def test_without_a_junction_they_run_as_they_do_alone_and_so_do_their_gradients() -> None:
    """Of two cells under one current each: potentials, spikes where they are watched, and slopes, which add up."""
    x = [noise(400, 2, seed=seed) for seed in (1, 2)]
    sections = [*pyramid(0), *pyramid(1)]
    inputs = {"a": Current("soma[0]"), "b": Current("apic[1]", 0.9)}
    both = cell(Compartments.of(sections, trees=2), inputs=inputs, watch=Current("soma[1]"))
    record = ("soma[0]", "soma[1]", "apic[5](0.9)")
    spikes, _, rec = both({"a": x[0], "b": x[1]}, record=record)
    sum(((v + 70.0) ** 2).mean() for v in rec.values()).backward()  # type: ignore[union-attr]
    slope = torch.zeros(())
    for number, (name, port) in enumerate(inputs.items()):
        one = cell(Compartments.of(pyramid(number)), inputs={name: port}, watch=Current(f"soma[{number}]"))
        mine = [place for place in record if place.startswith((f"soma[{number}]", f"apic[{5 * (1 + number)}]"))]
        fired, _, traces = one(x[number], record=mine)
        for place in mine:
            torch.testing.assert_close(traces[place], rec[place], rtol=0.0, atol=1e-10)
        if number == 1:
            assert int(fired.sum()) > 0
            assert torch.equal(fired, spikes)
        sum(((v + 70.0) ** 2).mean() for v in traces.values()).backward()  # type: ignore[union-attr]
        slope = slope + one.channels["soma"]["NaTa_t"].gbar_log.grad  # type: ignore[index,union-attr]
    found = both.channels["soma"]["NaTa_t"].gbar_log.grad  # type: ignore[index,union-attr]
    torch.testing.assert_close(found, slope, rtol=1e-8, atol=0.0)


def test_a_junction_carries_a_spike_from_one_to_the_other() -> None:
    tree = Compartments.of([*pyramid(0), *pyramid(1)], trees=2)
    x = torch.zeros(400, 1)
    x[100:120] = 2.0
    peaks = list[float]()
    for g in (1e-9, 5e-4, 2e-2):
        joined = [GapJunction("soma[0]", "soma[1]", g)]
        made = cell(tree, inputs={"current": Current("soma[0]")}, junctions=joined, watch=Current("soma[1]"))
        with torch.no_grad():
            fired, _, rec = made(x, record=("soma[0]", "soma[1]"))
        assert float(rec["soma[0]"].max()) > 0.0
        peaks.append(float(rec["soma[1]"][100:].max()))
        assert bool(fired.any()) == (peaks[-1] > -20.0)
    assert peaks[0] < -65.0
    assert peaks[0] + 1.0 < peaks[1] < -40.0
    assert peaks[2] > 0.0


@pytest.mark.parametrize(
    ("sections", "trees", "said"),
    [
        ([*pyramid(0), *pyramid(1)], 1, r"2 roots: soma\[0\], soma\[1\]; expected one tree.*trees=2"),
        (pyramid(0), 2, r"1 root: soma\[0\]; expected trees = 2 of them.*trees=1"),
        (pyramid(0), 1.0, r"trees = 1\.0; expected a whole number"),
    ],
)
def test_another_number_of_trees_is_refused(sections: list[Section], trees: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        Compartments.of(sections, trees=trees)


def test_a_junction_of_a_place_with_itself_is_told_how_cells_are_joined() -> None:
    with pytest.raises(ParameterError, match=r"another cell is another tree: Compartments\.of\(sections, trees=2\)"):
        GapJunction("soma", "soma")


def test_trees_without_points_are_drawn_one_below_the_other() -> None:
    tree = Compartments.of([*pyramid(0), *pyramid(1)], trees=2)
    drawn = laid_out(tree, [0, 1])
    second = drawn.owner >= len(Compartments.of(pyramid(0)).segments)
    assert drawn.ends[second][..., 1].max() < drawn.ends[~second][..., 1].min()
