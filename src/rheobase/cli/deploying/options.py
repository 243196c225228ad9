"""What decides the numbers of a deployment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

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
