"""The second half of a core's tick: leak, thresholds and resets of its neurons, in vectors of potentials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rheobase.chip.truenorth.board import NEURONS
from rheobase.chip.truenorth.configuration import POTENTIAL
from rheobase.chip.truenorth.kernel_synapses import mask, put_mask, widened
from rheobase.chip.truenorth.plan import DRAWS
from rheobase.engine.llvm.function import Function
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.random_numbers import Words

if TYPE_CHECKING:
    from rheobase.chip.truenorth.kernel import Kernel

ZERO = "zeroinitializer"
MODES = ("to_R", "linear", "kappa", "epsilon")  # bits of neurons, in this order in a row of the tables
OF_BITS = NEURONS // 8


def update(
    w: Kernel,
    v: Function,
    core: Value,
    record: Value,
    first: Value,
    sums: Sequence[Value],
    at: Sequence[Value],
    *,
    stochastic: bool,
) -> None:
    """Store the potentials `sums` after their tick to the addresses `at`, and who fired as bits."""
    tables = {name: w.table(record, name) for name in ("leak", "alpha", "R", "modes")}
    chance = _drawn(w, v, core, record, first, len(sums)) if stochastic else None
    spikes = w.at(w.spikes, w.int("lshr", first, 3), "i8")
    modes = {
        name: w.at(tables["modes"], w.int("add", w.int("lshr", first, 3), k * OF_BITS), "i8")
        for k, name in enumerate(MODES)
    }
    # no negative threshold of the core is higher
    least = w.let(f"load {v.f}, ptr {w.place(record, 'least')}")
    least, deep = v.splat(w.let(f"sub {v.f} 0, {least}")), "splat (i1 false)"
    for k, total in enumerate(sums):
        here = w.int("add", first, k * v.lanes)
        high, start = (v.load(w.at(tables[name], here, v.f)) for name in ("alpha", "R"))
        leak = widened(v, w.at(tables["leak"], here, "i16"), "i16", "sext")
        to_R, linear, epsilon = (mask(v, modes[name], k) for name in ("to_R", "linear", "epsilon"))
        if chance is not None:
            met, eta = (w.let(f"load {kind}, ptr {place}") for kind, place in zip((v.M, v.F), chance[k], strict=True))
            leak, high = v.select(met, leak, ZERO), v.add(high, eta)
        x = leaked(v, saturated(v, w.let(f"load {v.F}, ptr {total}")), leak, epsilon)
        x = saturated(v, x)
        fires = v.icmp("sge", x, high)
        deep = v.mor(deep, v.icmp("slt", x, least))
        y = v.select(v.mand(fires, linear), v.sub(x, high), x)
        v.store(v.select(v.mand(fires, to_R), start, y), at[k])
        put_mask(v, fires, spikes, k)
    with w.when(w.call("i1", f"llvm.vector.reduce.or.v{v.lanes}i1", (v.M, deep))):
        beta = w.table(record, "beta")
        for k, place in enumerate(at):
            here = w.int("add", first, k * v.lanes)
            eta = None if chance is None else w.let(f"load {v.F}, ptr {chance[k][1]}")
            start, low = v.load(w.at(tables["R"], here, v.f)), v.load(w.at(beta, here, v.f))
            _raise(v, place, low, eta, start, mask(v, spikes, k), *(mask(v, modes[name], k) for name in MODES[:3]))


def _raise(
    v: Function,
    place: Value,
    beta: Value,
    eta: Value | None,
    start: Value,
    fired: Value,
    to_R: Value,
    linear: Value,
    kappa: Value,
) -> None:
    """Resets of the potentials that are below the negative threshold, and have not just been reset."""
    x = v.load(place)
    low = beta if eta is None else v.add(beta, v.select(kappa, ZERO, eta))
    below = v.mand(v.icmp("slt", x, v.neg(low)), v.mnot(fired))
    free = v.mand(below, v.mnot(kappa))
    y = v.select(v.mand(below, kappa), v.neg(beta), x)
    y = v.select(v.mand(free, to_R), v.neg(start), y)
    v.store(v.select(v.mand(free, linear), v.add(x, low), y), place)


def leaked(v: Function, x: Value, leak: Value, epsilon: Value) -> Value:
    """After the leak; one with the sign of the potential ends at 0."""
    up = v.add(x, leak)
    away = v.select(v.icmp("sgt", x, ZERO), v.maximum(up, ZERO), v.minimum(v.sub(x, leak), ZERO))
    away = v.select(v.icmp("eq", x, ZERO), ZERO, away)
    return v.select(epsilon, away, up)


def saturated(v: Function, x: Value) -> Value:
    """Within 20 bits; cores whose potentials have 16 cannot leave those."""
    if v.bits == 16:
        return x
    least, most = (v.const(end) for end in POTENTIAL)
    return v.minimum(v.maximum(x, least), most)


def _drawn(w: Kernel, v: Function, core: Value, record: Value, first: Value, many: int) -> list[tuple[Value, Value]]:
    """For each vector, where it is kept whether the leak is met, and eta; a core that draws nothing hashes nothing."""
    kept = [(w.local(v.M), w.local(v.F)) for _ in range(many)]
    words = Words(v)
    for met, eta in kept:
        w.do(f"store {v.M} splat (i1 true), ptr {met}")
        w.do(f"store {v.F} {ZERO}, ptr {eta}")
    with w.when(w.flag(record, DRAWS)):
        sizes, bits = w.table(record, "leak_size"), w.table(record, "eta_bits")
        lane = w.int("add", w.int("mul", core, NEURONS), first)
        lane = w.let(f"trunc i64 {lane} to i32")
        narrow = f"<{v.lanes} x i8>"
        for k, (met, eta) in enumerate(kept):
            here = w.int("add", first, k * v.lanes)
            word = words.drawn(lane, w.keys[0], k * v.lanes)
            rho = w.let(f"trunc {words.vector} {words.op('lshr', word, words.all(24))} to {narrow}")
            size = v.load(w.at(sizes, here, "i8"), element="i8", lanes=v.lanes)
            w.do(f"store {v.M} {w.let(f'icmp uge {narrow} {size}, {rho}')}, ptr {met}")
            part = word if v.bits == 32 else w.let(f"trunc {words.vector} {word} to {v.F}")
            w.do(f"store {v.F} {v.iop('and', part, v.load(w.at(bits, here, v.f)))}, ptr {eta}")
    return kept
