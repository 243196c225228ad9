"""Neuromorphic chips in software."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.chip import fixed_point, loihi, mixed_signal, truenorth
from rheobase.chip.loihi import Loihi
from rheobase.chip.truenorth import TrueNorth
from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.chip.core_groups import confined
    from rheobase.chip.deployment import Deployed, deploy
    from rheobase.chip.report import Report
    from rheobase.chip.whole_numbers import prepared

__all__ = [
    "Deployed",
    "Loihi",
    "Report",
    "TrueNorth",
    "confined",
    "deploy",
    "fixed_point",
    "loihi",
    "mixed_signal",
    "prepared",
    "truenorth",
]

# a chip alone needs none of what mapping does
_LATER = {
    "Deployed": "deployment",
    "Report": "report",
    "confined": "core_groups",
    "deploy": "deployment",
    "prepared": "whole_numbers",
}

__getattr__ = lazily(__name__, _LATER)
