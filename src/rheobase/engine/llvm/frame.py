"""The frame of a nest's kernel: threads take blocks of lanes, and walk their vectors.

What a block does comes from outside (`nests.py`); here are pointers, masks, and types of storage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rheobase.engine.llvm.function import BYTES, Function
from rheobase.engine.llvm.ir import Value
from rheobase.engine.lowering.lower import whole, within
from rheobase.engine.nest.nest import BITS, WHOLE

AHEAD = 2  # rows
# of every launch, before what its nest adds
WORDS = (
    "lanes",
    "block",
    "blocks",
    "counter",  # lanes of all and of one block; how many blocks, and the next one to take
    "threads",  # the next thread's number
    "scratch",
    "scratch_bytes",
    "row_bytes",  # workspace, its size per thread, and the size of one of its rows
    "bad",  # the flags that were raised
    "seed",
    "step",  # of noise: its seed, and the absolute step at which the launch begins
)
# the elements of rows
STORED = {
    "f32": "float",
    "f64": "double",
    "bf16": "i16",
    "i8": "i8",
    "u8": "i8",
    "i16": "i16",
    "i32": "i32",
    "bits": "i8",
}


class Frame(Function):
    """A function that knows the lanes of the current block, and its scratch rows."""

    def __init__(self, bits: int, lanes: int, names: Sequence[str], *, whole: bool = False):
        super().__init__(bits, lanes, (*WORDS, *names), whole=whole)
        self.mask: Value | None = None  # of the lanes that exist, in the last vector of a block
        self.offset: Value = "0"  # of the current vector within its block
        self.offsets: list[Value] = ["0"]  # of the vectors that are computed side by side
        self.lane0: Value = "0"
        number = self.let(f"atomicrmw add ptr {self.slot('threads')}, i64 1 monotonic")
        mine = self.int("mul", number, self.word["scratch_bytes"])
        self.base = self.at(self.pointer("scratch"), mine, "i8")  # scratch of this thread

    def pointer(self, name: str) -> Value:
        return self.let(f"inttoptr i64 {self.word[name]} to ptr", "p")

    def present(self, name: str) -> Value:
        """Whether the word is not zero (a null pointer stands for "not asked for")."""
        return self.compare("ne", self.word[name], 0)

    def vectors(self, count: Value, body: Callable[[], None], side: int = 1) -> None:
        """Run `body` for each vector of a block of `count` lanes, the last one under a mask.

        With `side` (a power of two), so many of them at once: `offsets` says where they begin.

        Where a vector begins is hidden from LLVM. Of rows at a common index it would make pointers that walk, one for
        each row, and search for the best choice of them: half of the time to compile, for code that is no faster.
        """
        full = self.int("and", count, -self.lanes * side)
        with self.loop(full, step=self.lanes * side) as vector:
            here = self.hidden(vector.index)
            self.offsets = [self.int("add", here, k * self.lanes) for k in range(side)]
            body()
        with self.loop(count, start=full, step=self.lanes) as vector:
            here = self.hidden(vector.index)
            self.offsets, self.mask = [here], self.below(self.int("sub", count, here))
            body()
        self.mask = None

    # --- storage outside: rows of `lanes` elements ---------------------------------------------------
    def row(self, name: str, index: Value, stored: str) -> Value:
        """The address of (index, lane0) in an array whose rows are all lanes."""
        if stored == BITS:
            bytes_of = self.int("shl", self.int("lshr", self.int("add", self.word["lanes"], 63), 6), 3)
            first = self.int("add", self.int("mul", index, bytes_of), self.int("lshr", self.lane0, 3))
            return self.at(self.pointer(name), first, "i8")
        elements = self.int("add", self.int("mul", index, self.word["lanes"]), self.lane0)
        return self.at(self.pointer(name), elements, STORED[stored])

    def fetch_ahead(self, row: Value, stored: str, *, write: bool = False, down: bool = False) -> None:
        """Prefetch this vector `AHEAD` rows on (back if `down`): rows lie pages apart, so the hardware does not."""
        step = self.int("mul", self.word["lanes"], (-AHEAD if down else AHEAD) * BYTES[STORED[stored]])
        self.fetch(self.at(self.at(row, step, "i8"), self.offset, STORED[stored]), write=write)

    def read(self, row: Value, stored: str) -> Value:
        """A vector of a row, as the kernel computes with it; lanes that do not exist read as zero."""
        raw = self.load(self.at(row, self.offset, STORED[stored]), self.mask, STORED[stored])
        if self.whole:
            return self._resized(raw, STORED[stored], self.f, "zext" if stored == "u8" else "sext")
        if stored in WHOLE:
            return self.let(
                f"{'uitofp' if stored == 'u8' else 'sitofp'} <{self.lanes} x {STORED[stored]}> {raw} to {self.F}"
            )
        return self._widen(raw) if stored == "bf16" else raw

    def write(self, row: Value, value: Value, stored: str) -> None:
        raw = self._narrow(value) if stored == "bf16" else value
        if self.whole:
            raw = self._resized(within(self, value, *WHOLE[stored]), self.f, STORED[stored], "sext")
        elif stored in WHOLE:
            kept, kind = whole(self, value, *WHOLE[stored]), f"<{self.lanes} x {STORED[stored]}>"
            raw = self.let(f"{'fptoui' if stored == 'u8' else 'fptosi'} {self.F} {kept} to {kind}")
        self.store(raw, self.at(row, self.offset, STORED[stored]), self.mask, STORED[stored])

    def read_bits(self, row: Value) -> Value:
        """The mask of a vector's lanes; a vector of few lanes is a part of a byte."""
        byte, n = self.at(row, self.int("lshr", self.offset, 3), "i8"), self.lanes
        if n >= 8:
            return self.let(f"bitcast i{n} {self.let(f'load i{n}, ptr {byte}, align 1')} to {self.M}")
        shift = self.let(f"trunc i64 {self.int('and', self.offset, 7)} to i8")
        held = self.let(f"lshr i8 {self.let(f'load i8, ptr {byte}')}, {shift}")
        return self.let(f"bitcast i{n} {self.let(f'trunc i8 {held} to i{n}')} to {self.M}")

    def write_bits(self, row: Value, mask: Value) -> None:
        """Store a mask as bits; bits of lanes that do not exist are 0."""
        byte, n = self.at(row, self.int("lshr", self.offset, 3), "i8"), self.lanes
        bits = self.let(f"bitcast {self.M} {mask if self.mask is None else self.mand(mask, self.mask)} to i{n}")
        if n >= 8:
            self.do(f"store i{n} {bits}, ptr {byte}, align 1")
            return
        shift = self.let(f"trunc i64 {self.int('and', self.offset, 7)} to i8")
        new = self.let(f"shl i8 {self.let(f'zext i{n} {bits} to i8')}, {shift}")
        others = self.let(f"xor i8 {self.let(f'shl i8 {2**n - 1}, {shift}')}, -1")
        old = self.let(f"and i8 {self.let(f'load i8, ptr {byte}')}, {others}")
        self.do(f"store i8 {self.let(f'or i8 {old}, {new}')}, ptr {byte}")

    def read_words32(self, row: Value) -> Value:
        """A vector of 32-bit integers of a row."""
        return self.load(self.at(row, self.offset, "i32"), self.mask, "i32")

    def _resized(self, value: Value, old: str, new: str, wider: str) -> Value:
        """Integers of another width."""
        if old == new:
            return value
        how = wider if BYTES[new] > BYTES[old] else "trunc"
        return self.let(f"{how} <{self.lanes} x {old}> {value} to <{self.lanes} x {new}>")

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
        return self.at(self.base, self.int("mul", index, self.word["row_bytes"]), "i8")

    def keep(self, row: Value, value: Value) -> None:
        self.store(value, self.at(row, self.offset))

    def kept(self, row: Value) -> Value:
        return self.load(self.at(row, self.offset))

    # --- the function ------------------------------------------------------------------------------------
    def blocks(self, block: Callable[[Value], None]) -> str:
        """The module's text: the lines so far run once per thread, then those of `block(lane count)` for each block."""
        with self.pieces("blocks") as taken:
            self.lane0 = self.int("mul", taken, self.word["block"])
            left = self.int("sub", self.word["lanes"], self.lane0)
            block(self.smaller(left, self.word["block"]))
        return self.text()
