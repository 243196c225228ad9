"""Whether 30 % fewer hops can be had for the networks that `benchmarks.placement` left undecided.

    python -m benchmarks.placement_undecided [--rounds 200] [--nodes 100] [--quick] [--json FILE]

They are those of its record whose bound by cuts is below 30 % and for which no search found them. On up to 6 tiles so
many bounds by relaxation (`benchmarks.placement_relaxation`) are tried, on more one. A run goes on with what its record
lacks.
"""

from __future__ import annotations

import json
import time
from typing import Any

from benchmarks.measure import ROOT
from benchmarks.options import earlier, finish, parsed, parser, say
from benchmarks.placement import BAR, network
from benchmarks.placement_relaxation import proven
from rheobase.chip.loihi import Loihi

SMALL = 6  # tiles


def undecided() -> list[dict[str, Any]]:
    """The rows of the record that neither their bound nor their search decides."""
    held = json.loads((ROOT / "benchmarks" / "results" / "placement.json").read_text(encoding="utf-8"))["below"]
    return [r for r in held if not r["exact"] and r["least"] <= (1 - BAR) * r["at_random"] < r["searched"]]


def main() -> None:
    more = parser(__doc__)
    more.add_argument("--rounds", type=int, default=200, help="of a bound")
    more.add_argument("--nodes", type=int, default=100, help="bounds of a network")
    options = parsed(more)
    limits = {"rounds": options.rounds, "nodes": options.nodes}
    done = list(earlier("placement_undecided", options, **limits).values())
    rows = sorted(undecided(), key=lambda r: r["grid"][0] * r["grid"][1])
    rows = rows[:2] if options.quick else [r for r in rows if r["seed"] not in {each["seed"] for each in done}]
    for row in rows:
        start, found = time.process_time(), network(row["seed"])
        if found is None or (found["mapped"], found["at_random"]) != (row["mapped"], row["at_random"]):
            raise SystemExit(f"network {row['seed']} is not that of the record: measure it again, benchmarks.placement")
        width, height = found["grid"]
        nodes, bar = options.nodes if width * height <= SMALL else 1, (1 - BAR) * found["at_random"]
        shown = proven(found["flow"], width, height, Loihi().tile, above=bar, rounds=options.rounds, nodes=nodes)
        seconds = round(time.process_time() - start, 1)
        done.append({k: row[k] for k in ("seed", "cores", "grid")} | {"proven": shown, "seconds": seconds})
        say(str(done[-1]))
        # after each, so that a run that is stopped goes on
        finish("placement_undecided", options, {**limits, "cases": {str(each["seed"]): each for each in done}})


if __name__ == "__main__":
    main()
