"""The compiled emulator: ticks, shards of cores, and spikes on their way from one core to another.

A round is a tick, a piece a shard: cores that follow one another. In its round a shard takes what was sent to it in the
tick before, computes its cores, and lists what they send by the shard of the target. All that a tick adds to what is
due are bits, and all that it counts are sums, so the result does not depend on the shards or the order of the pieces.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from rheobase.chip.truenorth.board import AXONS, NEURONS
from rheobase.chip.truenorth.kernel_neurons import update
from rheobase.chip.truenorth.kernel_synapses import FEW, integrate
from rheobase.chip.truenorth.plan import DELAY_BITS, PRESENT, RECORD, STOCHASTIC, TARGET_BITS, WIDE
from rheobase.chip.truenorth.results import SLOTS, Counts
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.function import COUNTER, DONE, Function
from rheobase.engine.llvm.ir import Value

NUMBERS = (
    "rounds",
    "shards",
    "ticks",  # rounds are one more than ticks: the last one only takes what was sent
    "lists",  # of spikes that a shard sends: one for each shard, and one for each other process
    "tick",
    "neurons",  # the first tick, and how many neurons there are, which are as many as axons
    "rows",  # cores whose spikes are recorded
)
POINTERS = (
    "bounds", "owners",  # the first core of each shard, and the shard of each core: i32
    "crossbar", "tables", "cores",  # `tables` and `cores` are those of the plan
    "raster_rows",  # of each core, its row in the raster; -1 where it is not recorded
    "narrow", "wide", "due",  # the state
    "sent", "sent_counts", "fired", "targets",  # what goes from shard to shard; who fired; 64 bits on each one's target
    "inputs", "input_starts",  # axons that are active from outside, and where those of (tick, shard) begin
    "keys",  # of random words: for each tick, those of neurons and of synapses
    "raster", "counts",  # spikes as bits (ticks, rows, neurons), and counts (ticks, shards, COUNTED)
)  # fmt: skip
WORDS = (COUNTER, DONE, *NUMBERS, *POINTERS)
COUNTED = 8  # counts of a shard in a tick, as many as a line of the cache holds
AHEAD = 2  # cores, for which is fetched what will be needed
BATCH = 16  # cores, after which their spikes are sent: what is known of the targets is then fetched
LISTS = 4  # of active axons that are kept at once, more than AHEAD
LINE = AXONS // 8  # bytes of the bits of one core


@functools.cache
def kernel() -> Compiled:
    """The kernel, for this machine."""
    return compile_module(Kernel(host().vector_bits).text())


class Kernel(Function):
    """Writes the kernel. Vectors of 16 bits are its own, those of 32 bits `long`."""

    def __init__(self, vector_bits: int, few: Mapping[int, int] = FEW):
        super().__init__(16, vector_bits // 16, WORDS, POINTERS, whole=True)
        self.long = self.of_width(32, vector_bits // 32)
        self.bytes = self.of_width(8, vector_bits // 8)
        self.few = few  # active axons, up to which rows are added, by the bits of a potential
        # so many vectors of potentials stay in registers
        self.side = 16 if vector_bits == 512 else 8
        self.totals = {name: self.local() for name in Counts._fields}
        self.many = self.local()  # neurons that fired
        self.active_count = self.local()  # of the core that is prepared
        self.active = self.local("i16", LISTS * AXONS)
        self.active_counts = self.local("i64", LISTS)
        self.active_bits = self.local("i64", LISTS * AXONS // 64)
        self.drawn = self.local("i8", LINE)  # synapses of one axon, those that are met by their draw
        self.sums = self.local("i8", NEURONS)  # how many axons of one type reach each neuron
        self.spikes = self.local("i64", NEURONS // 64)
        with self.rounds("rounds", "shards") as (number, shard):
            with self.when(self.compare("sgt", number, 0)):
                self.take(self.int("sub", number, 1), shard)
            with self.when(self.compare("slt", number, self.word["ticks"])):
                self.tick(number, shard)

    # --- what arrives -----------------------------------------------------------------------------
    def take(self, number: Value, shard: Value) -> None:
        """Mark the axons that all shards have sent to this one in the round `number`."""
        merged, held = self.totals["merged"], self.word
        self.write_whole(0, merged)
        with self.loop(held["shards"]) as source:
            entries = self.entries(number, source.index, shard)
            with self.loop(self.read_whole(self.sent_count(number, source.index, shard))) as k:
                self.mark(self.read_whole(self.at(entries, k.index, "i32"), "i32"), merged)
        self.add_whole(self.count_of(number, shard, "merged"), self.read_whole(merged))

    def mark(self, entry: Value, merged: Value) -> None:
        """Set a bit of what is due, and count where it was set."""
        place = self.at(self.word["due"], self.int("lshr", entry, 6), "i64")
        old, bit = self.read_whole(place), self.int("and", entry, 63)
        self.write_whole(self.int("or", old, self.int("shl", 1, bit)), place)
        self.add_whole(merged, self.int("and", self.int("lshr", old, bit), 1))

    def sent_count(self, number: Value, source: Value, target: Value) -> Value:
        """Where the length of the list from shard to shard stands; those of two rounds take turns."""
        held = self.word
        row = self.int("add", self.int("mul", self.int("and", number, 1), held["shards"]), source)
        return self.at(held["sent_counts"], self.int("add", self.int("mul", row, held["lists"]), target), "i64")

    def entries(self, number: Value, source: Value, target: Value) -> Value:
        """Where a list lies: each has room for all neurons of its source."""
        held, (low, high) = self.word, self.ends(source)
        before = self.int("add", self.int("mul", self.int("and", number, 1), held["neurons"]), self.first_of(low))
        own = self.int("mul", self.first_of(self.int("sub", high, low)), target)
        return self.at(held["sent"], self.int("add", self.int("mul", before, held["lists"]), own), "i32")

    def ends(self, shard: Value) -> tuple[Value, Value]:
        """The first core of a shard, and that of the next."""
        places = (self.at(self.word["bounds"], k, "i32") for k in (shard, self.int("add", shard, 1)))
        low, high = (self.read_whole(place, "i32") for place in places)
        return low, high

    def first_of(self, core: Value) -> Value:
        """The first neuron of a core, and its first axon."""
        return self.int("mul", core, NEURONS)

    def count_of(self, number: Value, shard: Value, name: str) -> Value:
        row = self.int("add", self.int("mul", number, self.word["shards"]), shard)
        return self.at(self.word["counts"], self.int("add", self.int("mul", row, COUNTED), field(name)), "i64")

    # --- a tick of a shard ------------------------------------------------------------------------
    def tick(self, number: Value, shard: Value) -> None:
        held = self.word
        now = self.int("add", held["tick"], number)
        slot = self.int("and", now, SLOTS - 1)
        for total in self.totals.values():
            self.write_whole(0, total)
        first = self.int("mul", slot, held["neurons"])
        self.given(number, shard, first)
        with self.loop(held["lists"]) as target:
            self.write_whole(0, self.sent_count(number, shard, target.index))
        keys = self.at(held["keys"], self.int("mul", number, 2), "i32")
        self.keys = [self.let(f"load i32, ptr {self.at(keys, k, 'i32')}") for k in (0, 1)]
        self.due = self.at(held["due"], self.int("lshr", first, 3), "i8")
        low, high = self.ends(shard)
        self.fired = self.at(held["fired"], self.first_of(low), "i32")
        with self.loop(self.smaller(self.int("add", low, AHEAD), high), start=low) as core:
            self.prepare(core.index)
        with self.loop(high, start=low, step=BATCH) as batch:
            end = self.smaller(self.int("add", batch.index, BATCH), high)
            self.write_whole(0, self.many)
            with self.loop(end, start=batch.index) as core:
                ahead = self.int("add", core.index, AHEAD)
                with self.when(self.compare("slt", ahead, high)):
                    self.prepare(ahead)
                self.core(core.index, number)
            self.send(number, shard, now)
        for name, total in self.totals.items():
            self.write_whole(self.read_whole(total), self.count_of(number, shard, name))

    def given(self, number: Value, shard: Value, first: Value) -> None:
        """Mark the axons that are active from outside."""
        held = self.word
        row = self.int("add", self.int("mul", number, held["shards"]), shard)
        begin, end = (self.read_whole(self.at(held["input_starts"], k, "i64")) for k in (row, self.int("add", row, 1)))
        with self.loop(end, start=begin) as k:
            axon = self.read_whole(self.at(held["inputs"], k.index, "i32"), "i32")
            self.mark(self.int("add", first, axon), self.totals["merged"])

    def prepare(self, core: Value) -> None:
        """List the active axons of a core, and fetch what they will need."""
        turn = self.int("and", core, LISTS - 1)
        listed = self.at(self.active, self.int("mul", turn, AXONS), "i16")
        bits = self.at(self.active_bits, self.int("mul", turn, AXONS // 64), "i64")
        line = self.at(self.due, self.int("mul", core, LINE), "i8")
        count, rows = self.active_count, self.rows_of(core)
        record = self.at(self.word["cores"], self.int("mul", core, len(RECORD)), "i32")
        types, wide = self.table(record, "types"), self.flag(record, WIDE)
        self.write_whole(0, count)
        with self.loop(AXONS // 64) as k:
            place = self.at(line, k.index, "i64")
            word = self.read_whole(place)
            # it is due once
            self.write_whole(0, place)
            self.write_whole(word, self.at(bits, k.index, "i64"))
            with self.set_bits(word) as bit:
                axon = self.int("add", self.int("shl", k.index, 6), bit)
                self.write_whole(axon, self.at(listed, self.read_whole(count), "i16"), "i16")
                self.add_whole(count, 1)
                self.fetch(self.at(rows, self.int("mul", axon, LINE), "i8"))
                kind = self.read_whole(self.at(types, axon, "i8"), "i8")
                weights = self.table(record, "weight_0", kind)
                self.fetch_row(weights, NEURONS)
                with self.when(wide):
                    self.fetch_row(self.at(weights, NEURONS, "i8"), NEURONS)
        self.write_whole(self.read_whole(count), self.at(self.active_counts, turn, "i64"))
        self.fetch_rows(record)

    def fetch_rows(self, record: Value) -> None:
        """Fetch the potentials of a core, and the parameters that every tick reads."""
        row = self.int("mul", self.entry(record, "row"), NEURONS)
        self.fetch_row(self.table(record, "leak"), 2 * NEURONS)
        wide = self.flag(record, WIDE)
        with self.when(wide):
            self.fetch_row(self.at(self.word["wide"], row, "i32"), 4 * NEURONS)
            self.fetch_row(self.table(record, "alpha"), 4 * NEURONS)
        with self.when(self.let(f"xor i1 {wide}, true")):
            self.fetch_row(self.at(self.word["narrow"], row), 2 * NEURONS)
            self.fetch_row(self.table(record, "alpha"), 2 * NEURONS)

    def fetch_row(self, row: Value, size: int) -> None:
        for byte in range(0, size, 64):
            self.fetch(self.at(row, byte, "i8"))

    def rows_of(self, core: Value) -> Value:
        """The synapses of a core, a line for each axon."""
        return self.at(self.word["crossbar"], self.int("mul", core, AXONS * LINE), "i8")

    # --- one core ---------------------------------------------------------------------------------
    def core(self, core: Value, number: Value) -> None:
        record = self.at(self.word["cores"], self.int("mul", core, len(RECORD)), "i32")
        kind = self.entry(record, "kind")
        turn = self.int("and", core, LISTS - 1)
        self.add_whole(self.totals["active_axons"], self.read_whole(self.at(self.active_counts, turn, "i64")))
        for wide in (0, WIDE):
            for stochastic in (0, STOCHASTIC):
                this = self.compare("eq", self.int("and", kind, WIDE | STOCHASTIC), wide | stochastic)
                with self.when(this):
                    self.compute(core, turn, record, wide=bool(wide), stochastic=bool(stochastic))
        self.record(core, number)

    def compute(self, core: Value, turn: Value, record: Value, *, wide: bool, stochastic: bool) -> None:
        """All neurons of a core, so many at a time as registers hold."""
        w = self.long if wide else self
        group = min(NEURONS, self.side * w.lanes)
        potentials = self.at(
            self.word["wide" if wide else "narrow"], self.int("mul", self.entry(record, "row"), NEURONS), w.f
        )
        sums = [self.local(w.F) for _ in range(group // w.lanes)]

        def part(first: Value) -> None:
            at = [self.at(potentials, self.int("add", first, k * w.lanes), w.f) for k in range(len(sums))]
            for place, total in zip(at, sums, strict=True):
                self.do(f"store {w.F} {w.load(place)}, ptr {total}")
            integrate(self, w, core, turn, record, first, sums, stochastic=stochastic)
            update(self, w, core, record, first, sums, at, stochastic=stochastic)

        if group == NEURONS:
            part("0")
            return
        with self.loop(NEURONS, step=group) as first:
            part(first.index)

    def place(self, record: Value, name: str) -> Value:
        """Where a number of a core's record stands."""
        return self.at(record, RECORD.index(name), "i32")

    def entry(self, record: Value, name: str) -> Value:
        """A number of a core's record, of those that are not below 0."""
        return self.read_whole(self.place(record, name), "i32")

    def table(self, record: Value, name: str, plus: Value | int = 0) -> Value:
        """The address of a row of a core; `plus` so many rows further in the record."""
        place = self.at(record, self.int("add", RECORD.index(name), plus), "i32")
        return self.at(self.word["tables"], self.int("shl", self.read_whole(place, "i32"), 6), "i8")

    def flag(self, record: Value, bit: int) -> Value:
        """Whether the core has a property."""
        return self.compare("ne", self.int("and", self.entry(record, "kind"), bit), 0)

    # --- spikes -----------------------------------------------------------------------------------
    def record(self, core: Value, number: Value) -> None:
        """List the neurons that fired, and store the bits of a recorded core in the raster."""
        raster_row = self.let(f"load i32, ptr {self.at(self.word['raster_rows'], core, 'i32')}")
        with self.when(self.let(f"icmp sge i32 {raster_row}, 0")):
            row = self.int("add", self.int("mul", number, self.word["rows"]), self.let(f"sext i32 {raster_row} to i64"))
            place = self.at(self.word["raster"], self.int("mul", row, LINE), "i8")
            bits = self.let(f"load <{LINE} x i8>, ptr {self.spikes}, align 8")
            self.do(f"store <{LINE} x i8> {bits}, ptr {place}, align 1")
        base = self.int("mul", core, NEURONS)
        with self.loop(NEURONS // 64) as k:
            begin = self.int("add", base, self.int("shl", k.index, 6))
            with self.set_bits(self.read_whole(self.at(self.spikes, k.index, "i64"))) as bit:
                place = self.at(self.fired, self.read_whole(self.many), "i32")
                neuron = self.int("add", begin, bit)
                self.write_whole(neuron, place, "i32")
                self.fetch(self.at(self.word["targets"], neuron, "i64"))
                self.add_whole(self.many, 1)

    def send(self, number: Value, shard: Value, now: Value) -> None:
        """Look up where the spikes of a shard go, and list them by the shard of their target."""
        held, totals = self.word, self.totals
        count = self.read_whole(self.many)
        self.add_whole(totals["spikes"], count)
        with self.loop(count) as k:
            neuron = self.read_whole(self.at(self.fired, k.index, "i32"), "i32")
            target = self.read_whole(self.at(held["targets"], neuron, "i64"))
            for name, (shift, bits) in PRESENT.items():
                self.add_whole(totals[name], self.int("and", self.int("lshr", target, shift), (1 << bits) - 1))
            delay = self.int("and", self.int("lshr", target, TARGET_BITS), (1 << DELAY_BITS) - 1)
            with self.when(self.compare("ne", delay, 0)):
                axon = self.int("and", target, (1 << TARGET_BITS) - 1)
                slot = self.int("and", self.int("add", now, delay), SLOTS - 1)
                owner = self.read_whole(self.at(held["owners"], self.int("lshr", axon, 8), "i32"), "i32")
                many = self.sent_count(number, shard, owner)
                place = self.read_whole(many)
                entry = self.int("add", self.int("mul", slot, held["neurons"]), axon)
                self.write_whole(entry, self.at(self.entries(number, shard, owner), place, "i32"), "i32")
                self.write_whole(self.int("add", place, 1), many)


def field(name: str) -> int:
    """Where a count stands."""
    return Counts._fields.index(name)
