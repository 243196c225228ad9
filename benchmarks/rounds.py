"""A round of parallel work: threads that stay in one kernel, against one entry into their pool for each round.

Two pieces of next to no work in each of 10,000 rounds; microseconds for a round.

    python -m benchmarks.rounds [--quick]
"""

from __future__ import annotations

import ctypes
from dataclasses import asdict

import torch

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, parsed, parser, say
from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import compile_module
from rheobase.engine.llvm.function import COUNTER, DONE, Function

WORDS = (COUNTER, DONE, "rounds", "pieces", "counts")
PIECES = 2


class Counted(Function):
    """Each piece of a round adds one to its own number, a cache line apart."""

    def __init__(self) -> None:
        super().__init__(64, 2, WORDS, ("counts",))
        with self.rounds("rounds", "pieces") as (_, piece):
            place = self.at(self.word["counts"], self.int("mul", piece, 8), "i64")
            self.do(f"store i64 {self.int('add', self.let(f'load i64, ptr {place}'), 1)}, ptr {place}")


def main() -> None:
    options = parsed(parser(__doc__))
    kernel, counts = compile_module(Counted().text()), torch.zeros(PIECES * 8, dtype=torch.int64)
    rounds, workers = 100 if options.quick else 10_000, threads.available()

    def entered(times: int, each: int) -> None:
        for _ in range(times):
            words = (ctypes.c_int64 * len(WORDS))(0, 0, each, PIECES, counts.data_ptr())
            threads.launch(kernel.call, kernel.address, ctypes.addressof(words), workers)

    timings = interleave(
        [Contestant("one entry", lambda: entered(1, rounds)), Contestant("an entry each", lambda: entered(rounds, 1))],
        budget=options.budget / 8,
    )
    found = {name: {"seconds": asdict(t), "us": 1e6 * t.median / rounds} for name, t in timings.items()}
    say(f"{workers} threads: " + ", ".join(f"{name} {row['us']:.2f} us for a round" for name, row in found.items()))
    finish("rounds", options, {"workers": workers, "rounds": rounds, "rows": found})


if __name__ == "__main__":
    main()
