"""The causal stand-in: an ELM neuron whose biases follow from the code of a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from rheobase.checks import is_number
from rheobase.core.wrappers.forced import Forced
from rheobase.errors import DTypeError, ParameterError, ShapeError
from rheobase.learning import RelativeLp, trains_of, van_rossum
from rheobase.neurons import ELM
from rheobase.operator.codes import Codes, check_amplitudes, checked_names, checked_range
from rheobase.operator.embedding import PER_NANOAMPERE
from rheobase.operator.samples import Samples

FAST, SLOW = 0.15, 100.0  # ms: time constants of the fastest and the slowest memory
BELOW = 0.1  # how far below its threshold a neuron that does not fire is to stay
CANDIDATES = 33  # of a threshold
WEIGHT = 1.0  # of the distance to threshold in the objective, beside the relative error of the potential
SPREAD = {"weight_v": 10.0, "weight_u": 0.3, "kick": 0.3}  # of values before training; else 1/sqrt(inputs)
SHIFTED = ("bias", "bias_out", "v_threshold", "v_leak")  # by the code
LEARNED = ("weight_in", "weight_m", "weight_out", "weight_u", "kick", "weight_v", *SHIFTED)


class StandIn(nn.Module):
    """A neuron in place of a biophysical cell: an ELM neuron for each model, whose biases follow from its code.

        bias = bias_0 + shift code,    likewise bias_out, v_threshold and v_leak; all other weights are shared

    `neuron(code)` is a plain `rheobase.neurons.ELM`: it has states, runs on in chunks, on every backend, in networks.
    A call of the stand-in itself is the same with current in nA and the check of the range. It has
    214 + 23 x features parameters with the usual 16 hidden units.

    It learns with its spikes told (`objective`): the potential, the spikes drawn by the memories that they kick, and
    its distance u from threshold, which is to be the phase of the interval between two spikes, -1 to 0 (`phase`).

    sample      time of a step in ms: that of the traces it learns from
    hidden      hidden units of the ELM neuron
    codes       the features of a model, their scaling and range, or just their names (not scaled, no range)
    amplitudes  least and largest current in nA that it is trained on, for the check of the range

    Shapes: current (time, batch, *models) in nA, code (*models, features); spikes and potential (mV) as current.

    Raises: `ParameterError`, `ShapeError`, what a neuron raises, and `OutOfRange` outside what was trained.

    Differs from the paper: see `ELM`; the code, the told spikes and the phase are not in it.

    Reference: Spieler et al., arXiv 2306.16922 (2024).
    """

    def __init__(
        self,
        codes: Codes | Sequence[str],
        *,
        sample: float,
        hidden: int = 16,
        amplitudes: tuple[float, float] | None = None,
    ):
        super().__init__()
        if not is_number(sample, above=0):
            remedy = "Protocol().sample is as published"
            raise ParameterError("StandIn", f"sample = {sample!r}", "a finite number > 0 in ms", remedy)
        self.codes = codes if isinstance(codes, Codes) else None
        self.features = checked_names("StandIn", codes)
        self.sample, self.amplitudes = sample, checked_range("StandIn", amplitudes)
        self.options: dict[str, Any] = {"hidden": hidden, "tau_min": FAST / sample, "tau_max": SLOW / sample}
        self.sizes = {name: spec.lengths for name, spec in ELM(1, **self.options).params.items()}
        self.values = nn.ParameterDict({name: nn.Parameter(_start(name, self.sizes[name])) for name in LEARNED})
        shifts = {name: torch.zeros(math.prod(self.sizes[name]), len(self.features)) for name in SHIFTED}
        self.shifts = nn.ParameterDict({name: nn.Parameter(x) for name, x in shifts.items()})
        self._forced: dict[tuple[int, ...], Forced] = {}  # by shape: what is traced once is kept

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_forced": {}}

    def neuron(self, code: Tensor, *, check_range: bool = True) -> ELM:
        """The neurons of these codes, of shape (*models), with fixed values; their input is in units of 0.1 nA."""
        self._check_code(code)
        if check_range and self.codes is not None:
            self.codes.check(code)
        with torch.no_grad():
            neuron = ELM(*code.shape[:-1] or (1,), **self.options, **self._valued(code))
        return neuron.to(self.shifts["bias"].dtype)

    def forward(
        self, current: Tensor, code: Tensor, state: Any = None, *, check_range: bool = True
    ) -> tuple[Tensor, Tensor, Any]:
        """(spikes, potential in mV, state): a run with the spikes that it makes itself."""
        if check_range and self.amplitudes is not None:
            check_amplitudes(current, self.amplitudes)
        neuron = self.neuron(code, check_range=check_range)
        spikes, end, rec = neuron(PER_NANOAMPERE * current, state, record=("v",))
        return spikes, rec.v, end

    def objective(self, batch: Samples) -> Tensor:
        """What is minimised: the relative error of the potential, and the squared one of the distance to threshold."""
        (potential, distance), (wanted, known) = self.told(batch), phase(batch.spikes, batch.current)
        error = torch.where(known, distance - wanted, (distance + BELOW).relu())
        return RelativeLp()(potential, batch.v) + WEIGHT * error.square().mean()

    def told(self, batch: Samples) -> tuple[Tensor, Tensor]:
        """Potential (mV) and distance to threshold, (time, batch), where the spikes are those of the data."""
        shape = (batch.current.shape[1],)
        if shape not in self._forced:
            self._forced[shape] = Forced(ELM(*shape, learn=LEARNED, detach_reset=True, **self.options))
        forced = self._forced[shape].to(batch.current)
        given = {f"neuron.{name}": value for name, value in self._valued(batch.code).items()}
        inputs = {"current": PER_NANOAMPERE * batch.current[:, None], "spikes": batch.spikes[:, None]}
        distance, _, rec = functional_call(forced, given, kwargs={**inputs, "record": ("v",)})
        return rec.v[:, 0], distance[:, 0]

    def calibrate(self, samples: Samples) -> None:
        """Move the threshold, of all models alike, to where the spikes that it makes itself are nearest to the data.

        Told spikes do not say which side of an uncertain time to err on. Nearest is the van Rossum distance, over these
        samples, which are to be training data.
        """
        moves = torch.linspace(-0.5, 0.3, CANDIDATES)
        with torch.no_grad():
            given = self._valued(samples.code)
            given["v_threshold"] = given["v_threshold"] + moves[:, None]
            neuron = ELM(CANDIDATES, len(samples.code), **self.options, **given)
            current = PER_NANOAMPERE * samples.current[:, None, None].expand(-1, 1, CANDIDATES, -1)
            spikes, _ = neuron(current.contiguous())
            apart = van_rossum(samples.trains, trains_of(spikes[:, 0], self.sample)).mean(-1)
            self.values["v_threshold"] += moves[int(apart.argmin())]

    def _valued(self, code: Tensor) -> dict[str, Any]:
        """The learned values for codes (*models, features); those that the code shifts have the axes of the models."""
        self._check_code(code)
        scaled = code if self.codes is None else self.codes.scaled(code)
        # around the middle of the scale, so that a shift does not move all models
        centred = (scaled - 2.0).to(self.shifts["bias"].dtype)
        found: dict[str, Any] = dict(self.values.items())
        for name, shift in self.shifts.items():
            size = self.sizes[name]
            moved = torch.einsum("kf,...f->k...", shift, centred).reshape((*size, *code.shape[:-1]))
            own = self.values[name]
            found[name] = own.reshape((*size, *(1,) * (code.dim() - 1))) + moved
        return found

    def _check_code(self, code: Tensor) -> None:
        if not isinstance(code, Tensor) or not code.is_floating_point():
            given = f"code of {code.dtype if isinstance(code, Tensor) else type(code).__name__}"
            raise DTypeError("StandIn", given, "a tensor of floating-point numbers", "torch.tensor([[756.2, 0.0164]])")
        if not code.dim() or code.shape[-1] != len(self.features):
            given, expected = f"code of shape {tuple(code.shape)}", f"(*models, {len(self.features)})"
            raise ShapeError("StandIn", given, expected, f"in this order: {', '.join(self.features)}")

    def extra_repr(self) -> str:
        return f"{list(self.features)}, sample={self.sample}, hidden={self.options['hidden']}"


def phase(spikes: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
    """What the distance to threshold is to be, and where that is known.

        u[t] = -(t_next - t - 1/2) / (t_next - t_last)

    in steps, where t_last is the last spike, or the onset of the current before the first one. Thus u is above 0 where
    there is a spike and only there, and an error of it is one of the interval. Before the onset it is -1. Behind the
    last spike, and where there is none, nothing is known but that u is below 0.

    Shapes: spikes (time, batch) in {0, 1}, current (time, batch); both results (time, batch).

    >>> spikes, current = torch.zeros(5, 1), torch.ones(5, 1)
    >>> current[0], spikes[3] = 0.0, 1.0
    >>> u, known = phase(spikes, current)
    >>> u.flatten().tolist(), known.flatten().tolist()
    ([-1.0, -0.75, -0.25, 0.25, -1.0], [True, True, True, True, False])
    """
    steps = torch.arange(len(spikes), device=spikes.device, dtype=torch.float32)[:, None]
    following = torch.where(spikes > 0, steps, torch.inf).flip(0).cummin(0).values.flip(0)
    on = current != 0
    onset = torch.where(on.any(0), on.to(torch.uint8).argmax(0), len(spikes)).float()
    last = torch.where(spikes > 0, steps, -1.0).cummax(0).values.roll(1, 0)
    last[0] = -1.0
    begin = torch.maximum(last, onset)
    known = torch.isfinite(following) & (steps >= onset)
    to_come = torch.where(known, following, begin + 1.0)
    u = -(to_come - steps - 0.5) / (to_come - begin).clamp(min=1.0)
    return torch.where(known, u, -1.0), known | (steps < onset)


def _start(name: str, size: tuple[int, ...]) -> Tensor:
    """Values before training, drawn from torch's generator."""
    inputs = size[-1] if len(size) == 2 else 1
    spread = SPREAD.get(name, 1.0 / math.sqrt(inputs))
    if name == "v_leak":
        return torch.tensor(-72.0)
    if name == "v_threshold":
        return torch.tensor(0.5)
    return spread * torch.randn(size)


__all__ = ["StandIn", "phase"]
