"""Work that falls into independent units, whose results are stored: done here, or by the workers of a Dask cluster.

A unit is the least that an interruption loses. `run` skips the units whose results stand already, hands the others to
an executor, and gives each result as soon as it is stored:

>>> import tempfile
>>> from pathlib import Path
>>> def roots(n: int) -> dict[str, float]:
...     return {"root": n**0.5}
>>> units = [Unit(f"root-{n}", roots, {"n": n}) for n in (1, 4, 9)]
>>> with tempfile.TemporaryDirectory() as folder:
...     [done.result["root"] for done in run(units, Path(folder))]
[1.0, 2.0, 3.0]
"""

from __future__ import annotations

from rheobase.jobs.claim import claim
from rheobase.jobs.dask import OnDask
from rheobase.jobs.run import Done, Executor, Here, run
from rheobase.jobs.unit import NotYet, Unit

__all__ = ["Done", "Executor", "Here", "NotYet", "OnDask", "Unit", "claim", "run"]
