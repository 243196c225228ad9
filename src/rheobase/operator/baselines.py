"""What any stand-in has to beat: a prediction that never fires, and the nearest model of those it learned from."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.errors import DataError
from rheobase.operator.codes import Codes
from rheobase.operator.samples import Samples
from rheobase.operator.scores import LEVEL

NEIGHBOURS = 8


def never_firing(training: Samples, amplitudes: Tensor, asked: Tensor) -> Tensor:
    """The mean potential of the 8 training windows whose amplitudes are nearest, cut off 1 mV below the spikes.

    Shapes: amplitudes (training,) and asked (samples,) in nA; (time, samples) in mV.

    >>> v = torch.tensor([[-70.0, -60.0], [-70.0, 30.0]])  # two steps of two windows, the second of which fires
    >>> seen = Samples(torch.zeros(2, 2), torch.zeros(2, 1), v, torch.zeros(2, 2), torch.zeros(2, 0))
    >>> never_firing(seen, amplitudes=torch.tensor([0.1, 0.3]), asked=torch.tensor([0.2])).flatten().tolist()
    [-65.0, -21.0]
    """
    apart = (asked[:, None] - amplitudes).abs()
    nearest = apart.topk(min(NEIGHBOURS, len(amplitudes)), largest=False).indices  # (samples, neighbours)
    return training.v[:, nearest].mean(-1).clamp(max=LEVEL - 1.0)


def nearest_model(features: Tensor, model: int, among: list[int], codes: Codes) -> int:
    """Of the models `among`, but the one itself, the number of the one whose scaled code is nearest.

    features (models, features). Raises: `DataError` where there is no other.

    >>> features = torch.tensor([[700.0, 0.01], [850.0, 0.03], [720.0, 0.012]])
    >>> nearest_model(features, 0, [0, 1, 2], Codes.of(("s_thr", "I_thr"), features))
    2
    """
    others = [k for k in among if k != model]
    if not others:
        raise DataError("nearest_model", "no other model", "two models at least", "train on more models")
    scaled = codes.scaled(features)
    apart = torch.linalg.vector_norm(scaled[others] - scaled[model], dim=-1)
    return others[int(apart.argmin())]


__all__ = ["nearest_model", "never_firing"]
