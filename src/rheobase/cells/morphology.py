"""The shape of a neuron, as a file tells it: points with radii, in a tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from rheobase.cells.files import neurolucida, swc
from rheobase.cells.files.points import CODES, NAMES, Floats, Points
from rheobase.cells.sectioning import neurolucida as of_neurolucida
from rheobase.cells.sectioning import swc as of_swc
from rheobase.cells.sectioning.runs import sections
from rheobase.cells.sections import Section
from rheobase.checks import is_whole
from rheobase.errors import ParameterError, nearest


@dataclass(frozen=True, eq=False, repr=False)
class Morphology(Points):
    """A reconstructed neuron: points, parents first. Make it with `Morphology.read`.

    **Shapes**: (points,); `xyz` (points, 3), um.

    path       the file
    id         the point's number in the file
    type       1 soma, 2 axon, 3 dendrite, 4 apical dendrite
    xyz        coordinates; of SWC those that single precision holds, as NEURON reads them
    radius     um, as xyz
    parent     index of the parent point, -1 for a root
    line       line of the file
    branches   of Neurolucida: index of the first point of each branch; None for SWC
    outlines   of Neurolucida: the outline of the cell body, (n, 3) in um, or several, one above the other; they are
               not among the points, and every tree has a root

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "ball.swc"
    ...     _ = path.write_text("1 1 0 0 0 5 -1\\n2 3 5 0 0 1 1\\n3 3 25 0 0 1 2\\n")
    ...     cell = Morphology.read(path)
    >>> len(cell.id), cell.parent.tolist()
    (3, [-1, 0, 1])
    """

    @classmethod
    def read(
        cls, path: str | Path, *, types: Mapping[int, str] | None = None, without_soma: bool = False
    ) -> Morphology:
        """Read a file of SWC (.swc) or Neurolucida (.asc), or one of them that is packed (.gz).

        types          of SWC: what types other than 1 to 4 are, such as {0: "dend", 5: "dend"}
        without_soma   take a file in which nothing is a soma

        The points of an SWC file may stand in any order. Of Neurolucida's, markers, spines, texts and contours other
        than that of the cell body are passed over.

        Raises: `DataError` that tells all that is wrong in a file, with the lines: in SWC a radius that is not above
        0, an unknown type, an id twice, a parent that is missing, parents in a circle, two roots, no soma, a line
        that is no point. `ParameterError` for another suffix, or `types` that have no meaning.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "ball_and_stick.swc")
        >>> _ = path.write_text("1 1 0 0 0 10 -1\\n2 3 10 0 0 1 1\\n3 3 110 0 0 1 2\\n")
        >>> Morphology.read(path)
        Morphology(ball_and_stick.swc: 3 points, soma 1, dend 2)
        """
        path = Path(path)
        suffix = Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()
        kinds = dict(types or {})
        for number, kind in kinds.items():
            if kind not in CODES:
                raise ParameterError(
                    "Morphology.read", f"types={{{number!r}: {kind!r}}}", "a kind", nearest(str(kind), CODES)
                )
            if not is_whole(number) or number in NAMES:
                given, expected = f"types={{{number!r}: {kind!r}}}", "numbers other than 1 to 4, which are fixed"
                raise ParameterError("Morphology.read", given, expected, 'types={0: "dend"}')
        if suffix == ".swc":
            points = swc.load(path, kinds, without_soma)
        elif suffix == ".asc":
            if kinds:
                raise ParameterError("Morphology.read", "types= for a file of Neurolucida", "SWC", "leave it out")
            points = neurolucida.load(path, without_soma)
        else:
            given = f"file {str(path)!r}"
            raise ParameterError(
                "Morphology.read", given, "a name in .swc or .asc, perhaps with .gz", "rename the file"
            )
        return cls(**{field.name: getattr(points, field.name) for field in fields(points)})

    def sections(self) -> list[Section]:
        """Its unbranched pieces, as NEURON's import makes them, parents first: "soma[0]", "dend[0]", ...

        `rheobase.cells.sectioning.swc` and `.neurolucida` state the rules.

        Raises: `DataError` for a section of no length, and for what can only be seen of the whole, as two cell bodies.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "ball_and_stick.swc")
        >>> _ = path.write_text("1 1 0 0 0 10 -1\\n2 3 10 0 0 1 1\\n3 3 110 0 0 1 2\\n")
        >>> Morphology.read(path).sections()
        [Section(soma[0]: 20 um, root), Section(dend[0]: 100 um, on soma[0](0.5))]
        """
        runs = of_swc.runs(self) if self.branches is None else of_neurolucida.runs(self)
        return sections(str(self.path), runs)

    def edges(self) -> Floats:
        """The length of the straight link from each point to its parent, um; 0 for a root."""
        to = np.where(self.parent < 0, np.arange(len(self.parent)), self.parent)
        return np.sqrt(((self.xyz - self.xyz[to]) ** 2).sum(1))

    def __repr__(self) -> str:
        counts = [f"{name} {n}" for name, code in CODES.items() if (n := int((self.type == code).sum()))]
        return f"Morphology({self.path.name}: {', '.join([f'{len(self.id)} points', *counts])})"
