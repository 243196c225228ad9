"""What makes the peak of a difference of exponentials 1."""

from __future__ import annotations

from typing import Any

import torch


def over_peak(tau_rise: Any, tau_decay: Any) -> Any:
    """1 over the largest value of exp(-t/tau_decay) - exp(-t/tau_rise), which is at

        t_peak = tau_rise tau_decay / (tau_decay - tau_rise) ln( tau_decay/tau_rise )

    >>> x = over_peak(torch.tensor(0.5), torch.tensor(2.0))
    >>> round(float(x), 4)
    2.1165
    """
    turns = torch.log(tau_decay / tau_rise) / (tau_decay - tau_rise)
    return 1.0 / (torch.exp(-(tau_rise * turns)) - torch.exp(-(tau_decay * turns)))


__all__ = ["over_peak"]
