"""Leaves from equations: a plain function of tensors, whose arguments are rows to read and whose results are written.

>>> x, y = Buffer("x", (Index.name("steps"),)), Buffer("y", (Index.name("steps"),))
>>> one = leaf(lambda x: torch.exp(-x), reads={"x": x[0]}, writes=[y[0]])
>>> [one.graph.nodes[k].op for k in one.needed]
['read', 'neg', 'exp']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from rheobase.engine.graph.rules import tracer as new_tracer
from rheobase.engine.graph.symbols import lift
from rheobase.engine.graph.trace import plain_torch
from rheobase.engine.nest.index import Index, Whole
from rheobase.engine.nest.nest import Buffer, Leaf, Ref, Write


def leaf(
    equations: Callable[..., Any],
    *,
    reads: Mapping[str, Ref],
    writes: Sequence[Ref | Write],
    clock: Whole = 0,
    dtype: torch.dtype | None = None,
) -> Leaf:
    """The leaf that applies a function of tensors to rows.

    `reads` gives the row of each argument by its name; `writes` the row of each result, in order. A row is set, unless
    it is given as `added(row)`. `clock` is the step of the leaf's noise. `dtype` is what the equations see: torch's
    default, or int8, int16 or int32 in a nest that computes in whole numbers.

    Raises: `Untraceable` for what a kernel cannot do as torch does it, `ValueError` for another number of results.
    """
    tracer = new_tracer(dtype or torch.get_default_dtype(), torch.device("cpu"))
    symbols = {name: tracer.symbol("read", tag=name) for name in reads}
    with plain_torch(), tracer:
        found = equations(**symbols)
        results = [lift(tracer, value) for value in (found if isinstance(found, tuple) else (found,))]
    if len(results) != len(writes):
        raise ValueError(f"the equations give {len(results)} results, and {len(writes)} rows are written")
    given = [write if isinstance(write, Write) else Write(write, 0) for write in writes]
    return Leaf(
        tracer.graph,
        tuple((symbols[name].node, ref) for name, ref in reads.items()),
        tuple(Write(write.ref, node, write.how) for write, node in zip(given, results, strict=True)),
        clock=Index.of(clock),
    )


def added(ref: Ref) -> Write:
    """For `leaf(writes=...)`: a row that a result is added to."""
    return Write(ref, 0, "add")


__all__ = ["Buffer", "added", "leaf"]
