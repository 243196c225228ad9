"""What is wrong with a training run: one finding, with its place and a remedy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


class TrainingWarning(UserWarning):
    """A training run that learns little or nothing, as far as can be seen.

    >>> import warnings
    >>> warnings.simplefilter("error", TrainingWarning)  # a run that learns nothing then ends
    >>> warnings.simplefilter("default", TrainingWarning)
    """


@dataclass(frozen=True, kw_only=True)
class Concern:
    """What is wrong, where, and what helps. `kind` is "silent", "died", "saturated", "exploding" or "chance".

    `epoch` counts the epochs that were done. `layer` names a layer of the network as
    `named_modules` does; "" is the whole of it. `until` is the epoch after which it no longer held; None while it does.

    >>> str(Concern(kind="silent", epoch=0, layer="layers.2", given="no spike", remedy="lower its threshold"))
    'layers.2: no spike; lower its threshold'
    """

    kind: str
    epoch: int
    layer: str
    given: str
    remedy: str
    until: int | None = None

    def __str__(self) -> str:
        found = f"{self.layer or 'training'}: {self.given}"
        if self.until is None:
            return f"{found}; {self.remedy}"
        begun = f"after epoch {self.epoch}" if self.epoch else "before the first step"
        return f"{found} {begun}, but no longer after epoch {self.until + 1}"

    def as_json(self) -> dict[str, Any]:
        """The concern as a dict that can be written as JSON."""
        return asdict(self)
