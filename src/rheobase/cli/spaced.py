"""Values as FROM:TO:COUNT[:log], as several options take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.cli.quantity import quantity, whole
from rheobase.errors import ParameterError

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 400  # values


def spaced(spec: str, unit: str, option: str, typed: str, example: str) -> Tensor:
    """So many values from one end to the other, (count,): evenly, or with :log in their logarithms.

    `typed` is what an error quotes, `option` what comes before an end that is no quantity in `unit`.

    Raises: `ParameterError`, `UnitError`.

    >>> spaced("0:500pA:3", "nA", "--fi", "0:500pA:3", "--fi 0:0.3:16").tolist()
    [0.0, 0.25, 0.5]
    """
    import torch

    parts = spec.split(":")
    logarithmic = len(parts) == 4 and parts[3] == "log"
    count = whole(parts[2]) if len(parts) >= 3 else None
    name = option.split()[0]
    if not (len(parts) == 3 or logarithmic) or count is None or not 2 <= count <= LONGEST:
        form = f"{typed.partition('=')[0]}=FROM:TO:COUNT[:log]" if "=" in typed else "FROM:TO:COUNT[:log]"
        raise ParameterError(name, repr(typed), f"{form}, a COUNT from 2 to {LONGEST}", example)
    low, high = (quantity(part, unit, option) for part in parts[:2])
    if low == high or (logarithmic and not (low > 0 and high > 0)):
        expected = "two ends above 0 for logarithms" if logarithmic else "two ends that differ"
        raise ParameterError(name, repr(typed), expected, example)
    if logarithmic:
        return torch.logspace(0.0, 1.0, count, base=high / low, dtype=torch.float64) * low
    return torch.linspace(low, high, count, dtype=torch.float64)
