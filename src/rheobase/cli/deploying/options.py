"""What decides the numbers of a deployment."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rheobase.errors import ParameterError, nearest

FIXED_POINT, FORMS = "fixed-point", ("lines", "fpga")

# options that only some chips have
OF_TRUENORTH, OF_LOIHI = ("whole", "thresholds", "inputs"), ("chip", "weight_bits")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What decides the numbers of a deployment, beside the run; each chip has some of its own."""

    chip: str = "truenorth"
    software: tuple[str, ...]
    votes: int
    whole: int
    thresholds: tuple[int, ...]
    inputs: int | None
    weight_bits: tuple[int, ...] = (8,)
    epochs: int
    lr: float
    validation: float
    limit: int | None

    @property
    def tried(self) -> tuple[int, ...]:
        """The values of which validation takes one: thresholds of TrueNorth, bits of a weight of Loihi."""
        return self.thresholds if self.chip == "truenorth" else self.weight_bits

    def as_json(self) -> dict[str, Any]:
        """As values of JSON, those of this chip alone."""
        left_out = OF_LOIHI if self.chip == "truenorth" else OF_TRUENORTH
        found = {name: value for name, value in asdict(self).items() if name not in left_out}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    def command(self, run: str, folder: Path) -> str:
        """The command that makes this deployment again."""
        words = ["rheobase", "deploy", run, "--chip", self.chip]
        for layer in self.software:
            words += ["--software", layer]
        words += ["--votes", str(self.votes)] if self.votes else []
        if self.chip == "truenorth":
            words += ["--whole", str(self.whole), "--threshold", ",".join(map(str, self.thresholds))]
            words += ["--inputs", str(self.inputs)] if self.inputs is not None else []
        else:
            words += ["--weight-bits", ",".join(map(str, self.weight_bits))]
        words += ["--epochs", str(self.epochs), "--lr", f"{self.lr:g}", "--validation", f"{self.validation:g}"]
        return _whole(words, self.limit, folder)


@dataclass(frozen=True, kw_only=True)
class FixedOptions:
    """What decides the numbers of a deployment in fixed point, beside the run."""

    form: str
    weight_bits: tuple[int, ...]
    epochs: int  # 0: rounded alone
    lr: float
    validation: float
    limit: int | None
    chip: str = FIXED_POINT

    def as_json(self) -> dict[str, Any]:
        """As values of JSON."""
        return {**asdict(self), "weight_bits": list(self.weight_bits)}

    def command(self, run: str, folder: Path) -> str:
        """The command that makes this deployment again."""
        words = ["rheobase", "deploy", run, "--chip", self.chip, "--form", self.form]
        words += ["--weight-bits", ",".join(map(str, self.weight_bits)), "--validation", f"{self.validation:g}"]
        words += ["--epochs", str(self.epochs), "--lr", f"{self.lr:g}"] if self.epochs else []
        return _whole(words, self.limit, folder)


def known_form(given: str | None) -> str:
    """The form of --form. Raises `ParameterError`."""
    if given is not None and given not in FORMS:
        raise ParameterError("--form", repr(given), f"one of {', '.join(FORMS)}", nearest(given, FORMS))
    return given or FORMS[0]


def _whole(words: list[str], limit: int | None, folder: Path) -> str:
    return shlex.join([*words, *(() if limit is None else ("--limit", str(limit))), "--out", str(folder)])
