"""The search of a fit: stages one after the other, the best of every lane, and what ends it."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from rheobase.errors import Diverged
from rheobase.learning.fitting import stages
from rheobase.learning.fitting.agreement import agreement
from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.cell_candidates import CellCandidates
from rheobase.learning.fitting.hold_out import Split
from rheobase.learning.fitting.identifiability import unidentifiable
from rheobase.learning.fitting.journal import CLOCK, HELD, OVER, SCORES, Journal
from rheobase.learning.fitting.passive import Passive, planned
from rheobase.learning.fitting.progress import FitCallback, FitStep
from rheobase.learning.fitting.recipe import FitRecipe
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.result import INTERRUPTED, Candidate, Fit
from rheobase.learning.training.stopping import InterruptWatch

# of the time limit: when the passive stage, the forced one and all by gradient end
PASSIVE, FORCED, GRADIENT = 0.2, 1.0 / 3.0, 0.5


class Search:
    """A fit on its way: the best score of every lane so far, and what happened."""

    def __init__(
        self,
        space: Candidates | CellCandidates,
        target: stages.Target,
        recipe: FitRecipe,
        seed: int,
        callbacks: tuple[FitCallback, ...],
        start: Mapping[str, float],
        journal: Journal,
    ):
        self.space, self.target, self.recipe, self.callbacks = space, target, recipe, callbacks
        self.generator = torch.Generator().manual_seed(seed)
        self.history: list[FitStep] = []
        self.journal, self.diverged = journal, 0
        journal.reopen(recipe.time_limit)
        self.began = time.monotonic()
        self.passive = planned(space, target.recording, recipe)
        self.total = space.tells * recipe.forced + space.frees * recipe.free + recipe.generations
        self.total += recipe.passive * (self.passive is not None and bool(self.passive.sweeps))
        self.point = space.near(space.draw(recipe.restarts, self.generator), start, self.generator)

    def run(self, watch: InterruptWatch) -> str:
        """All stages; what ended them."""
        recipe, space, target = self.recipe, self.space, self.target
        if self._passive(watch):
            self.scores = self._score(self.point, target, Journal())
            return INTERRUPTED
        self.scores = self._score(self.point, target, self.journal)
        told, start = recipe.forced if space.tells else 0, self.point
        forced = self._forced(told)
        for k, start in enumerate(forced):
            last = self._over(FORCED)
            # scoring costs a run: now and then is enough
            scored = k % 10 == 9 or k == told - 1 or last
            if scored:
                self._keep(start, self.journal)
            if self._report("forced", watch):
                if not scored:
                    self._keep(start, Journal())
                return INTERRUPTED
            if last:
                break
        free = stages.free(
            space,
            target,
            start,
            steps=recipe.free if space.frees else 0,
            rate=0.3 * recipe.rate,
            piece=recipe.piece or target.recording.duration,
            journal=self.journal,
        )
        for start in free:
            self._keep(start, self.journal)
            last = self._over(GRADIENT)
            if self._report("free", watch):
                return INTERRUPTED
            if last:
                break
        return self._evolve(start, watch)

    def _passive(self, watch: InterruptWatch) -> bool:
        """The stage that takes the sweeps without a spike alone; True where it is time to stop."""
        space, plan = self.space, self.passive
        if plan is None or not plan.sweeps:
            return False
        target = stages.Target(self.target.recording.sweeps(plan.sweeps), self.recipe.settle)
        count, drawn, box = self.recipe.passive, self.point, space.box
        score = partial(self._score, target=target, journal=self.journal)
        steps = stages.evolve(score, drawn, steps=count, generator=self.generator, box=box)
        stop = False
        for self.point, self.scores in steps:
            stop = self._report("passive", watch)
            if stop or self._over(PASSIVE):
                break
        best = self.point[self.scores.total.argmin()][None].clone()
        # of what such sweeps tell nothing, half of the points keep what they began with
        others = torch.tensor([name not in plan.searched for name in space.names])
        self.point[::2, others] = drawn[::2, others]
        # where all diverged nothing is known
        if not stop and not bool(self.scores.diverged.all()):
            self._hold(best, target, plan)
        return stop

    def _hold(self, best: Tensor, target: stages.Target, plan: Passive) -> None:
        """Hold what the sweeps without a spike identify, at the best point (1, P) of the passive stage."""
        space = self.space

        def made() -> list[Tensor]:
            none = unidentifiable(space, best, target)
            return [torch.tensor([name in none for name in plan.searched])]

        (loose,) = self.journal.recall(HELD, best, made)
        none = tuple(name for name, is_loose in zip(plan.searched, loose.tolist(), strict=True) if is_loose)
        held = tuple(name for name in plan.searched if name not in none)
        self.passive = replace(plan, held=held, unidentifiable=none)
        space.keep({name: float(best[0, space.names.index(name)]) for name in held})
        self.point = self.point.clamp(*space.box)

    def _forced(self, steps: int) -> Generator[Tensor]:
        """The stage in which the recording is given."""
        space, target, recipe = self.space, self.target, self.recipe
        if isinstance(space, CellCandidates):
            return stages.pulled(
                space,
                target,
                self.point,
                steps=steps,
                schedule=recipe.schedule or steps,
                rate=recipe.rate,
                sweeps=recipe.sweeps,
                journal=self.journal,
            )
        return stages.forced(
            space, target, self.point, steps=steps, rate=recipe.rate, sweeps=recipe.sweeps, journal=self.journal
        )

    def _score(self, point: Tensor, target: stages.Target, journal: Journal) -> stages.Scores:
        """The scores of points, of this run or of the one that it goes on with; counts those that diverged.

        What is scored since the search was interrupted is not for its journal: one that goes on scores no such points.
        """

        def made() -> list[Tensor]:
            scores = target.scores(self.space, point)
            return [scores.total, scores.gamma, scores.v_error, scores.diverged]

        found = stages.Scores(*journal.recall(SCORES, point, made))
        self.diverged += int(found.diverged.sum())
        return found

    def _seconds(self) -> float:
        """How long it has searched, also before it was interrupted."""
        again = self.journal.replaying
        now = torch.tensor([time.monotonic() - self.began], dtype=torch.float64)
        seconds = float(self.journal.recall(CLOCK, None, lambda: [now])[0])
        if again:
            self.began = time.monotonic() - seconds
        return seconds

    def _keep(self, point: Tensor, journal: Journal) -> None:
        """Score points, and take those that are better than their lane's best."""
        old, new = self.scores, self._score(point, self.target, journal)
        better = new.total < old.total
        self.point = torch.where(better[:, None], point, self.point)
        self.scores = stages.Scores(
            torch.where(better, new.total, old.total),
            torch.where(better, new.gamma, old.gamma),
            torch.where(better, new.v_error, old.v_error),
            torch.where(better, new.diverged, old.diverged),
        )

    def _over(self, share: float) -> bool:
        """Whether this share of the time limit has passed."""
        limit = self.recipe.time_limit
        over = limit is not None and time.monotonic() - self.began >= share * limit
        # what the clock once decided stays: else the same search would become another
        return bool(self.journal.recall(OVER, None, lambda: [torch.tensor([over])])[0])

    def _evolve(self, last: Tensor, watch: InterruptWatch) -> str:
        if self.recipe.generations == 0:
            return "generations"
        order = self.scores.total.argsort()
        # where the gradient ended may be worth more than its score: both join
        founders = torch.cat([self.point[order], last])
        population = stages.mixed(founders, self.recipe.population, self.space, self.generator)
        best, stale = float(self.scores.total.min()), 0
        score = partial(self._score, target=self.target, journal=self.journal)
        generations, box = self.recipe.generations, self.space.box
        steps = stages.evolve(score, population, steps=generations, generator=self.generator, box=box)
        for self.point, self.scores in steps:
            now = float(self.scores.total.min())
            best, stale = (now, 0) if now < best - 1e-4 else (best, stale + 1)
            if self._report("evolve", watch):
                return INTERRUPTED
            if self.recipe.patience is not None and stale >= self.recipe.patience:
                return "patience"
            if self._over(1.0):
                return "time limit"
        return "generations"

    def _report(self, stage: str, watch: InterruptWatch) -> bool:
        """Tell those who look on; True where it is time to stop."""
        again = self.journal.replaying
        k = int(self.scores.total.argmin())
        step = FitStep(
            stage,
            len(self.history) + 1,
            float(self.scores.total[k]),
            float(self.scores.gamma[k]),
            self._seconds(),
            self.target.precisions[stages.TOLD],
        )
        self.history.append(step)
        if again:
            # they were told of it before
            return False
        try:
            for callback in self.callbacks:
                callback.on_step(step)
        except KeyboardInterrupt:
            return True
        return watch.requested

    def result(self, ended: str, recording: Recording, split: Split) -> Fit:
        """The fit, and its errors on the sweeps of the whole recording. Raises `Diverged` where all candidates did."""
        if bool(self.scores.diverged.all()):
            raise Diverged(
                f"the fit of {self.space.title}",
                f"a potential that is none in each of {self.diverged} candidates",
                "one that stays finite",
                "give narrower ranges, or a smaller time step",
            )
        order = self.scores.total.argsort()
        point = self.point[order].detach()
        names = [*self.space.learn, *(n for n in self.space.names if n not in self.space.learn)]
        table = {name: value.tolist() for name, value in self.space.values(point).items()}
        scores = torch.stack([self.scores.total, self.scores.gamma, self.scores.v_error], 1)[order].tolist()
        passive = self.passive and replace(self.passive, sweeps=tuple(split.fitted[k] for k in self.passive.sweeps))
        kept = () if passive is None else passive.held
        candidates = tuple(
            Candidate({name: table[name][k] for name in names}, score, gamma, v_error, kept)
            for k, (score, gamma, v_error) in enumerate(scores)
        )
        best = point[:1].clone()
        self.space.free(best, self.target.currents[:1])
        readout = {name: table[name][0] for name in self.space.fixed}
        neuron, delta = copy.deepcopy(self.space.made(1)), self.target.precisions[stages.TOLD]
        response = self.space.run(best, recording)
        shaped = self.space.draws
        score = partial(agreement, recording, settle=self.recipe.settle, delta=delta, shaped=shaped)
        fitted, held = score(split.fitted, *response), score(split.held, *response) if split.held else None
        return Fit(
            neuron,
            readout,
            candidates,
            tuple(self.history),
            ended,
            delta,
            self._done(),
            split,
            fitted,
            held,
            self.diverged,
            unidentifiable(self.space, best, self.target) if self.target.silent else (),
            passive,
            self.space,
            best,
        )

    def _done(self) -> FitRecipe:
        """The recipe with as many steps as were done."""
        done = Counter(step.stage for step in self.history)
        counts = {"forced": done["forced"], "free": done["free"], "generations": done["evolve"]}
        if self.passive is not None and self.passive.sweeps:
            counts["passive"] = done["passive"]
        if not self.space.tells:
            counts["forced"] = self.recipe.forced
        if not self.space.frees:
            counts["free"] = self.recipe.free
        schedule = self.recipe.schedule
        if isinstance(self.space, CellCandidates) and self.recipe.forced:
            schedule = schedule or self.recipe.forced
        return replace(self.recipe, time_limit=None, schedule=schedule, **counts)
