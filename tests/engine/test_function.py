"""Words of kernels that are no nests: memory of a thread, bits of a word, vectors of several widths, random words."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
import torch

from rheobase.core.random_numbers import keys, words
from rheobase.engine.llvm.compile import compile_module
from rheobase.engine.llvm.frame import Frame
from rheobase.engine.llvm.function import Function
from rheobase.engine.llvm.random_numbers import Words


def ran(w: Function, *given: torch.Tensor | int) -> None:
    code = compile_module(w.text())
    block = (ctypes.c_int64 * len(given))(*(x if isinstance(x, int) else x.data_ptr() for x in given))
    code.call(ctypes.addressof(block))


@pytest.mark.parametrize("word", [0, 1, 1 << 63, (1 << 64) - 1, 0x8000_0400_0000_0011])
def test_set_bits_of_a_word_in_their_order(word: int) -> None:
    w = Function(32, 4, ("word", "out", "many"), ("out", "many"))
    count = w.local()
    w.write_whole(0, count)
    with w.loop(2), w.set_bits(w.word["word"]) as bit:
        w.write_whole(bit, w.at(w.word["out"], w.read_whole(count), "i16"), "i16")
        w.add_whole(count, 1)
    w.write_whole(w.read_whole(count), w.word["many"])
    out, many = torch.zeros(128, dtype=torch.int16), torch.zeros(1, dtype=torch.int64)
    ran(w, word if word < 1 << 63 else word - (1 << 64), out, many)
    expected = [k for k in range(64) if word >> k & 1] * 2
    assert out[: int(many)].tolist() == expected


def test_vectors_of_several_widths_in_one_function() -> None:
    w = Function(16, 8, ("a", "b", "out"), ("a", "b", "out"), whole=True)
    long = w.of_width(32, 8)
    a, b = (w.load(w.word[name]) for name in ("a", "b"))
    wide = [long.let(f"sext {w.F} {x} to {long.F}") for x in (a, b)]
    long.store(long.mul(*wide), w.word["out"])
    a, b = (torch.tensor(x, dtype=torch.int16) for x in ([30000, -32768, 7, 0, 1, -1, 32767, 5], [-32768] * 8))
    out = torch.zeros(8, dtype=torch.int32)
    ran(w, a, b, out)
    assert torch.equal(out, a.int() * b.int())


@pytest.mark.parametrize("side", [1, 4])
def test_where_a_vector_begins_is_hidden_from_llvm(side: int) -> None:
    """Not from the numbers: else LLVM searches for pointers that walk, half of the time that a kernel takes it."""
    w, seen = Frame(32, 8, ("out",)), list[str]()

    def body() -> None:
        seen.extend(w.offsets)
        for offset in w.offsets:
            w.write_whole(offset, w.at(w.pointer("out"), offset, "i64"))

    w.vectors(w.word["lanes"], body, side)
    made = dict(line.strip().split(" = ", 1) for line in w.lines if " = " in line)
    for offset in seen:
        while "add" in made[offset]:
            offset = made[offset].split()[2].strip(",")
        assert "asm" in made[offset]
    out = torch.full((80,), -1)
    ran(w, 75, *[0] * 10, out)
    begins = torch.arange(0, 80, 8)
    assert torch.equal(out[begins], begins)
    assert int((out >= 0).sum()) == len(begins)


@pytest.mark.parametrize("first", [0, 5, (1 << 32) - 3])
def test_words_are_those_of_the_reference(first: int) -> None:
    w = Function(32, 8, ("first", "key", "out"), ("out",))
    lane, key = (w.let(f"trunc i64 {w.word[name]} to i32") for name in ("first", "key"))
    w.store(Words(w).drawn(lane, key, 3), w.word["out"], element="i32")
    out = torch.zeros(8, dtype=torch.int32)
    ran(w, first, keys(11, 4, 2)[0], out)
    expected = words(np.arange(8) + first + 3, 11, 4, 2)[0]
    np.testing.assert_array_equal(out.numpy().view(np.uint32), expected)
