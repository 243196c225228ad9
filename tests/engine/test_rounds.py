"""Rounds of work within one kernel: nothing of a round begins before the last one is done, on any number of threads."""

from __future__ import annotations

import ctypes

import pytest
import torch
from torch import Tensor

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import compile_module
from rheobase.engine.llvm.function import COUNTER, DONE, Function

WORDS = (COUNTER, DONE, "rounds", "pieces", "cells")


class Ring(Function):
    """Each cell becomes the mean of itself and of its left neighbour at the round before; two rows take turns."""

    def __init__(self) -> None:
        super().__init__(64, 2, WORDS, ("cells",))
        n = self.word["pieces"]
        with self.rounds("rounds", "pieces") as (number, piece):
            old = self.at(self.word["cells"], self.int("mul", self.int("and", number, 1), n))
            new = self.at(self.word["cells"], self.int("mul", self.int("xor", self.int("and", number, 1), 1), n))
            left = self.int("urem", self.int("add", piece, self.int("sub", n, 1)), n)
            a, b = (self.let(f"load double, ptr {self.at(old, k)}") for k in (left, piece))
            half = self.let(f"fmul double {self.let(f'fadd double {a}, {b}')}, {self.scalar(0.5)}")
            self.do(f"store double {half}, ptr {self.at(new, piece)}")


KERNEL = compile_module(Ring().text())


def ran(cells: Tensor, rounds: int, workers: int) -> Tensor:
    both = torch.stack([cells, torch.zeros_like(cells)])
    words = (ctypes.c_int64 * len(WORDS))(0, 0, rounds, len(cells), both.data_ptr())
    threads.launch(KERNEL.call, KERNEL.address, ctypes.addressof(words), workers)
    assert words[WORDS.index(DONE)] == rounds * len(cells)
    return both[rounds % 2]


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_a_ring_of_cells(pieces: int, workers: int) -> None:
    cells = torch.rand(pieces, dtype=torch.float64, generator=torch.Generator().manual_seed(pieces))
    rounds = 500 if workers > 3 else 3000
    expected = cells
    for _ in range(rounds):
        expected = (expected.roll(1) + expected) * 0.5
    for _ in range(3):
        assert torch.equal(ran(cells, rounds, workers), expected)


def test_no_rounds() -> None:
    cells = torch.rand(4, dtype=torch.float64)
    assert torch.equal(ran(cells, 0, 2), cells)
