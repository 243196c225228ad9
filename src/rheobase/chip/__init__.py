"""Neuromorphic chips in software."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.chip import loihi, truenorth
from rheobase.chip.loihi import Loihi
from rheobase.chip.truenorth import TrueNorth
from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.chip.confined import confined
    from rheobase.chip.deployment import Deployed, deploy
    from rheobase.chip.prepared import prepared
    from rheobase.chip.report import Report

__all__ = [
    "Deployed", "Loihi", "Report", "TrueNorth", "confined", "deploy", "loihi", "prepared", "truenorth",
]  # fmt: skip

# a chip alone needs none of what mapping does
_LATER = {
    "Deployed": "deployment", "Report": "report", "confined": "confined", "deploy": "deployment",
    "prepared": "prepared",
}  # fmt: skip

__getattr__ = lazily(__name__, _LATER)
