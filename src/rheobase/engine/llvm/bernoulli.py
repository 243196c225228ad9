"""Random spikes at kernel speed: a loop over samples, time and vectors of words, on torch's own threads.

Each 32-bit word holds two draws. The word of a lane at a step is a multiply-and-xorshift hash of the lane's first
key and the step's key, into which the lane's second key is added half-way. Vectors in which nothing can ever spike
(the dark border of an image) are not hashed.
"""

from __future__ import annotations

import ctypes
import functools

import torch
from torch import Tensor

from rheobase.core.noise import FIRST, SECOND
from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host

# How 1 lies in memory, as an integer of its width.
ONE = {torch.float32: (32, 0x3F800000), torch.float64: (64, 0x3FF << 52), torch.bfloat16: (16, 0x3F80),
       torch.float16: (16, 0x3C00)}  # fmt: skip
WORDS = ("samples", "counter", "vectors", "steps", "stride", "width", "low", "on", "first", "second", "times", "out")
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
        "samples": samples, "counter": 0, "vectors": vectors, "steps": steps, "width": features,
        "stride": samples * features, "low": low.data_ptr(), "on": on.data_ptr(), "first": first.data_ptr(),
        "second": second.data_ptr(), "times": times.data_ptr(), "out": out.data_ptr(),
    }  # fmt: skip
    arguments = (ctypes.c_int64 * len(WORDS))(*(given[name] for name in WORDS))
    code = _kernel(out.dtype, lanes)
    workers = min(threads.available(), samples) if out.numel() > SMALL else 1
    threads.launch(code.call, code.address, ctypes.addressof(arguments), workers)


@functools.cache
def _kernel(dtype: torch.dtype, lanes: int) -> Compiled:
    return compile_module(_assembly(*ONE[dtype], lanes))


def _assembly(bits: int, one: int, lanes: int) -> str:
    draws = 2 * lanes
    words, halves, mask, stored = f"<{lanes} x i32>", f"<{draws} x i16>", f"<{draws} x i1>", f"<{draws} x i{bits}>"
    cast = "sext" if bits > 16 else "bitcast"
    widened = f"  %wide = {cast} {halves} %spikes to {stored}"
    iota = "<" + ", ".join(f"i64 {k}" for k in range(draws)) + ">"
    named = "\n".join(
        f"  %p_{name} = getelementptr i64, ptr %args, i64 {k}\n  %{name} = load i64, ptr %p_{name}"
        for k, name in enumerate(WORDS)
    )
    return f"""
declare void @llvm.masked.store.v{draws}i{bits}.p0({stored}, ptr, i32, {mask})
define void @kernel(ptr %args) {{
entry:
{named}
{_pointers("low", "on", "first", "second", "times", "out")}
  %last = sub i64 %vectors, 1
  br label %take
take:
  %sample = atomicrmw add ptr %p_counter, i64 1 seq_cst
  %some = icmp slt i64 %sample, %samples
  br i1 %some, label %sample_begins, label %done
sample_begins:
  %base = mul i64 %sample, %vectors
  %row = mul i64 %sample, %width
  br label %step
step:
  %t = phi i64 [ 0, %sample_begins ], [ %t_next, %step_ends ]
  %p_time = getelementptr i32, ptr %a_times, i64 %t
  %time = load i32, ptr %p_time
  %time1 = insertelement {words} poison, i32 %time, i64 0
  %times_all = shufflevector {words} %time1, {words} poison, <{lanes} x i32> zeroinitializer
  %t_row = mul i64 %t, %stride
  %out_row = add i64 %t_row, %row
  br label %vector
vector:
  %v = phi i64 [ 0, %step ], [ %v_next, %stored ]
  %k = add i64 %base, %v
  %at = mul i64 %k, {draws}
  %p_on_here = getelementptr i16, ptr %a_on, i64 %at
  %on_words = load {halves}, ptr %p_on_here, align 2
  %together = bitcast {halves} %on_words to i{16 * draws}
  %any = icmp ne i{16 * draws} %together, 0
  br i1 %any, label %draw, label %write
draw:
  %at_words = mul i64 %k, {lanes}
  %p_first_here = getelementptr i32, ptr %a_first, i64 %at_words
  %key1 = load {words}, ptr %p_first_here, align 4
  %p_second_here = getelementptr i32, ptr %a_second, i64 %at_words
  %key2 = load {words}, ptr %p_second_here, align 4
  %x0 = add {words} %key1, %times_all
  %s0 = lshr {words} %x0, splat (i32 {SHIFTS[0]})
  %x1 = xor {words} %x0, %s0
  %m1 = mul {words} %x1, splat (i32 {FACTORS[0]})
  %x2 = add {words} %m1, %key2
  %s2 = lshr {words} %x2, splat (i32 {SHIFTS[1]})
  %x3 = xor {words} %x2, %s2
  %x4 = mul {words} %x3, splat (i32 {FACTORS[1]})
  %s4 = lshr {words} %x4, splat (i32 {SHIFTS[2]})
  %x5 = xor {words} %x4, %s4
  %drawn = bitcast {words} %x5 to {halves}
  %p_low_here = getelementptr i16, ptr %a_low, i64 %at
  %below = load {halves}, ptr %p_low_here, align 2
  %hit = icmp sle {halves} %drawn, %below
  %all_hits = sext {mask} %hit to {halves}
  %fires = and {halves} %all_hits, %on_words
  br label %write
write:
  %spikes = phi {halves} [ zeroinitializer, %vector ], [ %fires, %draw ]
{widened}
  %values = and {stored} %wide, splat (i{bits} {one})
  %column = mul i64 %v, {draws}
  %place = add i64 %out_row, %column
  %p_out_here = getelementptr i{bits}, ptr %a_out, i64 %place
  %whole = icmp slt i64 %v, %last
  br i1 %whole, label %store_whole, label %store_part
store_whole:
  store {stored} %values, ptr %p_out_here, align {bits // 8}
  br label %stored
store_part:
  %room = sub i64 %width, %column
  %room1 = insertelement <{draws} x i64> poison, i64 %room, i64 0
  %room_all = shufflevector <{draws} x i64> %room1, <{draws} x i64> poison, <{draws} x i32> zeroinitializer
  %inside = icmp slt <{draws} x i64> {iota}, %room_all
  call void @llvm.masked.store.v{draws}i{bits}.p0({stored} %values, ptr %p_out_here, i32 {bits // 8}, {mask} %inside)
  br label %stored
stored:
  %v_next = add i64 %v, 1
  %more = icmp slt i64 %v_next, %vectors
  br i1 %more, label %vector, label %step_ends
step_ends:
  %t_next = add i64 %t, 1
  %later = icmp slt i64 %t_next, %steps
  br i1 %later, label %step, label %take
done:
  ret void
}}
"""


def _pointers(*names: str) -> str:
    return "\n".join(f"  %a_{name} = inttoptr i64 %{name} to ptr" for name in names)
