"""A little writer of LLVM assembly: instructions with fresh names, counted loops, and vectors whose tail is masked."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Loop:
    """A loop that is being written: its index, and the values that go from turn to turn."""

    index: str
    values: list[str]


class Code:
    """The body of a `@kernel(ptr %args)` that is being written; `args` is an array of 64-bit words."""

    def __init__(self, words: tuple[str, ...]):
        self.lines = ["define void @kernel(ptr %args) {", "entry:"]
        self.block = "entry"
        self._count = 0
        for k, name in enumerate(words):
            self.lines.append(f"  %p_{name} = getelementptr i64, ptr %args, i64 {k}")
            self.lines.append(f"  %{name} = load i64, ptr %p_{name}")

    def __call__(self, instruction: str) -> str:
        """Append an instruction that has a value; its name."""
        self._count += 1
        self.lines.append(f"  %n{self._count} = {instruction}")
        return f"%n{self._count}"

    def do(self, instruction: str) -> None:
        """Append an instruction without a value."""
        self.lines.append(f"  {instruction}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def fresh(self, name: str) -> str:
        """A label that is not taken."""
        self._count += 1
        return f"{name}{self._count}"

    def pointer(self, word: str) -> str:
        """A word as a pointer."""
        return self(f"inttoptr i64 {word} to ptr")

    def at(self, pointer: str, element: str, index: str) -> str:
        """The address of an element."""
        return self(f"getelementptr {element}, ptr {pointer}, i64 {index}")

    @contextmanager
    def loop(self, count: str, step: int = 1, kind: str = "", start: Sequence[str] = ()) -> Generator[Loop]:
        """Instructions for each index 0, step, ... below `count`.

        `start` are values of type `kind` that go from turn to turn: the body reads `values` and replaces them in
        place; behind the loop they are what the last turn left.
        """
        head, body, latch, end = (self.fresh(name) for name in ("head", "body", "latch", "end"))
        index, following, before = f"%i_{head}", f"%next_{head}", self.block
        self.do(f"br label %{head}")
        self.label(head)
        self.do(f"{index} = phi i64 [ 0, %{before} ], [ {following}, %{latch} ]")
        carried = [f"%c{k}_{head}" for k in range(len(start))]
        place = len(self.lines)
        more = self(f"icmp slt i64 {index}, {count}")
        self.do(f"br i1 {more}, label %{body}, label %{end}")
        self.label(body)
        loop = Loop(index, list(carried))
        yield loop
        self.do(f"br label %{latch}")
        self.label(latch)
        self.do(f"{following} = add i64 {index}, {step}")
        self.do(f"br label %{head}")
        self.lines[place:place] = [
            f"  {name} = phi {kind} [ {first}, %{before} ], [ {last}, %{latch} ]"
            for name, first, last in zip(carried, start, loop.values, strict=True)
        ]
        loop.values[:] = carried
        self.label(end)

    @contextmanager
    def tasks(self, counter: str, count: str) -> Generator[str]:
        """Instructions for each task that this thread takes from a shared counter."""
        take, body, end = (self.fresh(name) for name in ("take", "task", "done"))
        pointer = self.pointer(counter)
        self.do(f"br label %{take}")
        self.label(take)
        task = self(f"atomicrmw add ptr {pointer}, i64 1 seq_cst")
        some = self(f"icmp slt i64 {task}, {count}")
        self.do(f"br i1 {some}, label %{body}, label %{end}")
        self.label(body)
        yield task
        self.do(f"br label %{take}")
        self.label(end)

    @contextmanager
    def when(self, condition: str) -> Generator[None]:
        """Instructions that run where the condition holds."""
        then, end = self.fresh("then"), self.fresh("after")
        self.do(f"br i1 {condition}, label %{then}, label %{end}")
        self.label(then)
        yield
        self.do(f"br label %{end}")
        self.label(end)

    def text(self, *declarations: str) -> str:
        """The module."""
        return "\n".join([*declarations, *self.lines, "  ret void", "}", ""])
