"""What to save of each step for the backward pass: the smallest cut between its start and what its gradient reads.

Every saved value costs one row of scratch, written and read; reading the input again costs a little less. Values behind
the cut are recomputed from it, except expensive ones (exp, tanh, a division): those are saved, or something computed
from them is. The cut is a maximum flow (Edmonds & Karp, 1972) over some tens of nodes.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Set

from rheobase.engine.graph.graph import BOOLEAN, COSTLY, Graph

ROW, AGAIN = 10.0, 9.0  # the cost of a row of scratch, and of reading the input again
FOREVER = 1e9
SOURCE, SINK = -1, -2


def smallest_cut(
    graph: Graph,
    forward: Set[int],
    roots: Iterable[int],
    still: Set[int],
    again: Set[int] = frozenset(),
    *,
    costly: Set[str] = COSTLY,
) -> list[int]:
    """The nodes to save, so that the roots follow from them, from the input, and from the invariants in `still`.

    `forward` are the nodes of the step itself; all others belong to the gradient and are computed once anyway. `again`
    are leaves that can be read again, beside the input. `costly` are the operations that are not computed again.
    """
    step = {k for k in forward if k not in still}
    read = _read(graph, step, roots, still)
    network = _Network()
    for k in graph.needed(read, stop=still):
        if k in still:
            continue
        op = graph.nodes[k].op
        enter, leave = 2 * k, 2 * k + 1
        free = op in ("input", "alive") or k in again
        price = AGAIN if free else FOREVER if op in BOOLEAN else ROW
        network.join(enter, leave, price)
        if op in ("state", "input", "alive", "noise", "read") or op in costly:
            network.join(SOURCE, enter, FOREVER)
        for argument in graph.used(k):
            if argument not in still:
                network.join(2 * argument + 1, enter, FOREVER)
        if k in read:
            network.join(leave, SINK, FOREVER)
    behind = network.cut()
    kept = [k for k in graph.needed(read, stop=still) if k not in still and 2 * k not in behind and 2 * k + 1 in behind]
    return [k for k in kept if graph.nodes[k].op not in ("input", "alive") and k not in again]


def _read(graph: Graph, step: Set[int], roots: Iterable[int], still: Set[int]) -> set[int]:
    """The nodes of the step that the gradient reads."""
    read: set[int] = set()
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        node = todo.pop()
        if node in seen or node in still:
            continue
        seen.add(node)
        if node in step:
            read.add(node)
        else:
            todo.extend(graph.used(node))
    return read


class _Network:
    """Capacities between nodes, and the flow that fills them."""

    def __init__(self) -> None:
        self.left: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))

    def join(self, a: int, b: int, capacity: float) -> None:
        self.left[a][b] += capacity
        self.left[b][a] += 0.0

    def cut(self) -> set[int]:
        """Fill the network; the nodes from which the sink can still be reached: the cut nearest to the gradient."""
        while path := self._path():
            flow = min(self.left[a][b] for a, b in path)
            for a, b in path:
                self.left[a][b] -= flow
                self.left[b][a] += flow
        behind, todo = {SINK}, [SINK]
        while todo:
            b = todo.pop()
            for a in self.left[b]:
                if a not in behind and self.left[a][b] > 0:
                    behind.add(a)
                    todo.append(a)
        return behind

    def _path(self) -> list[tuple[int, int]]:
        """A shortest path with room from the source to the sink, or nothing."""
        came: dict[int, int] = {SOURCE: SOURCE}
        todo = deque([SOURCE])
        while todo and SINK not in came:
            a = todo.popleft()
            for b, room in self.left[a].items():
                if room > 0 and b not in came:
                    came[b] = a
                    todo.append(b)
        path: list[tuple[int, int]] = []
        node = SINK
        while node in came and node != SOURCE:
            path.append((came[node], node))
            node = came[node]
        return path
