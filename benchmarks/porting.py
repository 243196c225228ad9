"""Both sides of every pair of the porting guides, run as they stand on the pages, and their spikes compared.

A pair is a part of a page in `docs/porting/` under a heading of its own: what the other library takes (a block that is
marked `py`), and the same here (marked `python`). Before each side runs what the page gives to both. Each side leaves
`spikes`, 0 and 1 over time and neurons; a training step leaves `gradient` too. Both run in double precision, so that a
spike differs only where the meaning does, and once more in single precision.

    python -m benchmarks.porting [--libraries snntorch nest] [--json FILE]

It runs in the environment of the peers (`make bench-peers`). A library that is not installed keeps what was recorded of
it, which is said. The record is `benchmarks/results/porting.json`; the table of `docs/porting/index.md` is made of it.
The suite runs the right-hand sides, and holds their spikes to those that are recorded of the left ones.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.markdown import table
from benchmarks.measure import ROOT, write_results
from benchmarks.options import say

GUIDES = ROOT / "docs" / "porting"
RESULTS = ROOT / "benchmarks" / "results" / "porting.json"
# a page, the distribution that its left-hand sides need, and how it is written
LIBRARIES = {
    "snntorch": ("snntorch", "snnTorch"),
    "spikingjelly": ("spikingjelly", "SpikingJelly"),
    "norse": ("norse", "Norse"),
    "brian2": ("brian2", "Brian2"),
    "neuron": ("neuron", "NEURON"),
    "nest": ("nest-simulator", "NEST"),
}
BEGIN, END = "<!-- made by python -m benchmarks.porting -->\n", "<!-- end -->"


@dataclass(frozen=True)
class Pair:
    """The same model twice: what comes before both, and the two sides."""

    library: str
    name: str
    given: str
    left: str
    right: str

    @property
    def text(self) -> str:
        """What stands for the left-hand side and its input: another text is another record."""
        return hashlib.sha256((self.given + self.left).encode()).hexdigest()[:16]

    def run(self, side: str, dtype: torch.dtype = torch.float64) -> Side:
        """Run a side ("left" or "right") with torch's default type as given."""
        # a module, in which a class of the page can be found again
        module = sys.modules["porting_pair"] = ModuleType("porting_pair")
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        # snnTorch makes its spikes by float(), in single precision whatever the input is, which its next layer refuses
        double = patch.object(torch.Tensor, "float", torch.Tensor.double)
        try:
            with double if (self.library, side, dtype) == ("snntorch", "left", torch.float64) else nullcontext():
                for text in (self.given, getattr(self, side)):
                    exec(compile(text, f"{self.library}.md, {self.name}", "exec"), vars(module))
        finally:
            torch.set_default_dtype(before)
            del sys.modules["porting_pair"]
        return Side.of(f"{self.library}: {self.name}, {side}", vars(module))


@dataclass(frozen=True)
class Side:
    """What a side left: spikes (time, neurons) and, of a training step, the gradient."""

    spikes: np.ndarray[Any, Any]
    gradient: np.ndarray[Any, Any] | None

    @classmethod
    def of(cls, owner: str, names: dict[str, Any]) -> Side:
        found = np.asarray(_plain(names["spikes"]))
        if not np.isin(found, (0, 1)).all():
            raise ValueError(f"{owner}: spikes that are neither 0 nor 1")
        gradient = names.get("gradient")
        return cls(found.reshape(len(found), -1).astype(bool), None if gradient is None else _plain(gradient))

    @property
    def raster(self) -> str:
        """A number for these very spikes."""
        shape = f"{self.spikes.shape}".encode()
        return hashlib.sha256(shape + np.packbits(self.spikes).tobytes()).hexdigest()[:16]

    def different(self, other: Side) -> int:
        """How many of the spikes and silences differ."""
        if self.spikes.shape != other.spikes.shape:
            raise ValueError(f"spikes of the shapes {self.spikes.shape} and {other.spikes.shape}")
        return int((self.spikes != other.spikes).sum())


def _plain(x: Any) -> np.ndarray[Any, Any]:
    return x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def pairs(library: str) -> list[Pair]:
    """The pairs of a page: what stands under headings of the third order; what comes before them is given to both."""
    page = (GUIDES / f"{library}.md").read_text(encoding="utf-8")
    sections = re.split(r"^(?=#{2,3} )", page, flags=re.MULTILINE)
    given = "\n".join(text for part in sections if not part.startswith("### ") for text in blocks(part, "python"))
    found: list[Pair] = []
    for part in sections:
        if not part.startswith("### "):
            continue
        name = part.partition("\n")[0].removeprefix("### ")
        left, right = blocks(part, "py"), blocks(part, "python")
        if len(left) != 1 or len(right) != 1:
            raise ValueError(f"{library}.md: not one pair under {name!r}")
        found.append(Pair(library, name, given, left[0], right[0]))
    return found


