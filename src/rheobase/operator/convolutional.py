"""A temporal convolutional network over a stimulus: causal, without a state, and without its own spikes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError, ShapeError
from rheobase.learning import trains_of, van_rossum
from rheobase.operator.codes import Codes, check_amplitudes, checked_names, checked_range
from rheobase.operator.embedding import PER_NANOAMPERE
from rheobase.operator.kept import keep_with_weights
from rheobase.operator.sag import LearnsPotential
from rheobase.operator.samples import Samples

REST, WIDTH = -70.0, 20.0  # mV: the potential is learned as (v - REST) / WIDTH
RARE = -4.0  # logit of a spike before training
WEIGHT = 0.5  # of the likelihood of spikes, which Beniaguev et al. give the same weight as the scaled potential
CANDIDATES = 41  # of a threshold


class Convolutional(LearnsPotential):
    """A temporal convolutional network from current and code to potential and spikes (after Beniaguev et al., 2021).

        x_0 = (i, code);    x_l = relu( sum_j W_l[j] x_{l-1}[t - j stride^l] + b_l ) + x_{l-1};
        v = REST + WIDTH (w_v x_L + b_v);    p(spike) = sigmoid(w_z x_L + b_z)

    It sees a stretch of the past, `reach` samples long, and nothing of the spikes that it predicted. Spikes are upward
    crossings of the logit through `threshold`, which `calibrate` places on training data.

    codes       the features of a model, their scaling and range, or just their names (not scaled, no range)
    sample      time between two samples in ms: that of the traces it learns from
    channels, layers, width, stride    of the convolutions: `width` taps, stride**l samples apart in layer l
    amplitudes  least and largest current in nA that it is trained on, for the check of the range

    Shapes: current (time, batch) in nA, code (batch, features); potential (mV) and logit (time, batch).

    Raises: `ParameterError`, `ShapeError`, and `OutOfRange` outside of what was trained, which `check_range=False`
    turns off.

    Differs from the paper: dilated, so that few layers reach as far; one input, where the paper has 1278 synapses; no
    batch normalisation; samples in place of bins of 1 ms.

    Reference: Beniaguev, Segev & London, Single cortical neurons as deep artificial neural networks, Neuron 109 (2021).

    >>> net = Convolutional(("gain",), sample=0.1, channels=4, layers=3)
    >>> net.reach, [tuple(x.shape) for x in net(torch.zeros(50, 2), torch.ones(2, 1))]
    (64, [(50, 2), (50, 2)])
    """

    def __init__(
        self,
        codes: Codes | Sequence[str],
        *,
        sample: float,
        channels: int = 24,
        layers: int = 6,
        width: int = 4,
        stride: int = 4,
        amplitudes: tuple[float, float] | None = None,
    ):
        super().__init__()
        sizes = (("channels", channels, 1), ("layers", layers, 1), ("width", width, 2), ("stride", stride, 1))
        for name, value, least in sizes:
            if not is_whole(value, least):
                expected = f"a whole number of at least {least}"
                raise ParameterError("Convolutional", f"{name} = {value!r}", expected, "leave it out")
        if not is_number(sample, above=0):
            remedy = "Protocol().sample is as published"
            raise ParameterError("Convolutional", f"sample = {sample!r}", "a finite number > 0 in ms", remedy)
        self.codes = codes if isinstance(codes, Codes) else None
        self.features = checked_names("Convolutional", codes)
        self.sample, self.amplitudes = sample, checked_range("Convolutional", amplitudes)
        self.dilations = [stride**k for k in range(layers)]
        self.width, self.reach = width, 1 + (width - 1) * sum(self.dilations)
        inputs = [1 + len(self.features), *[channels] * (layers - 1)]
        self.layers = nn.ModuleList(
            nn.Conv1d(n, channels, width, dilation=d) for n, d in zip(inputs, self.dilations, strict=True)
        )
        self.readout = nn.Conv1d(channels, 2, 1)
        self.threshold = nn.Buffer(torch.zeros(()))
        with torch.no_grad():
            self.readout.bias.copy_(torch.tensor([0.0, RARE]))  # type: ignore[union-attr]
        keep_with_weights(self, self.features, self.codes, sample=sample, amplitudes=self.amplitudes)

    def forward(self, current: Tensor, code: Tensor, *, check_range: bool = True) -> tuple[Tensor, Tensor]:
        """(potential in mV, logit of a spike above the threshold), (time, batch)."""
        if current.dim() != 2 or code.shape != (current.shape[1], len(self.features)):
            given = f"current of shape {tuple(current.shape)}, code of shape {tuple(code.shape)}"
            expected = f"(time, batch) and (batch, {len(self.features)})"
            raise ShapeError("Convolutional", given, expected, f"in this order: {', '.join(self.features)}")
        if check_range and self.amplitudes is not None:
            check_amplitudes(current, self.amplitudes)
        if check_range and self.codes is not None:
            self.codes.check(code)
        scaled = code if self.codes is None else self.codes.scaled(code)
        told = (scaled - 2.0).to(current.dtype)[..., None].expand(-1, -1, len(current))
        x = torch.cat([PER_NANOAMPERE * current.T[:, None], told], 1)
        for layer, dilation in zip(self.layers, self.dilations, strict=True):
            after = torch.relu(layer(functional.pad(x, ((self.width - 1) * dilation, 0))))
            x = after + x if after.shape == x.shape else after
        v, logit = self.readout(x).unbind(1)
        return (REST + WIDTH * v).T, (logit - self.threshold).T

    def objective(self, batch: Samples) -> Tensor:
        """What is minimised: the relative error of the potential, that of its sag where `sag_weight` is set, and the
        negative log likelihood of the spikes."""
        v, logit = self(batch.current, batch.code, check_range=False)
        rare = functional.binary_cross_entropy_with_logits(logit, batch.spikes, reduction="sum")
        return self.of_potential(v, batch) + WEIGHT * rare / (1.0 + batch.spikes.sum())

    def trains(self, logit: Tensor) -> Tensor:
        """Times in ms at which the logit (time, batch) reaches 0 from below, (batch, most), filled with infinities."""
        above = logit >= 0
        up = torch.zeros_like(above)
        up[1:] = above[1:] & ~above[:-1]
        return trains_of(up, self.sample)

    def calibrate(self, samples: Samples) -> None:
        """Place the threshold where the spikes are nearest to those of these samples, which are to be training data."""
        with torch.no_grad():
            _, logit = self(samples.current, samples.code, check_range=False)
            moves = torch.linspace(-6.0, 2.0, CANDIDATES)
            apart = [float(van_rossum(samples.trains, self.trains(logit - m)).mean()) for m in moves]
            self.threshold += moves[min(range(CANDIDATES), key=apart.__getitem__)]


__all__ = ["Convolutional"]
