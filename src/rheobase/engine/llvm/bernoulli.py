"""A kernel that draws random spikes: a loop over samples, time and vectors of words, on torch's own threads.

Each 32-bit word holds two draws. The word of a lane at a step is a multiply-and-xorshift hash of the lane's first
key and the step's key, into which the lane's second key is added half-way. Vectors in which nothing can ever spike
(the dark border of an image) are not hashed.
"""

from __future__ import annotations

import ctypes
import functools

import torch
from torch import Tensor

from rheobase.core.random_numbers import FIRST, SECOND
from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.function import COUNTER, Function
from rheobase.engine.llvm.ir import Value

# How 1 lies in memory, as an integer of its width.
ONE = {
    torch.float32: (32, 0x3F800000),
    torch.float64: (64, 0x3FF << 52),
    torch.bfloat16: (16, 0x3F80),
    torch.float16: (16, 0x3C00),
}
NUMBERS, POINTERS = ("samples", "vectors", "steps", "stride", "width"), ("low", "on", "first", "second", "times", "out")
WORDS = (COUNTER, *NUMBERS, *POINTERS)
SHIFTS, FACTORS = (16, 15, 16), (FIRST, SECOND - (1 << 32))  # of lowbias32, as signed words
SMALL = 1 << 15  # draws under which a second thread costs more than it gives


def supports(out: Tensor) -> bool:
    """Whether `fill` can write into this tensor."""
    return out.device.type == "cpu" and out.dtype in ONE and out.is_contiguous()


def fill(out: Tensor, level: Tensor, first: Tensor, second: Tensor, times: Tensor) -> None:
    """Write 1 where a draw of 16 random bits is below `level`, else 0.

    Shapes: out (steps, samples, features), contiguous; level (samples, features) in 0 ... 65536; first and second
    (samples, words) int32 and times (steps,) int32 are the keys; words = ceil(features / 2).
    """
    steps, samples, features = out.shape
    lanes = host().vector_bits // 32
    vectors = -(-features // (2 * lanes))
    pad = 2 * lanes * vectors - features
    # a draw is a signed number of 16 bits: it spikes if it is at most `low`, and only where `on`
    low = torch.nn.functional.pad((level.long() - 32769).clamp(min=-32768).to(torch.int16), (0, pad))
    on = torch.nn.functional.pad((level > 0).to(torch.int16).neg(), (0, pad))
    words = lanes * vectors - first.shape[1]
    first, second = (torch.nn.functional.pad(k, (0, words)).contiguous() for k in (first, second))
    low, on, times = low.contiguous(), on.contiguous(), times.contiguous()
    given = {
        "samples": samples,
        "counter": 0,
        "vectors": vectors,
        "steps": steps,
        "width": features,
        "stride": samples * features,
        "low": low.data_ptr(),
        "on": on.data_ptr(),
        "first": first.data_ptr(),
        "second": second.data_ptr(),
        "times": times.data_ptr(),
        "out": out.data_ptr(),
    }
    arguments = (ctypes.c_int64 * len(WORDS))(*(given[name] for name in WORDS))
    code = _kernel(out.dtype, lanes)
    workers = min(threads.available(), samples) if out.numel() > SMALL else 1
    threads.launch(code.call, code.address, ctypes.addressof(arguments), workers)


@functools.cache
def _kernel(dtype: torch.dtype, lanes: int) -> Compiled:
    return compile_module(_assembly(*ONE[dtype], lanes))


def _assembly(bits: int, one: int, lanes: int) -> str:
    w = Function(32, lanes, WORDS, POINTERS)
    draws, held = 2 * lanes, w.word
    last = w.int("sub", held["vectors"], 1)
    with w.pieces("samples") as sample, w.loop(held["steps"]) as t:
        now = w.let(f"load i32, ptr {w.at(held['times'], t.index, 'i32')}")
        first = w.let(f"insertelement {w.I} poison, i32 {now}, i64 0")
        key = w.let(f"shufflevector {w.I} {first}, {w.I} poison, <{lanes} x i32> zeroinitializer")
        begin = w.int("add", w.int("mul", t.index, held["stride"]), w.int("mul", sample, held["width"]))
        with w.loop(held["vectors"]) as v:
            k = w.int("add", w.int("mul", sample, held["vectors"]), v.index)
            values = _spikes(w, k, key, bits, one)
            column = w.int("mul", v.index, draws)
            out = w.at(held["out"], w.int("add", begin, column), f"i{bits}")
            whole = w.compare("slt", v.index, last)
            with w.when(whole):
                w.store(values, out, None, f"i{bits}", draws)
            with w.when(w.let(f"xor i1 {whole}, true")):
                inside = w.below(w.int("sub", held["width"], column), draws)
                w.store(values, out, inside, f"i{bits}", draws)
    return w.text()


def _spikes(w: Function, k: Value, key: Value, bits: int, one: int) -> Value:
    """The k-th vector of draws: 1 as it lies in memory, or 0."""
    draws = 2 * w.lanes
    halves, stored = f"<{draws} x i16>", f"<{draws} x i{bits}>"
    at = w.int("mul", k, draws)
    on = w.load(w.at(w.word["on"], at, "i16"), None, "i16", draws)
    some = w.let(f"icmp ne i{16 * draws} {w.let(f'bitcast {halves} {on} to i{16 * draws}')}, 0")
    before = w.block
    with w.when(some):
        words = w.int("mul", k, w.lanes)
        x, second = (w.load(w.at(w.word[name], words, "i32"), None, "i32") for name in ("first", "second"))
        x = w.iop("add", x, key)
        x = w.iop("mul", w.iop("xor", x, w.iop("lshr", x, w.iconst(SHIFTS[0]))), w.iconst(FACTORS[0]))
        x = w.iop("add", x, second)
        x = w.iop("mul", w.iop("xor", x, w.iop("lshr", x, w.iconst(SHIFTS[1]))), w.iconst(FACTORS[1]))
        x = w.iop("xor", x, w.iop("lshr", x, w.iconst(SHIFTS[2])))
        drawn = w.let(f"bitcast {w.I} {x} to {halves}")
        low = w.load(w.at(w.word["low"], at, "i16"), None, "i16", draws)
        hit = w.let(f"icmp sle {halves} {drawn}, {low}")
        fires = w.let(f"and {halves} {w.let(f'sext <{draws} x i1> {hit} to {halves}')}, {on}")
        here = w.block
    spikes = w.let(f"phi {halves} [ zeroinitializer, %{before} ], [ {fires}, %{here} ]")
    wide = w.let(f"{'sext' if bits > 16 else 'bitcast'} {halves} {spikes} to {stored}")
    return w.let(f"and {stored} {wide}, splat (i{bits} {one})")