def compared(pair: Pair) -> dict[str, Any]:
    """The record of a pair, whose other library is installed."""
    left, right = pair.run("left"), pair.run("right")
    steps, neurons = left.spikes.shape
    record: dict[str, Any] = {
        "text": pair.text,
        "steps": steps,
        "neurons": neurons,
        "spikes": int(left.spikes.sum()),
        "raster": left.raster,
        "different": left.different(right),
        "first": _first(left, right),
    }
    if left.gradient is not None and right.gradient is not None:
        off = np.abs(left.gradient - right.gradient).max() / np.abs(left.gradient).max()
        record["gradient"], record["norm"] = float(off), float(np.linalg.norm(left.gradient))
    if "torch" in pair.given:  # other simulators have doubles alone
        singles = [pair.run(side, torch.float32) for side in ("left", "right")]
        record["different_in_single_precision"] = singles[0].different(singles[1])
    return record


def _first(left: Side, right: Side) -> int | None:
    """The first step in which they differ; None where they never do."""
    steps = np.nonzero((left.spikes != right.spikes).any(1))[0]
    return int(steps[0]) if len(steps) else None


def versions(library: str) -> str | None:
    """The version of a library that is installed."""
    try:
        return version(LIBRARIES[library][0])
    except PackageNotFoundError:
        return None


def rows(results: dict[str, Any]) -> Iterator[list[str]]:
    for library, (_, written) in LIBRARIES.items():
        for name, one in results["libraries"].get(library, {"pairs": {}})["pairs"].items():
            single, gradient = one.get("different_in_single_precision"), one.get("gradient")
            yield [
                f"[{written}]({library}.md): {name}",
                f"{one['steps']} x {one['neurons']}",
                f"{one['spikes']:,}",
                f"{one['different']:,}",
                "" if single is None else f"{single:,}",
                "" if gradient is None else f"{gradient:.0e}",
            ]


def shown(results: dict[str, Any]) -> str:
    """The table of the index."""
    known = ", ".join(f"{LIBRARIES[library][1]} {found['version']}" for library, found in results["libraries"].items())
    head = ["pair", "steps x neurons", "spikes", "that differ", "in float32", "gradient differs by"]
    return f"{BEGIN}\n{known}; {results['date']}.\n\n{table(head, rows(results))}\n{END}"


def with_table(page: str, results: dict[str, Any]) -> str:
    """The index with the table of these results."""
    before, _, rest = page.partition(BEGIN)
    if not rest:
        raise ValueError(f"index.md has no line {BEGIN!r}")
    return before + shown(results) + rest.partition(END)[2]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--libraries", nargs="+", choices=LIBRARIES, help="whose pairs run (default: all)")
    p.add_argument("--json", type=Path, help="where the record goes (default: benchmarks/results/, and the index)")
    options = p.parse_args()
    path = options.json or RESULTS
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["libraries"] if RESULTS.exists() else {}
    libraries: dict[str, Any] = {}
    for library, (distribution, written) in LIBRARIES.items():
        found = versions(library)
        if (options.libraries is None or library in options.libraries) and found is not None:
            libraries[library] = {"version": found, "pairs": {}}
            for pair in pairs(library):
                with contextlib.redirect_stdout(io.StringIO()):
                    record = libraries[library]["pairs"][pair.name] = compared(pair)
                differ = record["different"]
                told = "" if not differ else f", {differ} differ, the first in step {record['first']}"
                say(f"{written}, {pair.name}: {record['spikes']} spikes{told}")
            continue
        why = f": {distribution} is not installed" if found is None else ", since it was not asked for"
        say(f"{written} {'keeps its' if library in kept else 'has no'} record{why}")
        if library in kept:
            libraries[library] = kept[library]
    write_results(path, {"name": "porting", "libraries": libraries})
    if options.json is None:
        index = GUIDES / "index.md"
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        index.write_text(with_table(index.read_text(encoding="utf-8"), results), encoding="utf-8")
    wrong = [name for found in libraries.values() for name, one in found["pairs"].items() if one["different"]]
    if wrong:
        raise SystemExit(f"not the same spikes: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
