"""The argument block of a kernel: one array of 64-bit words, each with a name. Emitter and launcher share it."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = (
    "steps", "lanes",
    "block",  # lanes of one block
    "blocks", "counter",  # how many there are, and the next one to take
    "threads",  # the next thread's number
    "segment", "segments",  # steps between two kept states, and how many such stretches
    "scratch", "scratch_bytes", "row_bytes",  # workspace, its size per thread, and the size of one of its rows
    "bad",  # what was not finite: 1 is the input, 2 a state at the end
    "dt", "step", "seed",
    "lengths", "checkpoints",
)  # fmt: skip
PAD = 64  # bytes after each row of scratch, so that rows do not fall on the same cache sets


@dataclass(frozen=True)
class Layout:
    """Where each word stands."""

    names: tuple[str, ...]

    def slot(self, name: str) -> int:
        return self.names.index(name)


def forward_layout(inputs: int, states: int, params: int, traces: int) -> Layout:
    """Words of a forward kernel."""
    return Layout((
        *HEADER, *_many("input", inputs), *_many("param", params), *_many("init", states), "out",
        *_many("final", states), *_many("trace", traces),
    ))  # fmt: skip


def backward_layout(inputs: int, states: int, params: int, traces: int) -> Layout:
    """Words of a backward kernel: `g_final` come in, `g_input`, `g_init` and `g_param` go out."""
    return Layout((
        *HEADER, *_many("input", inputs), *_many("param", params), *_many("init", states), "g_out",
        *_many("g_final", states), *_many("g_trace", traces), *_many("g_input", inputs), *_many("g_init", states),
        *_many("g_param", params),
    ))  # fmt: skip


def _many(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}:{k}" for k in range(count))
