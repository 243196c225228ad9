"""Units that write down each time they are done; workers import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rheobase.jobs import NotYet, Unit


def root(n, log):
    with Path(log).open("a") as file:
        file.write(f"{n}\n")
    return {"root": n**0.5}


def slow(n, log, dies):
    """Ends its own process in the middle, the first time that it is done with `dies`."""
    begun = Path(f"{log}-{n}-begun")
    again = begun.exists()
    begun.touch()
    time.sleep(0.1)
    if dies and not again:
        os.kill(os.getpid(), signal.SIGKILL)
    return root(n, log)


def after(n, other, folder, log):
    held = other.stored(Path(folder))
    if held is None:
        raise NotYet(other.name)
    root(n, log)
    return {"root": held.result["root"] + n}


def units(log, count=4, **more):
    function = slow if more else root
    return [
        Unit(f"root-{n}", function, {"n": n, "log": str(log), **(more if more else {})}, {"n": n}) for n in range(count)
    ]


def counted(log):
    return Path(log).read_text().split() if Path(log).exists() else []
