"""How the files of a user's folder are read, and which of them test: every choice that is not the files' own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError

COLOURS = ("grey", "rgb")
KINDS = ("series", "images")
ROLES = ("id", "time", "label", "group", "part", "channels")
EVENT_ROLES = ("x", "y", "p", "t")
TEST_SHARE, SPLIT_SEED = 0.2, 0
"""Of the cut where the folder has no test part. Fixed, so that results on the same files can be compared."""

OF_KIND = {
    "images": ("size", "colour"),
    "events": ("size", "sensor", "duration", "columns"),
    "audio": ("sample_rate", "bands", "frame", "mono", "duration"),
    "series": ("columns", "header"),
}
"""The choices that have a meaning for one kind of files only; the others have one for all."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the files of a folder are read. None: as the files say, or the default.

    size         WIDTHxHEIGHT: images are resized to it, neighbouring pixels of an event camera put together
    colour       grey or rgb: what images become; without it all must be alike
    sensor       the event camera, by name or WIDTHxHEIGHT, for files that do not say it
    duration     ms of a recording that are used; by default all of a sound, of events the longest of the training part
    sample_rate  Hz that audio is resampled to; without it all files must have one rate
    bands        of the cochlea-like filter bank
    frame        ms of a time step of it
    mono         True: the channels of stereo files are averaged; without it they are refused
    pattern      a regular expression, searched for in each file's path in the folder. Its group named `label` is the
                 class, in place of the folder; another named group (speaker, subject...) says who made the sample
    kind         series or images: what the arrays of a .npz or .npy are, where their shape and values do not say it
    columns      id=,time=,label=,group=,part=,channels=: the columns of a table, or for group= the key of a .npz;
                 channels takes several: channels=ax,ay,az. Of events in text files x=,y=,p=,t=: the names of their
                 columns, or their numbers from 0 where no line names them
    header       True, False: the first line of a table of series in text names the columns, or is data. Needed only
                 where the line may be either, which is asked
    leave_out    names of groups, separated by commas: their samples are the test part
    test_share   the share that becomes the test part, where no test folder and no leave_out says which
    split_seed   of that choice

    Raises: `ParameterError` for a value that none of these can have.

    >>> Reading(size="28x28", pattern="(?P<speaker>[a-z]+)_").group
    'speaker'
    >>> Reading(test_share=1.5)
    Traceback (most recent call last):
        ...
    rheobase.errors.ParameterError: --test-share: got 1.5; expected a number between 0 and 1. Remedy: try 0.2.
    """

    size: str | None = None
    colour: str | None = None
    sensor: str | None = None
    duration: float | None = None
    sample_rate: int | None = None
    bands: int | None = None
    frame: float | None = None
    mono: bool | None = None
    pattern: str | None = None
    kind: str | None = None
    columns: str | None = None
    header: bool | None = None
    leave_out: str | None = None
    test_share: float | None = None
    split_seed: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None and parsed_size(self.size) is None:
            self._refuse("size", "WIDTHxHEIGHT in pixels", "28x28, say")
        if self.colour is not None and self.colour not in COLOURS:
            self._refuse("colour", " or ".join(COLOURS), "leave it out where all images are alike")
        if self.sensor is not None and not self.sensor:
            self._refuse("sensor", "the name of a camera, or WIDTHxHEIGHT", "dvs128 or 640x480, say")
        if self.duration is not None and not is_number(self.duration, above=0):
            self._refuse("duration", "a number of ms above 0", "300, say")
        if self.sample_rate is not None and not is_whole(self.sample_rate, 1000, 1_000_000):
            self._refuse("sample_rate", "a whole number of Hz from 1000 to 1000000", "8000 or 16000, say")
        if self.bands is not None and not is_whole(self.bands, 2, 1024):
            self._refuse("bands", "a whole number from 2 to 1024", "32, say")
        if self.frame is not None and not is_number(self.frame, above=0, most=1000):
            self._refuse("frame", "a number of ms above 0, up to 1000", "10, say")
        if self.test_share is not None and not is_number(self.test_share, above=0, below=1):
            self._refuse("test_share", "a number between 0 and 1", f"try {TEST_SHARE}")
        if self.split_seed is not None and not is_whole(self.split_seed, 0, 2**62):
            self._refuse("split_seed", "a whole number from 0", "try 0")
        if self.pattern is not None:
            self._check_pattern(self.pattern)
        if self.kind is not None and self.kind not in KINDS:
            self._refuse("kind", " or ".join(KINDS), "leave it out where the file says it")
        if self.columns is not None and parsed_columns(self.columns) is None:
            self._refuse(
                "columns",
                f"{', '.join(ROLES)} of series, {', '.join(EVENT_ROLES)} of events, each once",
                "id=trial,time=t,label=gesture,channels=ax,ay, say",
            )
        # tables have groups by the usual names of their column, too
        if self.leave_out is not None and (not self.held or (self.pattern is not None and self.group is None)):
            self._refuse(
                "leave_out",
                "names of groups, and a pattern that gives each file its group",
                "--pattern '_(?P<speaker>[a-z]+)_' --leave-out ann,bob, say",
            )

    def _check_pattern(self, pattern: str) -> None:
        example = r"'(?P<label>\d)_(?P<speaker>[a-z]+)_', say: `label` is the class, another name the group"
        try:
            names = set(re.compile(pattern).groupindex)
        except re.error as error:
            raise ParameterError("--pattern", f"{pattern!r} ({error})", "a regular expression", example) from error
        if not names or len(names - {"label"}) > 1:
            self._refuse("pattern", "a named group `label`, one other named group, or both", example)

    def _refuse(self, name: str, expected: str, remedy: str) -> None:
        raise ParameterError(option(name), f"{getattr(self, name)!r}".strip("'"), expected, remedy)

    @property
    def group(self) -> str | None:
        """What a group is, "speaker" say; None where nothing names one."""
        if self.pattern is None:
            return self.roles.get("group", (None,))[0]
        return next(iter(set(re.compile(self.pattern).groupindex) - {"label"}), None)

    @property
    def roles(self) -> dict[str, tuple[str, ...]]:
        """The columns that were named, by what they are."""
        return (parsed_columns(self.columns) if self.columns is not None else None) or {}

    def roles_of(self, known: tuple[str, ...], kind: str) -> dict[str, tuple[str, ...]]:
        """`roles`, of files of a kind. Raises `ParameterError` for one that such files do not have."""
        wrong = [role for role in self.roles if role not in known]
        if wrong:
            given, expected = f"{', '.join(wrong)}= for {kind}", f"columns for {', '.join(known)}"
            raise ParameterError("--columns", given, expected, "leave it out")
        return self.roles

    @property
    def held(self) -> tuple[str, ...]:
        """The names of `leave_out`."""
        return tuple(name for name in (self.leave_out or "").split(",") if name)

    @property
    def given(self) -> dict[str, Any]:
        """The choices that were made."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def check_fits(self, kind: str, source: str) -> None:
        """Raise `ParameterError` for a choice that means nothing for such files."""
        others = {name for known, names in OF_KIND.items() if known != kind for name in names}
        self.refuse_all(others - set(OF_KIND.get(kind, ())), source, f"{kind}, which it means nothing for")

    def refuse_all(self, names: set[str], source: str, holds: str) -> None:
        """Raise `ParameterError` where any choice of these names was made."""
        wrong = [option(name) for name in self.given if name in names]
        if wrong:
            raise ParameterError(", ".join(wrong), f"{source}: {holds}", "files that it was made for", "leave it out")

    @classmethod
    def from_json(cls, content: object) -> Self | None:
        """What `given` was; None for anything else."""
        if not isinstance(content, Mapping) or not set(content) <= {f.name for f in fields(cls)}:
            return None
        try:
            return cls(**content)
        except (ParameterError, TypeError):
            return None


def option(name: str) -> str:
    """The option of the command line for a choice.

    >>> option("leave_out")
    '--leave-out'
    """
    return f"--{name.replace('_', '-')}"


def parsed_columns(text: str) -> dict[str, tuple[str, ...]] | None:
    """The columns of ROLE=NAME,...; None for anything else.

    >>> parsed_columns("id=trial,channels=ax,ay"), parsed_columns("q=3"), parsed_columns("id=a,b")
    ({'id': ('trial',), 'channels': ('ax', 'ay')}, None, None)
    """
    found: dict[str, tuple[str, ...]] = {}
    role = ""
    for word in text.split(","):
        head, sign, name = word.partition("=")
        if sign:
            role = head.strip()
            if role not in ROLES + EVENT_ROLES or role in found:
                return None
            found[role] = (name.strip(),)
        elif role != "channels":
            return None
        else:
            found[role] += (word.strip(),)
    return found if all(name for names in found.values() for name in names) else None


def parsed_size(text: str) -> tuple[int, int] | None:
    """Width and height of WIDTHxHEIGHT; None for anything else.

    >>> parsed_size("640x480"), parsed_size("640"), parsed_size("0x3")
    ((640, 480), None, None)
    """
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    return (int(found[1]), int(found[2])) if found else None
