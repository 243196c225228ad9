"""The adjoint of a nest: the same nest with a tape, then its loops backwards.

Each leaf saves the smallest cut between what it reads and what its gradient needs, in tape rows that are indexed by the
loops around it; rows that nothing writes are read again. Backwards, if a leaf sets a row, the gradient of that row is
replaced: by the gradient of what the leaf read from the row before, or by zero. The gradient of any other row that it
read is added to. A loop whose iterations can be restarted (`checkpoint.py`) is run again one iteration at a time, and
its tape is as long as one iteration.

Rows of a leaf with different indices are assumed to be different rows (a compartment is not its own parent).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from rheobase.engine.graph.graph import COSTLY, Graph
from rheobase.engine.graph.min_cut import smallest_cut
from rheobase.engine.graph.step_adjoint import adjoint as of_graph
from rheobase.engine.nest.active import GRADIENT, Gradients
from rheobase.engine.nest.hoist import steady, still
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import (
    BLOCK,
    REGISTER,
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    Vectors,
    When,
    Write,
    leaves,
    live,
    mapped,
    present,
    when,
)

TAPE = "tape:"
ROW_COSTS = 10  # operations, to write a row of the tape and to read it


def adjoint(
    nest: Nest,
    outputs: Collection[str],
    inputs: Collection[str],
    optional: Collection[str] = (),
    *,
    recompute: bool = False,
) -> Nest:
    """A nest that reads `g:x` of each output x and writes `g:y` of each input y, both memory buffers of the nest.

    It first runs the nest itself, as far as gradients need it. The gradients of buffers in `optional` may be absent:
    that of an output is then zero, that of an input is not written. With `recompute`, expensive values (exp, a
    division) are computed again as others are: for a tape that does not fit the cache.

    Raises: `ValueError` for a nest of whole numbers; for registers, whose values no tape holds; for a loop whose length
    no size bounds; and for statements after a loop in segments whose gradients need values of that loop, which are
    recomputed only inside it.
    """
    if nest.whole:
        raise ValueError(f"{nest.name}: it computes in whole numbers, which have no gradient")
    for buffer in nest.rows(REGISTER):
        raise ValueError(f"{nest.name}: {buffer.name} is a register; its adjoint is written by hand")
    return _Adjoint(nest, Gradients(nest, outputs, inputs, optional), recompute).nest()


class _Adjoint:
    """Builds the adjoint in one traversal of a nest."""

    def __init__(self, nest: Nest, gradients: Gradients, recompute: bool):
        self.primal, self.gradients = nest, gradients
        self.costly = frozenset[str]() if recompute else COSTLY
        self.steady = steady(nest)
        self.written = gradients.written
        self.tapes: list[Buffer] = []
        self.loops: list[Loop] = []
        self.behind: str | None = None  # the loop in segments that the statements come after

    def nest(self) -> Nest:
        nest, gradients = self.primal, self.gradients
        forward, backward = self.statements(nest.body)
        body = (*forward, *gradients.begin(), *backward, *gradients.end())
        of_inputs = {GRADIENT + name for name in gradients.inputs}
        needed = live(mapped(body, lambda leaf: replace(leaf, flags=())), of_inputs)
        buffers = (*nest.buffers, *gradients.buffers(), *self.tapes)
        return replace(nest, name=f"{nest.name}, adjoint", buffers=buffers, body=needed).without_unused()

    def statements(self, body: Sequence[Statement]) -> tuple[list[Statement], list[Statement]]:
        """The statements with their tapes, and their adjoints in reverse order."""
        forward: list[Statement] = []
        backward: list[Statement] = []
        for statement in body:
            if isinstance(statement, Loop) and statement.kept is not None:
                forward, again = self.begun_anew(statement, forward)
                backward[:0] = [again]
                continue
            there, back = self.statement(statement)
            forward.append(there)
            backward[:0] = [] if back is None else [back]
        return forward, backward

    def statement(self, statement: Statement) -> tuple[Statement, Statement | None]:
        if isinstance(statement, Leaf):
            return self.leaf(statement)
        if isinstance(statement, Loop):
            self.loops.append(statement)
        forward, backward = self.statements(statement.body)
        if isinstance(statement, Loop):
            self.loops.pop()
            back = replace(statement, body=tuple(backward), down=not statement.down)
            return replace(statement, body=tuple(forward)), back
        if isinstance(statement, When):
            return replace(statement, body=tuple(forward)), replace(statement, body=tuple(backward))
        return Vectors(tuple(forward)), Vectors(tuple(backward))

    def begun_anew(self, parts: Loop, before: list[Statement]) -> tuple[list[Statement], Statement]:
        """The adjoint of a loop in segments: from the last segment to the first, restore its start, rerun, go back.

        The start of the first segment is what the statements before the loop write; they are rerun there, and before
        the loop only as far as their tapes are needed.
        """
        around, self.loops, self.behind = self.loops, [], None
        pairs = parts.kept or ()
        kept = {each.place.buffer for each in pairs}
        body = mapped(parts.body, lambda leaf: None if {w.ref.buffer for w in leaf.writes} & kept else leaf)
        forward, backward = self.statements(body)
        self.loops, self.behind = around, parts.var
        rows = {each.row.buffer for each in pairs}
        first = live(before, rows)
        # their other rows are written once, as tapes are, from the rows that they begin with
        rest = live(before, {write.ref.buffer for leaf in leaves(before) for write in leaf.writes} - rows)
        # rows without axes, which share one buffer, are copied side by side
        single = [each for each in pairs if not each.axes]
        begun: list[Statement] = [
            present(self.primal.buffer(each.place.buffer), each.copied(back=True)) for each in pairs if each.axes
        ]
        if single:
            together = Vectors(tuple(each.copied(back=True) for each in single))
            begun.append(present(self.primal.buffer(single[0].place.buffer), together))
        body = (when("lt", parts.name, 1, *first), when("ge", parts.name, 1, *begun), *forward, *backward)
        return list(rest), replace(parts, body=body, down=True, kept=None)

    def leaf(self, leaf: Leaf) -> tuple[Leaf, Statement | None]:
        gradients = self.gradients
        graph = leaf.graph.copy()
        rows = dict(leaf.reads)
        known = [write for write in leaf.writes if write.ref.buffer in gradients.active]
        seeds = [(write.node, graph.put("grad", tag=str(write.ref))) for write in known]
        targets = [node for node, ref in rows.items() if ref.buffer in gradients.active]
        reached, saved, fixed, again = self.reached(leaf, graph, seeds, targets)
        if saved and self.behind is not None:
            name = self.primal.name
            raise ValueError(
                f"{name}: a gradient behind the loop over {self.behind}, which is in segments, needs its values"
            )
        kept = tuple(zip(saved, self.tape(len(saved)), strict=True))
        there = replace(leaf, graph=graph, writes=(*leaf.writes, *(Write(row, node) for node, row in kept)), flags=())

        reads = [(g, gradients.of(write.ref)) for (_, g), write in zip(seeds, known, strict=True)]
        reads += kept
        reads += [(node, ref) for node, ref in rows.items() if node in again or node in fixed]
        zero = graph.const(0.0)
        found: dict[Ref, int] = {}
        for node, ref in rows.items():
            if node in targets:
                g = reached.get(node, zero)
                found[ref] = graph.put("add", found[ref], g) if ref in found else g
        # a row that is set once only: nothing before it looks at its gradient
        replaced = dict.fromkeys(
            w.ref
            for w in known
            if w.how == "set" and not gradients.direct(w.ref.buffer) and w.ref.buffer not in self.steady
        )
        back = [Write(gradients.of(ref), found.pop(ref, zero)) for ref in replaced]
        back += [
            Write(gradients.of(ref), node, "set" if gradients.direct(ref.buffer) else "add")
            for ref, node in found.items()
            if gradients.direct(ref.buffer) or node != zero
        ]
        if not back:
            return there, None
        return there, gradients.where_asked(replace(leaf, graph=graph, reads=tuple(reads)).with_writes(back))

    def reached(
        self, leaf: Leaf, graph: Graph, seeds: Sequence[tuple[int, int]], targets: Sequence[int]
    ) -> tuple[dict[int, int], list[int], set[int], set[int]]:
        """The gradients of the targets, what they need of the tape, what no turn changes, and what is read again.

        With `recompute`, a leaf of few results leaves their derivatives on the tape where that spares more than it
        costs: the way back is then a product for each, and computes nothing of the leaf again.
        """
        rows = dict(leaf.reads)
        reached = of_graph(graph, seeds, targets)
        slopes = [] if self.costly else [of_graph(graph, [(node, graph.const(1.0))], targets) for node, _ in seeds]
        fixed = still(replace(leaf, graph=graph), self.primal, self.steady)
        again = {node for node, ref in rows.items() if ref.buffer not in self.written and node not in fixed}
        # what a step begins with belongs to it also where the gradient alone looks at it
        begun = {k for k in graph.needed(leaf.results, gradients=True) if graph.nodes[k].op == "noise"}
        forward = begun | set(graph.needed(leaf.results)) | set(rows)
        saved = smallest_cut(graph, forward, reached.values(), fixed, again, costly=self.costly)
        if slopes:
            # the Jacobian depends only on what the leaf reads, so it can be stored on the tape
            jacobian = {slope for of in slopes for slope in of.values()} - fixed - again
            known = {*rows, *fixed, *saved}
            spared = len(set(graph.needed(reached.values(), stop=known)) - known) - 2 * len(jacobian)
            if spared > ROW_COSTS * (len(jacobian) - len(saved)):
                return _products(graph, seeds, slopes), sorted(jacobian), fixed, again
        return reached, saved, fixed, again

    def tape(self, count: int) -> list[Ref]:
        """New rows for every turn of the loops around."""
        if not count:
            return []
        sizes = {*self.primal.sizes}
        extents: list[Index] = []
        for loop in self.loops:
            lengths = [stop - loop.start for stop in loop.stop]
            bounds = [length for length in lengths if set(length.names()) <= sizes]
            if not bounds:
                name = self.primal.name
                raise ValueError(f"{name}: no size bounds the loop over {loop.var}, so its tape has no length")
            extents.append(bounds[0])
        tape = Buffer(f"{TAPE}{len(self.tapes)}", (*extents, Index.of(count)), BLOCK)
        self.tapes.append(tape)
        turn = [loop.name - loop.start for loop in self.loops]
        return [tape[(*turn, k)] for k in range(count)]


def _products(graph: Graph, seeds: Sequence[tuple[int, int]], slopes: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """The gradients of the rows read: gradients of the results times the derivatives (the Jacobian)."""
    found: dict[int, int] = {}
    for (_, g), of in zip(seeds, slopes, strict=True):
        for target, slope in of.items():
            term = graph.put("mul", g, slope)
            found[target] = graph.put("add", found[target], term) if target in found else term
    return found


__all__ = ["GRADIENT", "TAPE", "adjoint"]
