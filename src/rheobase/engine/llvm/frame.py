"""The frame of every kernel: threads take blocks of lanes, a block walks its time, a step walks its vectors.

What is inside a step comes from outside (`emit_llvm`); here are loops, pointers, masks, and types of storage.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rheobase.engine.llvm.ir import Value, Writer
from rheobase.engine.llvm.layout import Layout

AHEAD = 2  # steps
STORED = {"f32": ("float", 4), "f64": ("double", 8), "bf16": ("i16", 2)}


class Frame(Writer):
    """A writer that knows the argument block, the lanes of the current block, and its scratch rows."""

    def __init__(self, bits: int, lanes: int, layout: Layout):
        super().__init__(bits, lanes)
        self.layout = layout
        self.size = bits // 8
        self.word: dict[str, Value] = {}
        self.mask: Value | None = None  # of the lanes that exist, in the last vector of a block
        self.offset: Value = "0"  # of the current vector within its block
        self.lane0: Value = "0"
        self.base: Value = "null"  # scratch of this thread

    # --- words -------------------------------------------------------------------------------------
    def slot(self, name: str) -> Value:
        """The address of a word."""
        return self.let(f"getelementptr i64, ptr %args, i64 {self.layout.slot(name)}", "p")

    def load_words(self) -> None:
        """Read the whole argument block once, at the head of the function."""
        for name in self.layout.names:
            if name not in ("counter", "threads"):
                self.word[name] = self.let(f"load i64, ptr {self.slot(name)}", "w")

    def pointer(self, name: str) -> Value:
        return self.let(f"inttoptr i64 {self.word[name]} to ptr", "p")

    def present(self, name: str) -> Value:
        """Whether the word is not zero (a null pointer stands for "not asked for")."""
        return self.let(f"icmp ne i64 {self.word[name]}, 0", "c")

    # --- control -----------------------------------------------------------------------------------
    def fresh(self, hint: str) -> str:
        self._count += 1
        return f"{hint}{self._count}"

    def jump(self, label: str) -> None:
        self.do(f"br label %{label}")

    @contextmanager
    def when(self, condition: Value) -> Generator[None, None, None]:
        then, after = self.fresh("then"), self.fresh("after")
        self.do(f"br i1 {condition}, label %{then}, label %{after}")
        self.label(then)
        yield
        self.jump(after)
        self.label(after)

    @contextmanager
    def loop(self, first: Value, end: Value, *, down: bool = False) -> Generator[Value, None, None]:
        """Yields the counter: first, first + 1, ... end - 1, or the same backwards."""
        cell = self._cell()
        head, body, exit_ = self.fresh("head"), self.fresh("body"), self.fresh("exit")
        self.do(f"store i64 {end if down else first}, ptr {cell}")
        self.jump(head)
        self.label(head)
        raw = self.let(f"load i64, ptr {cell}")
        inside = self.let(f"icmp s{'gt' if down else 'lt'} i64 {raw}, {first if down else end}")
        self.do(f"br i1 {inside}, label %{body}, label %{exit_}")
        self.label(body)
        counter = self.int("sub", raw, "1") if down else raw
        yield counter
        self.do(f"store i64 {counter if down else self.int('add', raw, '1')}, ptr {cell}")
        self.jump(head)
        self.label(exit_)

    def _cell(self) -> Value:
        """A stack slot for a counter, made in the entry block; LLVM turns it into a register."""
        name = f"%cell{len(self.allocas)}"
        self.allocas.append(f"  {name} = alloca i64")
        return name

    def int(self, op: str, a: Value, b: Value) -> Value:
        return self.let(f"{op} i64 {a}, {b}", "n")

    def smaller(self, a: Value, b: Value) -> Value:
        return self.let(f"select i1 {self.let(f'icmp slt i64 {a}, {b}')}, i64 {a}, i64 {b}", "n")

    def vectors(self, count: Value, body: Callable[[], None]) -> None:
        """Run `body` for each vector of a block of `count` lanes, the last one under a mask."""
        full = self.int("and", count, str(-self.lanes))
        cell, head, inside, tail_or_exit = (
            self._cell(),
            self.fresh("vec"),
            self.fresh("full"),
            self.fresh("rest"),
        )
        self.do(f"store i64 0, ptr {cell}")
        self.jump(head)
        self.label(head)
        self.offset = self.let(f"load i64, ptr {cell}", "o")
        more = self.let(f"icmp slt i64 {self.offset}, {full}")
        self.do(f"br i1 {more}, label %{inside}, label %{tail_or_exit}")
        self.label(inside)
        self.mask = None
        body()
        self.do(f"store i64 {self.int('add', self.offset, str(self.lanes))}, ptr {cell}")
        self.jump(head)
        self.label(tail_or_exit)
        partial = self.let(f"icmp slt i64 {full}, {count}")
        with self.when(partial):
            self.offset = full
            self.mask = self._tail_mask(self.int("sub", count, full))
            body()
            self.mask = None

    def _tail_mask(self, left: Value) -> Value:
        one = self.let(f"insertelement <{self.lanes} x i64> poison, i64 {left}, i64 0")
        zeros = f"<{self.lanes} x i32> zeroinitializer"
        many = self.let(f"shufflevector <{self.lanes} x i64> {one}, <{self.lanes} x i64> poison, {zeros}")
        iota = "<" + ", ".join(f"i64 {k}" for k in range(self.lanes)) + ">"
        return self.let(f"icmp slt <{self.lanes} x i64> {iota}, {many}")

    # --- storage outside: rows of `lanes` elements ---------------------------------------------------
    def row(self, name: str, index: Value, stored: str) -> Value:
        """The address of (index, lane0) in an array whose rows are all lanes."""
        elements = self.int("add", self.int("mul", index, self.word["lanes"]), self.lane0)
        return self.let(f"getelementptr {STORED[stored][0]}, ptr {self.pointer(name)}, i64 {elements}", "r")

    def fetch_ahead(self, row: Value, stored: str, *, write: bool = False, down: bool = False) -> None:
        """Ask for this vector of a row some steps on: rows lie a page apart, where the hardware does not look ahead."""
        kind, size = STORED[stored]
        step = self.int("mul", self.word["lanes"], str((-AHEAD if down else AHEAD) * size))
        later = self.let(f"getelementptr i8, ptr {row}, i64 {step}", "a")
        address = self.let(f"getelementptr {kind}, ptr {later}, i64 {self.offset}", "a")
        self.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 {int(write)}, i32 3, i32 1)")

    def row32(self, name: str) -> Value:
        """The address of lane0 in a row of 32-bit integers."""
        return self.let(f"getelementptr i32, ptr {self.pointer(name)}, i64 {self.lane0}", "r")

    def read(self, row: Value, stored: str) -> Value:
        """A vector of a row, as floats; lanes that do not exist read as zero."""
        kind, size = STORED[stored]
        vector = f"<{self.lanes} x {kind}>"
        address = self.let(f"getelementptr {kind}, ptr {row}, i64 {self.offset}", "a")
        if self.mask is None:
            raw = self.let(f"load {vector}, ptr {address}, align {size}")
        else:
            suffix = f"v{self.lanes}{'i16' if stored == 'bf16' else 'f' + str(size * 8)}"
            raw = self.call(
                vector, f"llvm.masked.load.{suffix}.p0",
                ("ptr", f"align {size} {address}"), (self.M, self.mask), (vector, "zeroinitializer"),
            )  # fmt: skip
        return self._widen(raw) if stored == "bf16" else raw

    def write(self, row: Value, value: Value, stored: str) -> None:
        kind, size = STORED[stored]
        vector = f"<{self.lanes} x {kind}>"
        address = self.let(f"getelementptr {kind}, ptr {row}, i64 {self.offset}", "a")
        raw = self._narrow(value) if stored == "bf16" else value
        if self.mask is None:
            self.do(f"store {vector} {raw}, ptr {address}, align {size}")
        else:
            suffix = f"v{self.lanes}{'i16' if stored == 'bf16' else 'f' + str(size * 8)}"
            self.call(
                "void", f"llvm.masked.store.{suffix}.p0",
                (vector, raw), ("ptr", f"align {size} {address}"), (self.M, self.mask),
            )  # fmt: skip

    def read_words32(self, row: Value) -> Value:
        """A vector of 32-bit integers of a row."""
        vector = f"<{self.lanes} x i32>"
        address = self.let(f"getelementptr i32, ptr {row}, i64 {self.offset}", "a")
        if self.mask is None:
            return self.let(f"load {vector}, ptr {address}, align 4")
        return self.call(
            vector, f"llvm.masked.load.v{self.lanes}i32.p0",
            ("ptr", f"align 4 {address}"), (self.M, self.mask), (vector, "zeroinitializer"),
        )  # fmt: skip

    def _widen(self, raw: Value) -> Value:
        """bfloat16 to float32: the upper half of the bits."""
        wide = self.let(f"zext <{self.lanes} x i16> {raw} to {self.I}")
        return self.to_float(self.iop("shl", wide, self.iconst(16)))

    def _narrow(self, value: Value) -> Value:
        """float32 to bfloat16, to nearest even; a NaN stays one."""
        bits = self.to_int(value)
        odd = self.iop("and", self.iop("lshr", bits, self.iconst(16)), self.iconst(1))
        rounded = self.iop("add", self.iop("add", bits, self.iconst(0x7FFF)), odd)
        quiet = self.iop("or", bits, self.iconst(0x400000))
        kept = self.iselect(self.cmp("uno", value, value), quiet, rounded)
        return self.let(f"trunc {self.I} {self.iop('lshr', kept, self.iconst(16))} to <{self.lanes} x i16>")

    # --- scratch: rows of the current block, padded, never masked --------------------------------------
    def scratch_row(self, index: Value) -> Value:
        return self.let(f"getelementptr i8, ptr {self.base}, i64 {self.int('mul', index, self.word['row_bytes'])}", "s")

    def keep(self, row: Value, value: Value) -> None:
        address = self.let(f"getelementptr {self.f}, ptr {row}, i64 {self.offset}", "a")
        self.do(f"store {self.F} {value}, ptr {address}, align {self.size}")

    def kept(self, row: Value) -> Value:
        address = self.let(f"getelementptr {self.f}, ptr {row}, i64 {self.offset}", "a")
        return self.let(f"load {self.F}, ptr {address}, align {self.size}")

    # --- the function ------------------------------------------------------------------------------------
    def kernel(self, name: str, prepare: Callable[[], None], block: Callable[[Value], None]) -> str:
        """A whole module: `prepare` once per thread, then `block(lanes of this block)` until none is left."""
        self.allocas: list[str] = []
        self.load_words()
        number = self.let(f"atomicrmw add ptr {self.slot('threads')}, i64 1 monotonic")
        start = self.let(f"inttoptr i64 {self.word['scratch']} to ptr")
        self.base = self.let(
            f"getelementptr i8, ptr {start}, i64 {self.int('mul', number, self.word['scratch_bytes'])}"
        )
        prepare()
        self.jump("next")
        self.label("next")
        taken = self.let(f"atomicrmw add ptr {self.slot('counter')}, i64 1 monotonic")
        more = self.let(f"icmp slt i64 {taken}, {self.word['blocks']}")
        self.do(f"br i1 {more}, label %work, label %done")
        self.label("work")
        self.lane0 = self.int("mul", taken, self.word["block"])
        left = self.int("sub", self.word["lanes"], self.lane0)
        short = self.let(f"icmp slt i64 {left}, {self.word['block']}")
        block(self.let(f"select i1 {short}, i64 {left}, i64 {self.word['block']}"))
        self.jump("next")
        self.label("done")
        self.do("ret void")
        body = "\n".join(["entry:", *self.allocas, *self.lines])
        declared = "\n".join(sorted(self.declared))
        return f"define void @{name}(ptr %args) {{\n{body}\n}}\n\n{declared}\n"
