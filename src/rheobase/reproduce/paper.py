"""What a paper is to `rheobase reproduce`: named parts, each a function from a job to tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rheobase.errors import ParameterError, nearest
from rheobase.plot import Picture, Rendered, Table
from rheobase.reproduce.budget import cut
from rheobase.reproduce.changes import changes, leaves

if TYPE_CHECKING:
    from rheobase.reproduce.headlines import Headline
    from rheobase.reproduce.job import Job
    from rheobase.reproduce.record import Record

Again = Callable[["Record", Sequence[Mapping[str, Any]]], "Finding"]  # of a record and the rows of its seeds.csv


@dataclass(frozen=True)
class Finding:
    """What a part found: a paragraph, tables and pictures, whose titles become the names of their files.

    `quoted` are tables of what others measured, which no run of ours can reduce. `seeds` has a row for each seed, or
    each random network; it is written beside the other files, and the page links to it. `drawn` are pictures of an
    earlier run, which stay as they are.
    """

    text: str
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    quoted: Sequence[Table] = ()
    seeds: Table | None = None
    drawn: Sequence[Rendered] = ()


@dataclass(frozen=True)
class Part:
    """One part of a paper. `rheobase.reproduce` says how to write one.

    `settings` are all numbers of a full run, as values of JSON; `quick` replaces some of them. `needs` names
    the folders of data that the part reads (`a|b`: either). `reduced` says what even the full run does in a smaller
    way than the paper, and how (a function: of the settings in force): every title then says so. `minutes` is how long
    a full run took on two cores (0: not worth counting); --budget cuts by it. `again` makes the finding from what a run
    stored, where part of it is computed from counts (joules): --redraw then computes it as it is computed by now. It
    raises `LookupError` where what is stored lacks a count.
    """

    name: str
    title: str
    summary: str
    run: Callable[[Job], Finding]
    settings: Mapping[str, Any] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    reduced: str | Callable[[Mapping[str, Any]], str] = ""
    revision: int = 1
    minutes: float = 0.0
    again: Again | None = None

    def __post_init__(self) -> None:
        for name in self.quick:
            if name not in self.settings:
                raise ParameterError(
                    f"Part {self.name!r}",
                    f"quick setting {name!r}",
                    "one of its settings",
                    nearest(name, self.settings),
                )

    def in_force(self, *, quick: bool = False, share: float = 1.0) -> dict[str, Any]:
        """The settings of a call that is quick, or has a share of the time that a full run takes."""
        return {**self.settings, **self.quick} if quick else cut(self.settings, share if self.minutes else 1.0)

    def reduction(self, *, quick: bool = False, share: float = 1.0) -> str:
        """What is done in a smaller way, in words; empty for a full run.

        >>> Part("a", "A", "it", lambda job: Finding(""), {"steps": 100, "dt": 1}, {"steps": 10}).reduction(quick=True)
        'Quick run: steps 10 instead of 100.'
        """
        used = self.in_force(quick=quick, share=share)
        changed = changes(self.settings, used)
        said = f"{'Quick run' if quick else 'Cut to the budget'}: {changed}." if changed else ""
        reduced = self.reduced if isinstance(self.reduced, str) else self.reduced(used)
        return " ".join(text for text in (said, reduced) if text)


@dataclass(frozen=True)
class Search(Part):
    """A comparison of settings on held-out training data; `rheobase.reproduce.search` says how to write one.

    It is run as a part is; `sets` names the parts whose settings it compares with others.
    """

    sets: tuple[str, ...] = ()

    @property
    def tried(self) -> tuple[str, ...]:
        """The names of the settings that it changes."""
        names = (name for one in self.settings["networks"].values() for name in one["tried"])
        return tuple(dict.fromkeys(names))

    def others(self, part: Part, used: Mapping[str, Any]) -> tuple[str, ...]:
        """Those of `tried` that have other values in a run of `part` (settings `used`) than in its full run."""
        full, now = (
            {path: value for path, value in leaves(settings) if path[-1] in self.tried}
            for settings in (part.settings, used)
        )
        return tuple(dict.fromkeys(path[-1] for path in now if path not in full or now[path] != full[path]))


@dataclass(frozen=True)
class Paper:
    """A paper: its name on the command line, its title and reference, its parts in order, and how they were set.

    Its page opens with the sentences of `headlines` and the picture `opening` (a part, and a title in it).
    """

    name: str
    title: str
    reference: str
    parts: tuple[Part, ...]
    searches: tuple[Search, ...] = ()
    headlines: tuple[Headline, ...] = ()
    opening: tuple[str, str] | None = None

    def of_searches(self) -> Paper:
        """The searches as a paper of their own. Raises `ParameterError` where there are none."""
        if not self.searches:
            remedy = "run its parts: nothing of them was chosen by trying"
            raise ParameterError(f"reproduce {self.name}", "--search", "a paper with searches", remedy)
        title = f"{self.title}, search of settings"
        return replace(self, title=title, parts=self.searches, searches=(), headlines=(), opening=None)

    def search_of(self, part: str) -> Search | None:
        """The search that covers the settings of a part, if any."""
        return next((one for one in self.searches if part in one.sets), None)

    def choose(self, only: Sequence[str]) -> tuple[Part, ...]:
        """The parts of these names, in the paper's order; all where none is named. Raises `ParameterError`."""
        known = [part.name for part in self.parts]
        for name in only:
            if name not in known:
                raise ParameterError(
                    f"reproduce {self.name}", f"part {name!r}", "the name of a part", nearest(name, known)
                )
        return tuple(part for part in self.parts if not only or part.name in only)
