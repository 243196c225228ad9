"""Networks that come with the package: runs of `rheobase train` in small folders beside this file, each with a card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rheobase.errors import CheckpointError, nearest
from rheobase.files import expanded
from rheobase.json_files import read_json
from rheobase.runs.folder import RESULT, read_notes, read_result

HERE = Path(__file__).parent
CARD = "card.json"
PICKLED = (".pt", ".pth", ".pkl", ".pickle", ".ckpt")
SAID = ("what", "data", "source", "licence", "not_for", "command")
"""What a card holds; its figures are those of the run beside it."""


@dataclass(frozen=True)
class Card:
    """What one should know of a network before it is used.

    what       the network, and what it was trained for
    data       the data set, with its training and test parts; `source` and `licence` are of the data
    not_for    what it is not good for
    command    trains it anew
    accuracy   on the `samples` samples of the test part, with `seed`; one training, so no spread is known
    size       bytes of its files

    >>> card("lif-digits").seed
    0
    """

    name: str
    what: str
    data: str
    source: str
    licence: str
    not_for: str
    command: str
    accuracy: float
    samples: int
    seed: int
    parameters: int
    size: int

    @property
    def figure(self) -> str:
        """The accuracy in words.

        >>> card("src-digits").figure
        '95.54 % of 359'
        """
        return f"{100 * self.accuracy:.2f} % of {self.samples}"

    @property
    def rows(self) -> dict[str, str]:
        """The card as names and values, for display."""
        return {
            "what": self.what,
            "data": f"{self.data} ({self.source}; licence: {self.licence})",
            "test accuracy": f"{self.figure} (seed {self.seed}, one training); rheobase evaluate {self.name}",
            "parameters": f"{self.parameters:,} ({self.size / 1000:.0f} kB)",
            "not for": self.not_for,
            "trained by": self.command,
        }

    def as_json(self) -> dict[str, Any]:
        """The card as values of JSON."""
        return asdict(self)


def names() -> list[str]:
    """The names of all networks that come with the package.

    >>> "src-digits" in names()
    True
    """
    return sorted(path.parent.name for path in HERE.glob(f"*/{CARD}"))


def card(name: str) -> Card:
    """The card of a network. Raises `CheckpointError` for a name that there is not."""
    if name not in names():
        raise CheckpointError("pre-trained", repr(name), "the name of a network", nearest(name, names()))
    folder = HERE / name
    said, found, settings = read_json(folder / CARD), read_result(folder), read_notes(folder)["settings"]
    if found is None or set(said) != set(SAID):
        raise CheckpointError(str(folder), "no whole card", f"{CARD} and {RESULT}", "install rheobase again")
    size = sum(path.stat().st_size for path in folder.iterdir())
    parameters = read_json(folder / RESULT)["parameters"]
    return Card(
        name=name,
        **said,
        accuracy=found["accuracy"],
        samples=found["samples"],
        seed=settings["seed"],
        parameters=parameters,
        size=size,
    )


def found(run: str | Path) -> Path:
    """The folder of a run: the one of that path, where it exists, else the pre-trained network of that name.

    Raises: `CheckpointError` where there is neither, for a file, and for a pickled one, which is never read.
    """
    path = expanded(run, "run")
    if path.is_dir():
        return path
    if path.is_file():
        raise _a_file(path)
    if str(run) in names():
        return HERE / str(run)
    expected = "the folder of a run, or the name of a pre-trained network"
    raise CheckpointError(str(run), "neither", expected, nearest(str(run), names()))


def _a_file(path: Path) -> CheckpointError:
    expected = "the folder of a run of `rheobase train`"
    with path.open("rb") as file:
        head = file.read(4)
    # a pickle by itself (protocol 2 and later), or in the archive that torch.save writes
    if head[:1] == b"\x80" or head == b"PK\x03\x04" or path.suffix.lower() in PICKLED:
        given = "a file with Python objects (a pickle), which is not read: it may run any code"
        remedy = "where you made it, write its tensors with learning.save_weights, and load them into the same network"
        return CheckpointError(str(path), given, expected, remedy)
    return CheckpointError(str(path), "a file", expected, f"is it {path.parent}?")
