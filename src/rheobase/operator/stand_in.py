"""The causal stand-in: an ELM neuron whose biases follow from the code of a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from rheobase.checks import is_number, is_whole
from rheobase.core.wrappers.forced import Forced
from rheobase.errors import DTypeError, ParameterError, ShapeError
from rheobase.learning import trains_of, van_rossum
from rheobase.neurons import ELM
from rheobase.neurons.elm import MEMORIES
from rheobase.operator.codes import Codes, check_amplitudes, checked_names, checked_range
from rheobase.operator.embedding import PER_NANOAMPERE
from rheobase.operator.kept import keep_with_weights
from rheobase.operator.phases import own_phase, phase
from rheobase.operator.sag import LearnsPotential
from rheobase.operator.samples import Samples

FAST, SLOW = 0.15, 100.0  # ms: time constants of the fastest and the slowest memory
BELOW = 0.1  # how far below its threshold a neuron that does not fire is to stay
MANY = 20  # spikes more than twice those of any sample
MOVES, FACTORS = (-0.5, 0.3, 33), (0.95, 1.05, 41)  # of the threshold and of the kick: from, to and how many
FREE = 30.0  # of the same on the path of its own spikes
WEIGHT = 10.0  # of the distance to threshold in the objective, beside the relative error of the potential
EARLY, LATE = 0.2, 0.15  # of that distance: the weight where a spike is far, and how near it is where it counts fully
SPREAD = {"weight_v": 0.2, "weight_u": 0.3, "kick": 0.3}  # of values before training; else 1/sqrt(inputs)
# mV: potentials are learned in these units around a rest, since one learning rate moves all values by like amounts
UNITS, REST = {"weight_v": 50.0, "v_leak": 20.0}, -72.0
SHIFTED = ("bias", "bias_out", "kick", "v_threshold", "v_leak")  # by the code
LEARNED = ("weight_in", "weight_m", "weight_out", "weight_u", "weight_v", *SHIFTED)


class StandIn(LearnsPotential):
    """A neuron in place of a biophysical cell: an ELM neuron for each model, whose biases follow from its code.

        bias = bias_0 + shift code,    likewise bias_out, kick, v_threshold and v_leak; all others are shared
        code = (c, tanh(weight c + offset)) where `code_hidden` > 0, else c, the scaled features around their middle

    `neuron(code)` is a plain `rheobase.neurons.ELM`: it has states, runs on in chunks, on every backend, in networks.
    A call of the stand-in itself is the same with current in nA and the check of the range. It has
    322 + 34 x features parameters with the usual 16 hidden units; hidden units of the code, which make the biases
    curved functions of it, are 35 + features parameters each.

    It learns with its spikes told (`objective`): the potential, the spikes drawn by the memories that they kick, and
    its distance u from threshold, which is to be the phase of the interval between two spikes, -1 to 0 (`phase`), the
    more exactly the nearer the spike. `values` has the potential's weights in units of 50 mV and its leak in units of
    20 mV around -72 mV.

    sample      time of a step in ms: that of the traces it learns from
    hidden      hidden units of the ELM neuron
    code_hidden hidden units between the code and the biases; 0: the biases are linear in it
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
        code_hidden: int = 0,
        amplitudes: tuple[float, float] | None = None,
    ):
        super().__init__()
        if not is_number(sample, above=0):
            remedy = "Protocol().sample is as published"
            raise ParameterError("StandIn", f"sample = {sample!r}", "a finite number > 0 in ms", remedy)
        if not is_whole(code_hidden, 0):
            given = f"code_hidden = {code_hidden!r}"
            raise ParameterError("StandIn", given, "a whole number >= 0", "code_hidden=16, say; 0 is linear")
        self.codes = codes if isinstance(codes, Codes) else None
        self.features = checked_names("StandIn", codes)
        self.sample, self.amplitudes = sample, checked_range("StandIn", amplitudes)
        self.options: dict[str, Any] = {"hidden": hidden, "tau_min": FAST / sample, "tau_max": SLOW / sample}
        self.sizes = {name: spec.lengths for name, spec in ELM(1, **self.options).params.items()}
        self.values = nn.ParameterDict({name: nn.Parameter(_start(name, self.sizes[name])) for name in LEARNED})
        # nothing where there are none, so that weights of linear stand-ins are as they were
        self.curve = nn.Linear(len(self.features), code_hidden) if code_hidden else None
        width = len(self.features) + code_hidden
        shifts = {name: torch.zeros(math.prod(self.sizes[name]), width) for name in SHIFTED}
        self.shifts = nn.ParameterDict({name: nn.Parameter(x) for name, x in shifts.items()})
        keep_with_weights(self, self.features, self.codes, sample=sample, amplitudes=self.amplitudes)
        self.free = False
        self._forced: dict[tuple[int, ...], Forced] = {}  # by shape: what is traced once is kept

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_forced": {}}

    def neuron(self, code: Tensor, *, check_range: bool = True) -> ELM:
        """The neurons of these codes, of shape (*models), with fixed values; their input is in units of 0.1 nA."""
        self._check_code(code)
        if check_range and self.codes is not None:
            self.codes.check(code)
        with torch.no_grad():
            neuron = ELM(*code.shape[:-1] or (1,), **self.options, **self.valued(code))
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
        """What is minimised: the relative error of the potential, and the squared one of the distance to threshold.

            |v - v*|_4 / |v*|_4 + WEIGHT mean( w (u - u*)^2 ),    w = EARLY + exp( -(u* / LATE)^2 )

        Where u* is not known, w is 1 and the error is how far u is above -BELOW. While `free` is set, the same error on
        the path of its own spikes is added (`own_phase`), the spikes of which have no gradient: what is small while the
        spikes are told may still drift. Where `sag_weight` is set, so is the error of the sag.
        """
        potential, distance = self.told(batch)
        told = self.of_potential(potential, batch) + WEIGHT * _apart(distance, *phase(batch.spikes, batch.current))
        if not self.free:
            return told
        with torch.no_grad():
            given = PER_NANOAMPERE * batch.current[:, None]
            spikes, _ = functional_call(self.traced(batch).neuron, self.valued(batch.code), (given,))
            own = spikes[:, 0]
        _, distance = self.told(replace(batch, spikes=own))
        return FREE * _apart(distance, *own_phase(own, batch.spikes, batch.current)) + told

    def told(self, batch: Samples) -> tuple[Tensor, Tensor]:
        """Potential (mV) and distance to threshold, (time, batch), where the spikes are those of the data."""
        forced = self.traced(batch)
        given = {f"neuron.{name}": value for name, value in self.valued(batch.code).items()}
        inputs = {"current": PER_NANOAMPERE * batch.current[:, None], "spikes": batch.spikes[:, None]}
        distance, _, rec = functional_call(forced, given, kwargs={**inputs, "record": ("v",)})
        return rec.v[:, 0], distance[:, 0]

    def memories(self, batch: Samples) -> Tensor:
        """The memories, (time, batch, 8), where the spikes are those of the data."""
        names = tuple(f"m{k}" for k in range(MEMORIES))
        given = {f"neuron.{name}": value for name, value in self.valued(batch.code).items()}
        inputs = {"current": self.scaled(batch.current), "spikes": batch.spikes[:, None]}
        _, _, rec = functional_call(self.traced(batch), given, kwargs={**inputs, "record": names})
        return torch.stack([getattr(rec, name)[:, 0] for name in names], -1)

    def scaled(self, current: Tensor) -> Tensor:
        """A current (time, samples) in nA as the input of its neurons, (time, 1, samples)."""
        return PER_NANOAMPERE * current[:, None]

    def traced(self, batch: Samples) -> Forced:
        """The neurons of as many samples, with the spikes told; `.neuron` of it runs on its own spikes."""
        shape = (batch.current.shape[1],)
        if shape not in self._forced:
            self._forced[shape] = Forced(ELM(*shape, learn=LEARNED, detach_reset=True, **self.options))
        return self._forced[shape].to(batch.current)

    def calibrate(self, samples: Samples) -> None:
        """Move what decides when it fires to where the spikes that it makes itself are nearest to the data.

        First the threshold, of all models alike: told spikes do not say which side of an uncertain time to err on. Then
        how far a spike kicks the memories, and so how long an interval is: for each model the factor that is best for
        its samples, and of these factors the nearest linear function of the code, by least squares. Spikes are near
        by the van Rossum distance; the samples are to be training data, several for each model.
        """
        models, which = samples.code.unique(dim=0, return_inverse=True)
        with torch.no_grad():
            moves = torch.linspace(*MOVES)
            found = [self._missed(samples, "v_threshold", lambda x, m=m: x + m).mean() for m in moves]
            self.values["v_threshold"] += moves[int(torch.stack(found).argmin())]
            factors = torch.linspace(*FACTORS)
            apart = torch.stack([self._missed(samples, "kick", lambda x, f=f: f * x) for f in factors])
            each = torch.zeros(len(factors), len(models), dtype=apart.dtype).index_add_(1, which, apart)
            best = factors[each.argmin(0)] - 1.0
            known = torch.cat([torch.ones(len(models), 1), self.centred(models)], 1).double()
            wanted = (best * self.valued(models)["kick"]).T.double()  # (models, memories)
            of_all, *of_code = (torch.linalg.pinv(known) @ wanted).to(self.values["kick"].dtype)
            self.values["kick"] += of_all
            self.shifts["kick"] += torch.stack(of_code, 1)

    def _missed(self, samples: Samples, name: str, changed: Callable[[Tensor], Tensor]) -> Tensor:
        """The distance of its own spikes to those of each sample, with one of its values changed."""
        given = self.valued(samples.code)
        given[name] = changed(given[name])
        current = PER_NANOAMPERE * samples.current[:, None]
        spikes, _ = functional_call(self.traced(samples).neuron, given, (current,))
        counts = spikes[:, 0].sum(0)
        # all pairs of spikes of a neuron that fires in every step would not fit into memory: they count as far apart
        steady = counts > 2 * samples.trains.shape[1] + MANY
        made = trains_of(spikes[:, 0] * ~steady, self.sample)
        return torch.where(steady, (0.5 * counts).sqrt().double(), van_rossum(samples.trains, made))

    def valued(self, code: Tensor) -> dict[str, Any]:
        """The learned values for codes (*models, features); those that the code shifts have the axes of the models."""
        centred = self.centred(code)
        found: dict[str, Any] = dict(self.values.items())
        for name, shift in self.shifts.items():
            size = self.sizes[name]
            moved = torch.einsum("kf,...f->k...", shift, centred).reshape((*size, *code.shape[:-1]))
            own = self.values[name]
            found[name] = own.reshape((*size, *(1,) * (code.dim() - 1))) + moved
        for name, unit in UNITS.items():
            found[name] = unit * found[name]
        found["v_leak"] = found["v_leak"] + REST
        return found

    def centred(self, code: Tensor) -> Tensor:
        """The scaled code around the middle of its scale, so that a shift does not move all models, and its curves."""
        self._check_code(code)
        scaled = code if self.codes is None else self.codes.scaled(code)
        centred = (scaled - 2.0).to(self.shifts["bias"].dtype)
        return centred if self.curve is None else torch.cat([centred, torch.tanh(self.curve(centred))], -1)

    def _check_code(self, code: Tensor) -> None:
        if not isinstance(code, Tensor) or not code.is_floating_point():
            given = f"code of {code.dtype if isinstance(code, Tensor) else type(code).__name__}"
            raise DTypeError("StandIn", given, "a tensor of floating-point numbers", "torch.tensor([[756.2, 0.0164]])")
        if not code.dim() or code.shape[-1] != len(self.features):
            given, expected = f"code of shape {tuple(code.shape)}", f"(*models, {len(self.features)})"
            raise ShapeError("StandIn", given, expected, f"in this order: {', '.join(self.features)}")

    def extra_repr(self) -> str:
        curved = f", code_hidden={self.curve.out_features}" if self.curve is not None else ""
        return f"{list(self.features)}, sample={self.sample}, hidden={self.options['hidden']}{curved}, free={self.free}"


def _apart(distance: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """The mean squared error of a distance to threshold, which counts the more the nearer the spike."""
    near = EARLY + torch.exp(-(wanted.clamp(max=0.0) / LATE).square())
    return torch.where(known, near * (distance - wanted).square(), (distance + BELOW).relu().square()).mean()


def _start(name: str, size: tuple[int, ...]) -> Tensor:
    """Values before training, drawn from torch's generator."""
    inputs = size[-1] if len(size) == 2 else 1
    spread = SPREAD.get(name, 1.0 / math.sqrt(inputs))
    if name == "v_leak":
        return torch.tensor(0.0)
    if name == "v_threshold":
        return torch.tensor(0.5)
    return spread * torch.randn(size)


__all__ = ["StandIn"]
