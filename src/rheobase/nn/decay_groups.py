"""Parameter groups for weight decay: it acts on weights, not on parameters with a physical meaning."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from rheobase.checks import is_number
from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError

# the last name of a matrix or kernel, as it is or under a rounding (`quantised`)
WEIGHT = re.compile(r"(^|\.)(weight\w*|parametrizations\.weight\w*\.original)$")


def parameter_groups(net: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for an optimiser of torch: weight matrices and kernels, which decay, and all else, which does not.

    A time constant is stored as its logarithm (`ParamSpec`), so weight decay would pull it towards 1 ms whatever the
    data say; likewise logits of ranges, thresholds, delays, gains of norms, and biases. A group is left out where it
    is empty.

    Raises: `ParameterError` for a weight_decay that is negative or no number, and for a network with nothing to learn.

    >>> from rheobase import neurons
    >>> net = nn.Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0, learn="tau_mem"))
    >>> [(group["names"], group["weight_decay"]) for group in parameter_groups(net, weight_decay=0.01)]
    [(['0.weight'], 0.01), (['0.bias', '1.tau_mem_log'], 0.0)]
    """
    if not is_number(weight_decay, least=0):
        raise ParameterError("parameter_groups", f"weight_decay = {weight_decay!r}", "a number >= 0", "0.01, say")
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    if not named:
        remedy = "name parameters with learn=(...), or add a layer"
        raise ParameterError(type(net).__name__, "no learnable parameter", "at least one", remedy)
    meant = {id(p) for part in net.modules() if isinstance(part, Neuron) for p in part.parameters()}
    weights = [(name, p) for name, p in named if p.dim() > 1 and id(p) not in meant and WEIGHT.search(name)]
    chosen = {id(p) for _, p in weights}
    others = [(name, p) for name, p in named if id(p) not in chosen]
    return [
        {"params": [p for _, p in group], "names": [name for name, _ in group], "weight_decay": float(decay)}
        for group, decay in ((weights, weight_decay), (others, 0.0))
        if group
    ]
