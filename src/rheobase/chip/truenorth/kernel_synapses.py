"""What a core's active axons add to its potentials: rows of weights under the bits of the crossbar, or counts of axons.

Up to `FEW` active axons each adds its row of weights where it has synapses. Above, the axons of one type are counted
for each neuron in 8 bits, and each type adds its weight times its count. A stochastic weight is met by its draw: it
adds its sign where its size is not below 8 random bits, which each synapse of an active axon draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rheobase.chip.truenorth.board import AXONS, NEURONS, TYPES
from rheobase.chip.truenorth.reference import DRAWS as PER_WORD
from rheobase.engine.llvm.function import Function
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.random_numbers import Words

if TYPE_CHECKING:
    from rheobase.chip.truenorth.kernel import Kernel

FEW = {16: 40, 32: 14}  # by bits of a potential; measured: `python -m benchmarks.truenorth --crossover`
LINE = AXONS // 8


def integrate(
    w: Kernel,
    v: Function,
    core: Value,
    turn: Value,
    record: Value,
    first: Value,
    sums: Sequence[Value],
    *,
    stochastic: bool,
) -> None:
    """Add to the vectors `sums`, of the width of `v`: the potentials of the neurons from `first` on."""
    count = w.read_whole(w.at(w.active_counts, turn, "i64"))
    few = w.compare("sle", count, w.few[v.bits])
    # counts have 8 bits
    each = w.let(f"or i1 {few}, {w.compare('eq', count, AXONS)}")
    if stochastic:
        each = w.let(f"or i1 {each}, {w.compare('ne', w.entry(record, 'stochastic'), 0)}")
    with w.when(each):
        _rows(w, v, core, turn, record, first, sums, count, stochastic=stochastic)
    with w.when(w.let(f"xor i1 {each}, true")):
        _counts(w, v, core, turn, record, first, sums)


def _rows(
    w: Kernel,
    v: Function,
    core: Value,
    turn: Value,
    record: Value,
    first: Value,
    sums: Sequence[Value],
    count: Value,
    *,
    stochastic: bool,
) -> None:
    listed = w.at(w.active, w.int("mul", turn, AXONS), "i16")
    types, rows = w.table(record, "types"), w.rows_of(core)
    with w.loop(count) as k:
        axon = w.read_whole(w.at(listed, k.index, "i16"), "i16")
        row = w.at(rows, w.int("mul", axon, LINE), "i8")
        _events(w, row, first)
        kind = w.read_whole(w.at(types, axon, "i8"), "i8")
        bits = w.at(row, w.int("lshr", first, 3), "i8")
        if stochastic:
            drawn = w.int("and", w.int("lshr", w.entry(record, "stochastic"), kind), 1)
            of_chance = w.compare("ne", drawn, 0)
            with w.when(of_chance):
                _draw(w, core, axon, w.table(record, "size_0", kind), first, bits, len(sums) * v.lanes)
            bits = w.let(f"select i1 {of_chance}, ptr {w.drawn}, ptr {bits}", "p")
        weights = w.table(record, "weight_0", kind)
        for k_v, total in enumerate(sums):
            weight = widened(v, w.at(weights, w.int("add", first, k_v * v.lanes), weight_of(v)), weight_of(v), "sext")
            met = v.select(mask(v, bits, k_v), weight, "zeroinitializer")
            w.do(f"store {v.F} {v.add(w.let(f'load {v.F}, ptr {total}'), met)}, ptr {total}")


def _events(w: Kernel, row: Value, first: Value) -> None:
    """Count the synapses of an axon, once for all neurons."""
    words = f"<{LINE // 8} x i64>"
    with w.when(w.compare("eq", first, 0)):
        ones = w.call(words, f"llvm.ctpop.v{LINE // 8}i64", (words, w.let(f"load {words}, ptr {row}, align 8")))
        w.add_whole(
            w.totals["synaptic_events"], w.call("i64", f"llvm.vector.reduce.add.v{LINE // 8}i64", (words, ones))
        )


def _draw(w: Kernel, core: Value, axon: Value, sizes: Value, first: Value, bits: Value, neurons: int) -> None:
    """The synapses of an axon that are met by their draw, into `drawn`."""
    b, words = w.bytes, Words(w.long)
    place = w.int("add", w.int("mul", core, AXONS), axon)
    lane = w.int("add", w.int("mul", place, NEURONS // PER_WORD), w.int("lshr", first, 2))
    lane = w.let(f"trunc i64 {lane} to i32")
    for k in range(-(-neurons // b.lanes)):
        rho = w.let(f"bitcast {words.vector} {words.drawn(lane, w.keys[1], k * w.long.lanes)} to {b.F}")
        size = b.load(w.at(sizes, w.int("add", first, k * b.lanes), "i8"))
        met = b.mand(b.icmp("uge", size, rho), mask(b, bits, k))
        put_mask(b, met, w.drawn, k)


def _counts(
    w: Kernel, v: Function, core: Value, turn: Value, record: Value, first: Value, sums: Sequence[Value]
) -> None:
    b, rows = w.bytes, w.rows_of(core)
    active = w.at(w.active_bits, w.int("mul", turn, AXONS // 64), "i64")
    types = w.table(record, "of_type")
    counts = [w.local(b.F) for _ in range(-(-len(sums) * v.lanes // b.lanes))]
    with w.loop(TYPES) as kind:
        for count in counts:
            w.do(f"store {b.F} zeroinitializer, ptr {count}")
        of_type = w.at(types, w.int("mul", kind.index, AXONS // 64), "i64")
        with w.loop(AXONS // 64) as k:
            word = w.int("and", *(w.read_whole(w.at(place, k.index, "i64")) for place in (active, of_type)))
            with w.set_bits(word) as bit:
                row = w.at(rows, w.int("mul", w.int("add", w.int("shl", k.index, 6), bit), LINE), "i8")
                _events(w, row, first)
                bits = w.at(row, w.int("lshr", first, 3), "i8")
                for j, count in enumerate(counts):
                    one = w.let(f"sext {b.M} {mask(b, bits, j)} to {b.F}")
                    w.do(f"store {b.F} {b.sub(w.let(f'load {b.F}, ptr {count}'), one)}, ptr {count}")
        for j, count in enumerate(counts):
            b.store(w.let(f"load {b.F}, ptr {count}"), w.at(w.sums, j * b.lanes, "i8"))
        weights = w.table(record, "weight_0", kind.index)
        for k_v, total in enumerate(sums):
            many = widened(v, w.at(w.sums, k_v * v.lanes, "i8"), "i8", "zext")
            weight = widened(v, w.at(weights, w.int("add", first, k_v * v.lanes), weight_of(v)), weight_of(v), "sext")
            added = v.add(w.let(f"load {v.F}, ptr {total}"), v.mul(many, weight))
            w.do(f"store {v.F} {added}, ptr {total}")


# --- vectors ------------------------------------------------------------------------------------------------------


def weight_of(v: Function) -> str:
    """The type of weights beside potentials of a width."""
    return "i8" if v.bits == 16 else "i16"


def widened(v: Function, pointer: Value, kind: str, how: str) -> Value:
    """A vector of narrower numbers as those of `v`."""
    held = v.load(pointer, element=kind, lanes=v.lanes)
    if kind == v.f:
        return held
    return v.let(f"{how} <{v.lanes} x {kind}> {held} to {v.F}")


def mask(v: Function, bits: Value, k: int) -> Value:
    """The k-th vector of lanes of bits in memory, as a mask."""
    place = v.at(bits, k * v.lanes // 8, "i8")
    if v.lanes >= 8:
        return v.let(f"bitcast i{v.lanes} {v.let(f'load i{v.lanes}, ptr {place}, align 1')} to {v.M}")
    part = v.let(f"lshr i8 {v.let(f'load i8, ptr {place}')}, {k * v.lanes % 8}")
    return v.let(f"bitcast i{v.lanes} {v.let(f'trunc i8 {part} to i{v.lanes}')} to {v.M}")


def put_mask(v: Function, found: Value, bits: Value, k: int) -> None:
    """Store the k-th vector of lanes of a mask as bits; masks are stored in their order."""
    place = v.at(bits, k * v.lanes // 8, "i8")
    word = v.let(f"bitcast {v.M} {found} to i{v.lanes}")
    if v.lanes >= 8:
        v.do(f"store i{v.lanes} {word}, ptr {place}, align 1")
        return
    part = v.let(f"zext i{v.lanes} {word} to i8")
    if k * v.lanes % 8:
        shifted = v.let(f"shl i8 {part}, {k * v.lanes % 8}")
        part = v.let(f"or i8 {v.let(f'load i8, ptr {place}')}, {shifted}")
    v.do(f"store i8 {part}, ptr {place}")
