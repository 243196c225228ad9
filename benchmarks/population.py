"""60 models under 16 currents into a folder (`rheobase.cells.population`): the highest memory, the time, the size.

The run is short (`--ms`): of its length, memory holds a segment and the currents alone. Of two lengths the difference
says what a longer run would take. Nothing else is timed beside it, so time is that of this machine as it was.

    python -m benchmarks.population [--quick] [--ms 200]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import interneuron
from benchmarks.options import finish, parsed, parser, say
from benchmarks.peak import kilobytes
from rheobase import cells, stimuli

MODELS = 60


def make(models: list[str], dt: float = interneuron.DT) -> cells.Cell:
    """The cells of these numbers."""
    return interneuron.cells([int(name) for name in models], dt)


def measured(ms: float, models: int, memory: float) -> dict[str, float]:
    """One population in this process."""
    given = {f"{a} nA": stimuli.step(a, start=0.2 * ms, stop=0.8 * ms) for a in interneuron.AMPLITUDES}
    before = kilobytes("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        found = cells.population(make, [str(k) for k in range(models)], given, folder, t_stop=ms, memory=memory)
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        return {
            "ms": ms,
            "models": models,
            "stimuli": len(given),
            "memory": memory,
            "units": len(found.layout.units),
            "seconds": seconds,
            "resident_before": 1024 * before,
            "resident_peak": 1024 * kilobytes("VmHWM"),
            "on_disk": size,
            "spikes": int(found.counts.sum()),
        }


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--ms", type=float, default=200.0, help="the longer of the two runs; the other is half of it")
    options = parsed(command)
    models = 4 if options.quick else MODELS
    rows = []
    for ms in (options.ms / 2, options.ms):
        call = f"print(json.dumps(measured({ms}, {models}, 1e9)))"
        code = f"import json; from benchmarks.population import measured; {call}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        say(f"{ms:g} ms: " + ", ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()))
    finish("population", options, {"rows": rows})


if __name__ == "__main__":
    main()
