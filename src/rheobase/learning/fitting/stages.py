"""The stages of a fit: by gradient with given spikes, by gradient running freely, by evolution running freely.

Each is a generator that takes points (lanes, P) and yields better ones, step by step, within the box of the search
space. In the gradient stages, lanes are independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from rheobase.core.surrogates import ATan, Surrogate
from rheobase.learning.fitting import loss
from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.cell_candidates import CellCandidates
from rheobase.learning.fitting.gamma import gamma, trains_of, window
from rheobase.learning.fitting.journal import GRADIENT, Journal
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.space import SearchSpace

TOO_MANY = 3.0  # times as many spikes as the data: not worth counting coincidences
TAU = 10.0  # ms, of the van Rossum distance
SHARPNESS = (0.5, 5.0)  # of the surrogate: per mV, and per unit of a normalised potential
PRECISIONS = (2.0, 4.0, 8.0)  # ms: Gamma at 4 alone has many narrow optima, which other parts of a recording lack
TOLD = 1  # the one of them whose Gamma is told
WEIGHT = 0.1  # of the potential beside Gamma
SLOW = 50.0  # ms: the van Rossum distance that holds the rate, which Gamma alone leaves free: dense spikes meet many
SLOW_WEIGHT = 0.3
COUNT_WEIGHT = 0.5  # of spikes too many or too few: to Gamma alone, one left out costs less than one at a wrong time
PULL = (0.6, 1.8)  # ms, at the first step and the last: what an electrode takes to move the whole membrane of a cell
LEAST_ERROR = 1e-6  # mV2: below it an error is right
LAST = 0.02  # of the learning rate, where it goes down to the last step
DIVERGED = 100.0  # the other totals are at most 8, without spikes 53
MOST_ERROR = 50.0  # where the potential alone is scored, its error comes near this and not beyond
MEMORY, SPREAD = 6, 0.1  # of evolution: places of its memory, and how far values are drawn around them


@dataclass(frozen=True)
class Scores:
    """How good points are, (lanes,) each; the smaller `total`, the better.

    `diverged` are those whose potential ends as none that can be: their total is `DIVERGED`, worse than any other.
    `gamma` is NaN where nothing that is scored has a spike.
    """

    total: Tensor
    gamma: Tensor
    v_error: Tensor
    diverged: Tensor


class Target:
    """The recorded data in the form that the stages use."""

    def __init__(self, recording: Recording, settle: float):
        """The first `settle` ms are run, not scored: the model starts at rest, the cell did not."""
        self.recording, self.dt = recording, recording.dt
        self.first = round(settle / recording.dt)
        currents, self.group = recording.repeats()
        self.currents = currents.T.contiguous()
        self.current = recording.current.T.contiguous()
        self.v, self.spikes = recording.v.T.contiguous(), recording.spikes().T.contiguous()
        self.scored = torch.ones_like(self.v)
        self.scored[: self.first] = 0.0
        self.mask = loss.subthreshold(self.spikes, self.dt) * self.scored
        # the steps just before a spike count: it could have come there and did not
        unspoken = loss.subthreshold(self.spikes, self.dt, before=0.0, after=4.0)
        self.open = (unspoken + self.spikes).clamp(max=1.0) * self.scored
        self.filtered = loss.filtered(self.spikes, self.dt, TAU)
        times = [t[t >= settle] for t in recording.spike_times()]
        self.times = torch.nn.utils.rnn.pad_sequence(times, batch_first=True, padding_value=torch.inf)
        self.duration = recording.duration - settle
        # each as it is, or the widest that can see a cell that fires so fast
        self.precisions = [window(times, duration=self.duration, delta=delta) for delta in PRECISIONS]
        self.silent = not any(map(len, times))
        self.counts = torch.tensor([len(t) for t in times], dtype=torch.float32)
        self.most = max(1, max(map(len, times)))
        self.mean_v, self.seen = self._by_group(self.v * self.mask), self._by_group(self.mask)
        self.mean_v = self.mean_v / self.seen.clamp(min=1.0)
        counted = self._by_group(torch.ones_like(self.scored)).clamp(min=1.0)
        self.slow = loss.filtered(self._by_group(self.spikes * self.scored) / counted, self.dt, SLOW)

    def _by_group(self, x: Tensor) -> Tensor:
        return torch.zeros_like(self.currents).index_add_(1, self.group, x)

    def telling(self, sweeps: int) -> Tensor:
        """The numbers of so many sweeps: the first ones, or, where one is silent, spread over all that have spikes."""
        spiking = (self.spikes * self.scored).sum(0).nonzero()[:, 0]
        if bool((spiking[:sweeps] == torch.arange(len(spiking[:sweeps]))).all()):
            return torch.arange(min(sweeps, self.spikes.shape[1]))
        # the last one of steps that grow is the strongest
        return spiking[torch.linspace(0, len(spiking) - 1, min(sweeps, len(spiking))).round().long()]

    def scores(self, candidates: SearchSpace, point: Tensor) -> Scores:
        """The scores of points (lanes, P), running freely; sweeps with the same current are run once."""
        with torch.no_grad():
            response, _ = candidates.free(point, self.currents)
            spikes = response.spikes * self.scored[:, :1, None]
            alive = spikes.sum(0).amax(0) <= TOO_MANY * self.most
            found = torch.full((len(self.precisions), len(point)), -1.0, dtype=torch.float64)
            if bool(alive.any()):
                model = trains_of(spikes[:, :, alive], self.dt)[self.group]
                # of a sweep without spikes it says nothing: 0 for any model
                told = torch.isfinite(self.times[:, 0]) if self.times.shape[1] else slice(None)
                delta = torch.tensor(self.precisions, dtype=torch.float64)[:, None, None]
                found[:, alive] = gamma(self.times[:, None], model, duration=self.duration, delta=delta)[:, told].mean(
                    1
                )
            v_error = torch.zeros(len(point))
            if response.v is not None:
                v_error = loss.voltage(response.v, self.mean_v, (self.seen > 0).to(self.v))
            v_error = torch.nan_to_num(v_error, nan=1e6, posinf=1e6)
            distance = loss.van_rossum(spikes, self.slow, self.dt, SLOW).clamp(max=10.0)
            off = (spikes.sum(0)[self.group] - self.counts[:, None]).abs().sum(0) / self.counts.sum().clamp(min=1.0)
            told_gamma = found[TOLD]
            if self.silent:
                # the potential is all there is; a spike is one too many
                total = v_error / (1.0 + v_error / MOST_ERROR) + COUNT_WEIGHT * off.clamp(max=5.0)
                told_gamma = torch.full_like(told_gamma, math.nan)
            else:
                total = 1.0 - found.mean(0) + WEIGHT * v_error.clamp(max=5.0)
                total = total + SLOW_WEIGHT * distance + COUNT_WEIGHT * off.clamp(max=5.0)
            diverged = torch.zeros(len(point), dtype=torch.bool)
            if response.v is not None:
                # a potential that was astray for the moment of a spike came back
                diverged = candidates.astray(response.v[-1]).any(0)
            return Scores(torch.where(diverged, DIVERGED, total), told_gamma, v_error, diverged)


def forced(
    candidates: Candidates,
    target: Target,
    point: Tensor,
    *,
    steps: int,
    rate: float,
    sweeps: int,
    journal: Journal | None = None,
) -> Generator[Tensor]:
    """Teacher forcing: fits the potential and maximises the likelihood of the spikes under a soft threshold, by Adam.

    A neuron whose equations have an upstroke has no threshold to soften; it also resets where it spikes by itself.
    """
    own = candidates.makes_upstroke()
    part = target.telling(sweeps)
    log_width = torch.zeros(len(point)) + (0.5 if candidates.in_mv else -2.0)
    log_width.requires_grad_()
    current, spikes, v = target.current[:, part], target.spikes[:, part], target.v[:, part]

    def gradient(at: Tensor, _: int) -> Tensor:
        log_width.grad = None
        response = candidates.forced(at, current, spikes, 0.0 if own else 1e6)
        lost = torch.zeros(len(at))
        if response.v is not None:
            lost = lost + loss.voltage(response.v, v, target.mask[:, part])
        if not own:
            likelihood = loss.escape(response.spikes, spikes, target.open[:, part], log_width.exp(), target.dt)
            lost = lost + 0.1 * likelihood
        return candidates.gradient(lost.sum(), at)

    yield from _adam(point, gradient, [log_width], steps, rate, journal, candidates.box)


def pulled(
    candidates: CellCandidates,
    target: Target,
    point: Tensor,
    *,
    steps: int,
    schedule: int,
    rate: float,
    sweeps: int,
    journal: Journal | None = None,
) -> Generator[Tensor]:
    """Fits the potential of cells that an electrode pulls to the recorded one, by Adam: the first steps of a schedule.

    A free-running cell that misses a spike has no gradient towards it. The time constant of the pull rises from step to
    step, so that what is not right comes to show; the electrode's current vanishes where the cell is right.
    """
    count = target.v.shape[1]
    part = torch.linspace(0, count - 1, min(sweeps, count)).round().long()
    current, v, scored = target.current[:, part], target.v[:, part], target.scored[:, part]

    def gradient(at: Tensor, done: int) -> Tensor:
        tau = PULL[0] * (PULL[1] / PULL[0]) ** (done / max(1, schedule - 1))
        apart = candidates.pulled(at, current, v, tau) - v[..., None]
        error = (apart.square() * scored[..., None]).sum((0, 1)) / scored.sum()
        return candidates.gradient((error + LEAST_ERROR).log().sum(), at, None)

    yield from _adam(point, gradient, [], steps, rate, journal, candidates.box, decay=schedule)


def free(
    candidates: SearchSpace,
    target: Target,
    point: Tensor,
    *,
    steps: int,
    rate: float,
    piece: float,
    journal: Journal | None = None,
) -> Generator[Tensor]:
    """Running freely: minimises van Rossum distance and error of the potential, by Adam.

    Gradients are truncated to pieces of `piece` ms.
    """
    length = max(2, round(piece / target.dt))
    surrogate: Surrogate = ATan(SHARPNESS[0] if candidates.in_mv else SHARPNESS[1])

    def gradient(at: Tensor, _: int) -> Tensor:
        total, state = torch.zeros_like(at), None
        for begin in range(0, len(target.current), length):
            part = slice(begin, begin + length)
            response, state = candidates.free(at, target.currents[part], state, surrogate)
            state = type(state)(*(x.detach() for x in state))
            kernel = loss.filtered(response.spikes, target.dt, TAU)[:, target.group]
            known = loss.filtered(target.spikes[part], target.dt, TAU)
            apart = (kernel - known[..., None]).square() * target.scored[part, :, None]
            lost = apart.sum((0, 1)) / known.square().sum().clamp(min=0.1 * len(target.group) * TAU / target.dt)
            if response.v is not None:
                lost = lost + loss.voltage(response.v, target.mean_v[part], (target.seen[part] > 0).to(apart))
            total += _tame(candidates.gradient(lost.sum(), at, surrogate))
        return total

    yield from _adam(point, gradient, [], steps, rate, journal, candidates.box)


def _adam(
    point: Tensor,
    gradient: Callable[[Tensor, int], Tensor],
    others: list[Tensor],
    steps: int,
    rate: float,
    journal: Journal | None,
    box: Tensor,
    decay: int = 0,
) -> Generator[Tensor]:
    journal = journal or Journal()
    moves = (box[1] > box[0]).to(point)
    at = point.clone().requires_grad_()
    optimiser = torch.optim.Adam([at, *others], lr=rate)
    for k in range(steps):
        if decay:
            # along half a cosine over so many steps
            optimiser.param_groups[0]["lr"] = rate * (LAST + (1.0 - LAST) * 0.5 * (1.0 + math.cos(math.pi * k / decay)))
        found = journal.recall(GRADIENT, at, partial(_gradients, gradient, at, k, others))
        at.grad = _tame(found[0] * moves)
        for other, slope in zip(others, found[1:], strict=True):
            other.grad = slope
        optimiser.step()
        with torch.no_grad():
            at.clamp_(*box)
        yield at.detach().clone()


def _gradients(gradient: Callable[[Tensor, int], Tensor], at: Tensor, k: int, others: list[Tensor]) -> list[Tensor]:
    """Those of the points and of the others; 0 for one that the loss does not hang on."""
    found = [gradient(at, k)]
    return found + [torch.zeros_like(x) if x.grad is None else x.grad for x in others]


def _tame(gradient: Tensor) -> Tensor:
    """At most 1 long in each lane; a lane whose gradient is no number stands still for this step."""
    finite = torch.isfinite(gradient).all(1, keepdim=True)
    length = gradient.norm(dim=1, keepdim=True)
    return torch.where(finite, gradient / length.clamp(min=1.0), 0.0)


def mixed(point: Tensor, size: int, candidates: SearchSpace, generator: torch.Generator) -> Tensor:
    """A population: the points themselves, the best first, and mixtures of them with random draws."""
    more = size - len(point)
    if more <= 0:
        return point[:size]
    parents = point[torch.randint(0, len(point), (more,), generator=generator)]
    redrawn = torch.rand(parents.shape, generator=generator) < 0.5
    return torch.cat([point, torch.where(redrawn, candidates.draw(more, generator), parents)])


def evolve(
    score: Callable[[Tensor], Scores], point: Tensor, *, steps: int, generator: torch.Generator, box: Tensor
) -> Generator[tuple[Tensor, Scores]]:
    """Differential evolution on the scores of points (lanes, P) in a box (2, P); no generation loses its best.

    Each point goes towards one of the best tenth and along the difference of two others, one of which may be a point
    that was given up ("current to p-best with an archive": Zhang & Sanderson, IEEE Trans. Evol. Comput. 13, 945-958,
    2009, doi 10.1109/TEVC.2009.2014613). How far, and how many coordinates, is drawn around what was of use lately
    (success history: Tanabe & Fukunaga, IEEE CEC 2013, 71-78, doi 10.1109/CEC.2013.6557555).
    """
    scores, size, history = score(point), len(point), Successes(generator)
    given_up, (low, high) = point[:0], box
    moves = (high > low).nonzero()[:, 0]

    def pick(n: int) -> Tensor:
        return torch.randint(0, n, (size,), generator=generator)

    for _ in range(steps):
        far, crossing = history.draw(size)
        best = point[scores.total.argsort()[: max(2, size // 10)]][pick(max(2, size // 10))]
        others = torch.cat([point, given_up])
        moved = point + far[:, None] * (best - point + point[pick(size)] - others[pick(len(others))])
        # beyond an edge: half of the way to it, so that edges do not gather points
        moved = torch.where(moved < low, 0.5 * (low + point), torch.where(moved > high, 0.5 * (high + point), moved))
        taken = torch.rand(point.shape, generator=generator) < crossing[:, None]
        taken[torch.arange(size), moves[pick(len(moves))]] = True
        tried = torch.where(taken, moved, point)
        new = score(tried)
        better = new.total < scores.total
        history.learn(far[better], crossing[better], (scores.total - new.total)[better])
        given_up = torch.cat([given_up, point[better]])
        given_up = given_up[torch.randperm(len(given_up), generator=generator)[:size]]
        point = torch.where(better[:, None], tried, point)
        scores = Scores(*(torch.where(better, a, b) for a, b in zip(_parts(new), _parts(scores), strict=True)))
        yield point, scores


class Successes:
    """How far to go and how many coordinates to change, in shares: a memory of what was of use."""

    def __init__(self, generator: torch.Generator):
        self.generator = generator
        self.far, self.crossing, self.place = torch.full((MEMORY,), 0.5), torch.full((MEMORY,), 0.8), 0

    def draw(self, size: int) -> tuple[Tensor, Tensor]:
        """For each point, a value near one of the memory: of a Cauchy, and of a normal distribution."""
        which = torch.randint(0, MEMORY, (size,), generator=self.generator)
        far = self._cauchy(self.far[which])
        while bool((far <= 0.0).any()):
            far = torch.where(far <= 0.0, self._cauchy(self.far[which]), far)
        crossing = self.crossing[which] + SPREAD * torch.randn(size, generator=self.generator)
        return far.clamp(max=1.0), crossing.clamp(0.0, 1.0)

    def _cauchy(self, middle: Tensor) -> Tensor:
        return middle + SPREAD * torch.tan(math.pi * (torch.rand(len(middle), generator=self.generator) - 0.5))

    def learn(self, far: Tensor, crossing: Tensor, gain: Tensor) -> None:
        """Remember the means of what helped, weighted by the gain; of how far, the one that favours larger values."""
        if not len(gain):
            return
        weight = gain / gain.sum()
        self.far[self.place] = (weight * far.square()).sum() / (weight * far).sum()
        self.crossing[self.place] = (weight * crossing).sum()
        self.place = (self.place + 1) % MEMORY


def _parts(scores: Scores) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return scores.total, scores.gamma, scores.v_error, scores.diverged
