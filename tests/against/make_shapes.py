"""Write the shapes that `test_shapes.py` compares with: random morphologies as NEURON's import cuts them.

    python tests/against/make_shapes.py [--file traces/neuron-shapes.json.gz]

needs the extra `oracle` (neuron). Of each file, it holds the text and what NEURON makes of it: of each section its
parent, its place there, its points and diameters, the number of compartments by the d_lambda rule, and of each
compartment (an odd number of at most 40 um) the area (um2), the axial resistance to its neighbour (MOhm, at 35.4 ohm
cm), the mean diameter (um) and the path from the middle of the soma (um).
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import json
import random
import tempfile
from math import cos, sin
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "traces" / "neuron-shapes.json.gz"
SOMATA = ("point", "sphere", "chain", "branched", "none", "repeated")
EACH = 3  # files for each kind of soma
R_AXIAL, C_MEM = 35.4, 1.0  # NEURON's own


class Tree:
    """Points of a random SWC file."""

    def __init__(self, seed: int, soma: str):
        self.draw = random.Random(f"{soma}{seed}")
        self.rows: list[tuple[int, int, list[float], float]] = []
        self.children: dict[int, list[int]] = {}
        for at in self.somata(soma):
            for _ in range(self.draw.choice([0, 1, 1, 2, 3])):
                self.grow(at, self.draw.choice([2, 3, 3, 4]), 0)

    def add(self, kind: int, parent: int, place: list[float] | None = None, radius: float | None = None) -> int:
        place = place or [round(self.draw.uniform(-50, 50), 3) for _ in range(3)]
        self.rows.append((kind, parent, place, radius or round(self.draw.uniform(0.2, 3), 3)))
        self.children.setdefault(parent, []).append(len(self.rows) - 1)
        return len(self.rows) - 1

    def somata(self, soma: str) -> list[int]:
        """The points that dendrites may grow from."""
        if soma == "repeated":
            self.add(1, -1, radius=4.0)
            for _ in range(8):
                tip = 0
                for _ in range(self.draw.randint(3, 5)):
                    tip = self.add(3, tip)
                # the last place again, in another width
                self.add(3, tip, list(self.rows[tip][2]))
            return []
        if soma == "point":
            return [self.add(1, -1, radius=6.1261)]
        if soma == "sphere":
            places = ([0.0, 0.0, 0.0], [0.0, -5.0, 0.0], [0.0, 5.0, 0.0])
            return [self.add(1, -1 if k == 0 else 0, place, 5.0) for k, place in enumerate(places)][:1]
        if soma == "chain":
            return [self.add(1, k - 1) for k in range(self.draw.randint(2, 5))]
        if soma == "none":
            return [self.add(3, -1)]
        found = [self.add(1, -1)]
        for _ in range(4):
            tip = self.draw.choice(found)
            for _ in range(self.draw.randint(1, 3)):
                tip = self.add(1, tip)
                found.append(tip)
        return found

    def grow(self, tip: int, kind: int, depth: int) -> None:
        """Points one after the other, some at the place of the one before, then branches."""
        for _ in range(self.draw.randint(1, 4)):
            again = list(self.rows[tip][2]) if self.draw.random() < 0.06 else None
            tip = self.add(kind, tip, again)
            if self.draw.random() < 0.12 and depth < 3:
                self.grow(tip, kind, depth + 1)
        if depth < 3 and self.draw.random() < 0.5:
            for _ in range(self.draw.randint(1, 3)):
                self.grow(tip, kind, depth + 1)

    def text(self) -> str:
        """The file: branches one after the other, each in one piece, in any order."""
        order: list[int] = []
        waiting = [0]
        while waiting:
            waiting += self.branch(waiting.pop(self.draw.randrange(len(waiting))), order)
        name = {-1: -1} | {k: number for number, k in enumerate(order, start=1)}
        lines = []
        for k in order:
            kind, parent, place, radius = self.rows[k]
            lines.append(f"{name[k]} {kind} {' '.join(map(str, place))} {radius} {name[parent]}\n")
        return "".join(lines)

    def branch(self, k: int, order: list[int]) -> list[int]:
        """Add a point and the first that follows it, and so on; returns the other branches on the way."""
        others: list[int] = []
        while True:
            order.append(k)
            found = self.children.get(k, [])
            somatic = [each for each in found if self.rows[each][0] == 1]
            if not found or (self.rows[k][0] == 1 and not somatic):
                return others + found
            following = somatic[0] if somatic else found[0]
            others += [each for each in found if each != following]
            k = following


def neurolucida(seed: int) -> str:
    """A file with an outline of the soma, or three above each other, and trees whose branches begin here and there."""
    draw = random.Random(f"asc{seed}")

    def points(count: int, start: list[float] | None = None) -> list[list[float]]:
        places = [[round(draw.uniform(-80, 80), 2) for _ in range(3)] for _ in range(count)]
        made = [[*place, round(draw.uniform(0.3, 4), 2)] for place in places]
        return [[*start[:3], made[0][3]], *made] if start else made

    def written(rows: list[list[float]]) -> str:
        return "".join(f"  ({' '.join(map(str, row))})\n" for row in rows)

    def branch(start: list[float] | None, depth: int) -> str:
        rows = points(draw.randint(2, 5), start if draw.random() < 0.5 else None)
        if depth == 3 or draw.random() < 0.4:
            return written(rows) + "  Normal\n"
        parts = [branch(rows[-1], depth + 1) for _ in range(draw.randint(1, 3))]
        return written(rows) + "  (\n" + "  |\n".join(parts) + "  )\n"

    text = "; a random cell\n(ImageCoords)\n"
    for z in (0.0, 2.5, 6.0)[: draw.choice([1, 1, 3])]:
        size = draw.uniform(4, 9)
        outline = []
        for k in range(14):
            turn, wide = 2 * 3.14159265 * k / 14, size * draw.uniform(0.7, 1.3)
            outline.append([round(1.7 * wide * cos(turn), 3), round(wide * sin(turn), 3), z, 0.5])
        text += f'("CellBody"\n  (Color Red)\n  (CellBody)\n{written(outline)})\n'
    for kind in ("Axon", "Dendrite", "Dendrite", "Apical"):
        text += f"( (Color Blue)\n  ({kind})\n{branch(None, 0)})\n"
    return text


def run(path: Path) -> dict[str, Any] | None:
    """What NEURON makes of a file; None where it makes a section of no length, which it cannot compute with."""
    from neuron import h  # type: ignore[import-not-found]  # the extra `oracle`

    h.load_file("stdlib.hoc")
    h.load_file("import3d.hoc")
    h("forall delete_section()")
    reader = h.Import3d_SWC_read() if path.suffix == ".swc" else h.Import3d_Neurolucida3()
    reader.quiet = 1
    reader.input(str(path))
    h.Import3d_GUI(reader, 0).instantiate(None)
    sections = list(h.allsec())
    if not all(each.arc3d(each.n3d() - 1) > 0 for each in sections):
        return None
    for each in sections:
        each.nseg = 1 + 2 * int(each.L / 40)
    somata = [each for each in sections if each.name().startswith("soma")]
    (root,) = (each for each in sections if each.parentseg() is None)
    h.distance(0, somata[0](0.5) if somata else root(0.5 / root.nseg))
    return {
        each.name(): {
            "parent": None if each.parentseg() is None else each.parentseg().sec.name(),
            "at": None if each.parentseg() is None else h.parent_connection(sec=each),
            "points": [[each.x3d(i), each.y3d(i), each.z3d(i), each.diam3d(i)] for i in range(each.n3d())],
            "by_lambda": int((each.L / (0.1 * h.lambda_f(100, sec=each)) + 0.9) / 2) * 2 + 1,
            "compartments": [[place.area(), place.ri(), place.diam, h.distance(place)] for place in each],
        }
        for each in sections
    }


def shapes(folder: Path) -> dict[str, Any]:
    """The files by name: their texts and sections, `EACH` of each kind."""
    found: dict[str, Any] = {}
    for kind in (*SOMATA, "outline"):
        for seed in range(3 * EACH):
            path = folder / f"{kind}_{seed}.{'asc' if kind == 'outline' else 'swc'}"
            path.write_text(text := neurolucida(seed) if kind == "outline" else Tree(seed, kind).text())
            sections = run(path)
            if sections is not None and sum(name.startswith(kind) for name in found) < EACH:
                found[path.name] = {"text": text, "sections": sections}
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", type=Path, default=FILE)
    file = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        made = shapes(Path(folder))
    found = {"version": importlib.metadata.version("neuron"), "r_axial": R_AXIAL, "c_mem": C_MEM, "shapes": made}
    file.write_bytes(gzip.compress(json.dumps(found).encode(), mtime=0))


if __name__ == "__main__":
    main()
