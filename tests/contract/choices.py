"""The drives and seeds of the contract tests, searched for once and kept in `choices.json`.

A drive is a step and a scale of input at which a model is active; a seed makes an input that keeps a model clear of its
thresholds, and calm. Both take longer to find than to use. What the table does not have is searched for on the spot, so
a new neuron needs nothing here. `rm tests/contract/choices.json`, then `RHEOBASE_CHOOSE=1 TRITON_INTERPRET=1 pytest
tests/contract tests/engine/triton_parity.py -n auto` searches for all of it again and runs no kernel.
`test_choices.py` does so for some models.
"""

from __future__ import annotations

import functools
import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from rheobase import Neuron

TABLE = Path(__file__).with_name("choices.json")
ANEW = "RHEOBASE_CHOOSE" in os.environ


def chosen(kind: str, key: str, search: Callable[[], Any]) -> Any:
    """What the table has for a key of its part `kind`, or else what the search finds."""
    if not ANEW:
        known = _table()[kind]
        return known[key] if key in known else search()
    import fcntl

    found = search()
    with TABLE.with_suffix(".lock").open("w") as lock:
        # other processes search at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        table = json.loads(TABLE.read_text()) if TABLE.exists() else {"drives": {}, "seeds": {}}
        table[kind][key] = found
        TABLE.write_text(json.dumps(table, indent=0, sort_keys=True) + "\n")
    return found


def key_of(name: str, neuron: Neuron, steps: int, batch: int, call: Mapping[str, Any]) -> str:
    """A name for a run: another for other parameters, sizes or arguments."""
    # to some digits: the last ones of a value that is stored as its logarithm differ between machines
    found = sorted(neuron.values().items())
    values = [(name, [f"{x:.5g}" for x in v.detach().flatten().tolist()]) for name, v in found]
    given = [(k, v.tolist() if isinstance(v, Tensor) else str(v)) for k, v in sorted(call.items())]
    told = repr((repr(type(neuron).__name__), tuple(neuron.shape), neuron.dt, steps, batch, values, given))
    return f"{name} {zlib.crc32(told.encode()):08x}"


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    return json.loads(TABLE.read_text())
