"""The function of a kernel: its argument words, loops and conditions, and the work that threads take piece by piece."""

from __future__ import annotations

import platform
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rheobase.engine.llvm.ir import SELDOM, Value, Writer

BYTES = {"float": 4, "double": 8, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
COUNTER, DONE = "counter", "done"  # the words that hold the next piece of work, and how many are done
SPINS = 4000  # looks at a word, some ten microseconds, before a thread that waits leaves the processor to others
X86 = platform.machine().lower() in ("x86_64", "amd64")


@dataclass
class Loop:
    """A loop that is being written: its index, and the vectors that it carries from one iteration to the next."""

    index: Value
    values: list[Value]


class Function(Writer):
    """Writes `@kernel(ptr %args)`; `args` are 64-bit words with these names, of which some are read as pointers."""

    def __init__(
        self, bits: int, lanes: int, names: Sequence[str], pointers: Collection[str] = (), *, whole: bool = False
    ):
        super().__init__(bits, lanes, whole=whole)
        self.names = tuple(names)
        self.locals: list[str] = []
        self.label("entry")
        self.word = {
            name: self.let(f"load {'ptr' if name in pointers else 'i64'}, ptr {self.slot(name)}", "w")
            for name in names
            if name not in (COUNTER, DONE)
        }

    def slot(self, name: str) -> Value:
        """The address of a word."""
        return self.let(f"getelementptr i64, ptr %args, i64 {self.names.index(name)}", "p")

    def local(self, kind: str = "i64", count: int = 1) -> Value:
        """The address of memory of this thread, which lasts as long as the function; one value becomes a register."""
        name = self.name("local")
        self.locals.append(f"  {name} = alloca {kind}, i64 {count}, align 64")
        return name

    # --- whole numbers ----------------------------------------------------------------------------
    def read_whole(self, pointer: Value, kind: str = "i64") -> Value:
        """A whole number in memory; one that is narrower has no sign."""
        held = self.let(f"load {kind}, ptr {pointer}")
        return held if kind == "i64" else self.let(f"zext {kind} {held} to i64", "n")

    def write_whole(self, value: Value | int, pointer: Value, kind: str = "i64") -> None:
        """Store a whole number, its lower bits where it is too wide."""
        if kind != "i64" and isinstance(value, str) and value.startswith("%"):
            value = self.let(f"trunc i64 {value} to {kind}")
        self.do(f"store {kind} {value}, ptr {pointer}")

    def add_whole(self, pointer: Value, amount: Value | int) -> None:
        """Add to a whole number in memory."""
        self.write_whole(self.int("add", self.read_whole(pointer), amount), pointer)

    def int(self, op: str, a: Value | int, b: Value | int) -> Value:
        return self.let(f"{op} i64 {a}, {b}", "n")

    def compare(self, order: str, a: Value | int, b: Value | int) -> Value:
        """`order` is LLVM's: slt, sge, ult, eq..."""
        return self.let(f"icmp {order} i64 {a}, {b}", "c")

    def smaller(self, a: Value, b: Value | int) -> Value:
        return self.let(f"select i1 {self.compare('slt', a, b)}, i64 {a}, i64 {b}", "n")

    def hidden(self, value: Value) -> Value:
        """The same whole number, of whose making LLVM knows nothing more: no instruction, in a register of its own."""
        return self.let(f'call i64 asm "", "=r,0"(i64 {value})', "n")

    # --- control ----------------------------------------------------------------------------------
    def jump(self, label: str) -> None:
        self.do(f"br label %{label}")

    def fresh(self, hint: str) -> str:
        """A label."""
        return self.name(hint)[1:]

    @contextmanager
    def when(self, condition: Value, *, rare: bool = False) -> Generator[None]:
        """Lines that run if the condition holds; `rare` tells LLVM that it seldom does."""
        then, after = self.fresh("then"), self.fresh("after")
        self.do(f"br i1 {condition}, label %{then}, label %{after}{f', {SELDOM}' if rare else ''}")
        self.label(then)
        yield
        self.jump(after)
        self.label(after)

    @contextmanager
    def loop(
        self,
        stop: Value | int,
        *,
        start: Value | int = 0,
        step: int = 1,
        down: bool = False,
        carried: Sequence[Value] = (),
    ) -> Generator[Loop]:
        """Lines for each index from `start` to below `stop`, or from `stop` - 1 down to `start`.

        `carried` are the initial vectors that go from one iteration to the next. The body reads `values` and replaces
        them in place; after the loop they are those of the last iteration.
        """
        head, body, latch, end = (self.fresh(hint) for hint in ("head", "body", "latch", "end"))
        at, following, before = self.name("at"), self.name("following"), self.block
        kept = [self.name("carried") for _ in carried]
        self.jump(head)
        self.label(head)
        self.do(f"{at} = phi i64 [ {stop if down else start}, %{before} ], [ {following}, %{latch} ]")
        place = len(self.lines)
        more = self.compare("sgt", at, start) if down else self.compare("slt", at, stop)
        self.do(f"br i1 {more}, label %{body}, label %{end}")
        self.label(body)
        loop = Loop(self.int("sub", at, step) if down else at, list(kept))
        yield loop
        self.jump(latch)
        self.label(latch)
        self.do(f"{following} = {'sub' if down else 'add'} i64 {at}, {step}")
        self.jump(head)
        # what the last iteration leaves is known only now
        self.lines[place:place] = [
            f"  {name} = phi {self.F} [ {first}, %{before} ], [ {last}, %{latch} ]"
            for name, first, last in zip(kept, carried, loop.values, strict=True)
        ]
        loop.values[:] = kept
        self.label(end)

    @contextmanager
    def set_bits(self, word: Value) -> Generator[Value]:
        """A loop over the bits that are set in a word of 64: yields the number of each, the lowest first."""
        before, test, body, after = self.block, *(self.fresh(hint) for hint in ("bits", "bit", "through"))
        mask, left = self.name("mask"), self.name("left")
        self.jump(test)
        self.label(test)
        place = len(self.lines)
        self.do(f"br i1 {self.compare('eq', mask, 0)}, label %{after}, label %{body}")
        self.label(body)
        bit = self.call("i64", "llvm.cttz.i64", ("i64", mask), ("i1", "true"))
        self.do(f"{left} = and i64 {mask}, {self.int('sub', mask, 1)}")
        yield bit
        self.lines.insert(place, f"  {mask} = phi i64 [ {word}, %{before} ], [ {left}, %{self.block} ]")
        self.jump(test)
        self.label(after)

    @contextmanager
    def pieces(self, total: str) -> Generator[Value]:
        """A loop over pieces of work: yields a number below the word `total`; each is taken by one thread alone."""
        take, work, done = (self.fresh(hint) for hint in ("take", "work", "done"))
        self.jump(take)
        self.label(take)
        taken = self.let(f"atomicrmw add ptr {self.slot(COUNTER)}, i64 1 monotonic")
        self.do(f"br i1 {self.compare('slt', taken, self.word[total])}, label %{work}, label %{done}")
        self.label(work)
        yield taken
        self.jump(take)
        self.label(done)

    @contextmanager
    def rounds(self, rounds: str, total: str) -> Generator[tuple[Value, Value]]:
        """A loop over rounds of work: yields the round, below the word `rounds`, and a piece of it, below `total`.

        No piece begins before all pieces of the round before are done, so the threads stay in the kernel from round to
        round, however many they are. A thread that waits spins for a while, and then yields the processor.
        """
        every = self.word[total]
        whole = self.int("mul", self.word[rounds], every)
        labels = ("take", "taken", "wait", "idle", "yield", "pause", "work", "out")
        take, taken, wait, idle, give, pause, work, out = (self.fresh(hint) for hint in labels)
        spins, more = self.name("spins"), self.name("more")
        self.jump(take)
        self.label(take)
        ticket = self.let(f"atomicrmw add ptr {self.slot(COUNTER)}, i64 1 monotonic")
        self.do(f"br i1 {self.compare('slt', ticket, whole)}, label %{taken}, label %{out}")
        self.label(taken)
        number, piece = self.int("udiv", ticket, every), self.int("urem", ticket, every)
        due, counted = self.int("mul", number, every), self.slot(DONE)
        self.jump(wait)
        self.label(wait)
        self.do(f"{spins} = phi i64 [ 0, %{taken} ], [ {more}, %{pause} ]")
        ready = self.let(f"load atomic i64, ptr {counted} acquire, align 8")
        self.do(f"br i1 {self.compare('sge', ready, due)}, label %{work}, label %{idle}")
        self.label(idle)
        self.do(f"{more} = add i64 {spins}, 1")
        self.do(f"br i1 {self.compare('slt', more, SPINS)}, label %{pause}, label %{give}")
        self.label(give)
        self.declared.add("declare i32 @sched_yield()")
        self.let("call i32 @sched_yield()")
        self.jump(pause)
        self.label(pause)
        if X86:
            self.declared.add("declare void @llvm.x86.sse2.pause()")
            self.do("call void @llvm.x86.sse2.pause()")
        self.jump(wait)
        self.label(work)
        yield number, piece
        self.let(f"atomicrmw add ptr {counted}, i64 1 release")
        self.jump(take)
        self.label(out)

    # --- vectors in memory ------------------------------------------------------------------------
    def below(self, count: Value, lanes: int | None = None) -> Value:
        """The mask of the first `count` lanes."""
        n = lanes or self.lanes
        one = self.let(f"insertelement <{n} x i64> poison, i64 {count}, i64 0")
        many = self.let(f"shufflevector <{n} x i64> {one}, <{n} x i64> poison, <{n} x i32> zeroinitializer")
        return self.let(f"icmp slt <{n} x i64> <{', '.join(f'i64 {k}' for k in range(n))}>, {many}")

    def at(self, pointer: Value, index: Value | int, element: str | None = None) -> Value:
        """The address of an element of the LLVM type `element` (by default a float of the writer's width)."""
        return self.let(f"getelementptr {element or self.f}, ptr {pointer}, i64 {index}", "a")

    def load(self, pointer: Value, mask: Value | None = None, element: str | None = None, lanes: int = 0) -> Value:
        """A vector; under a mask the other lanes read as zero."""
        kind, n = element or self.f, lanes or self.lanes
        vector = f"<{n} x {kind}>"
        if mask is None:
            return self.let(f"load {vector}, ptr {pointer}, align {BYTES[kind]}")
        return self.call(
            vector,
            f"llvm.masked.load.{_suffix(n, kind)}.p0",
            ("ptr", f"align {BYTES[kind]} {pointer}"),
            (f"<{n} x i1>", mask),
            (vector, "zeroinitializer"),
        )

    def store(
        self, value: Value, pointer: Value, mask: Value | None = None, element: str | None = None, lanes: int = 0
    ) -> None:
        kind, n = element or self.f, lanes or self.lanes
        vector = f"<{n} x {kind}>"
        if mask is None:
            self.do(f"store {vector} {value}, ptr {pointer}, align {BYTES[kind]}")
            return
        self.call(
            "void",
            f"llvm.masked.store.{_suffix(n, kind)}.p0",
            (vector, value),
            ("ptr", f"align {BYTES[kind]} {pointer}"),
            (f"<{n} x i1>", mask),
        )

    def fetch(self, pointer: Value, *, write: bool = False) -> None:
        """Bring the line of an address into the cache."""
        self.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.do(f"call void @llvm.prefetch.p0(ptr {pointer}, i32 {int(write)}, i32 3, i32 1)")

    # --- the module -------------------------------------------------------------------------------
    def text(self) -> str:
        """The text of the whole module; ends the function after the lines written so far."""
        entry, *lines = self.lines
        body = "\n".join([entry, *self.locals, *lines, "  ret void"])
        return f"define void @kernel(ptr %args) {{\n{body}\n}}\n\n" + "\n".join(sorted(self.declared)) + "\n"


def _suffix(lanes: int, element: str) -> str:
    whole = element.startswith("i")
    return f"v{lanes}{element if whole else f'f{8 * BYTES[element]}'}"
