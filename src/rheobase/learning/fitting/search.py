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

from rheobase.learning.fitting import stages
from rheobase.learning.fitting.agreement import agreement
from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.cell_candidates import CellCandidates
from rheobase.learning.fitting.hold_out import Split
from rheobase.learning.fitting.progress import FitCallback, FitStep
from rheobase.learning.fitting.recipe import FitRecipe
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.result import INTERRUPTED, Candidate, Fit
from rheobase.learning.training.stopping import InterruptWatch

FORCED, GRADIENT = 1.0 / 3.0, 0.5  # of the time limit: when the forced stage and all stages by gradient end


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
    ):
        self.space, self.target, self.recipe, self.callbacks = space, target, recipe, callbacks
        self.generator = torch.Generator().manual_seed(seed)
        self.history: list[FitStep] = []
        self.began = time.monotonic()
        self.total = space.tells * recipe.forced + space.frees * recipe.free + recipe.generations
        self.point = space.near(space.draw(recipe.restarts, self.generator), start, self.generator)
        self.scores = target.scores(space, self.point)

    def run(self, watch: InterruptWatch) -> str:
        """All stages; what ended them."""
        recipe, space, target = self.recipe, self.space, self.target
        told, start = recipe.forced if space.tells else 0, self.point
        forced = self._forced(told)
        for k, start in enumerate(forced):
            last = self._over(FORCED)
            # scoring costs a run: now and then is enough
            if k % 10 == 9 or k == told - 1 or last:
                self._keep(start)
            if self._report("forced", watch):
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
        )
        for start in free:
            self._keep(start)
            last = self._over(GRADIENT)
            if self._report("free", watch):
                return INTERRUPTED
            if last:
                break
        return self._evolve(start, watch)

    def _forced(self, steps: int) -> Generator[Tensor]:
        """The stage in which the recording is given."""
        space, target, recipe = self.space, self.target, self.recipe
        if isinstance(space, CellCandidates):
            return stages.pulled(
                space, target, self.point, steps=steps, schedule=recipe.schedule or steps, rate=recipe.rate,
                sweeps=recipe.sweeps,
            )  # fmt: skip
        return stages.forced(space, target, self.point, steps=steps, rate=recipe.rate, sweeps=recipe.sweeps)

    def _keep(self, point: Tensor) -> None:
        """Score points, and take those that are better than their lane's best."""
        old, new = self.scores, self.target.scores(self.space, point)
        better = new.total < old.total
        self.point = torch.where(better[:, None], point, self.point)
        self.scores = stages.Scores(
            torch.where(better, new.total, old.total), torch.where(better, new.gamma, old.gamma),
            torch.where(better, new.v_error, old.v_error),
        )  # fmt: skip

    def _over(self, share: float) -> bool:
        """Whether this share of the time limit has passed."""
        limit = self.recipe.time_limit
        return limit is not None and time.monotonic() - self.began >= share * limit

    def _evolve(self, last: Tensor, watch: InterruptWatch) -> str:
        if self.recipe.generations == 0:
            return "generations"
        order = self.scores.total.argsort()
        # where the gradient ended may be worth more than its score: both join
        founders = torch.cat([self.point[order], last])
        population = stages.mixed(founders, self.recipe.population, self.space, self.generator)
        best, stale = float(self.scores.total.min()), 0
        steps = stages.evolve(
            self.space, self.target, population, steps=self.recipe.generations, generator=self.generator
        )
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
        k = int(self.scores.total.argmin())
        step = FitStep(
            stage, len(self.history) + 1, float(self.scores.total[k]), float(self.scores.gamma[k]),
            time.monotonic() - self.began, self.target.precisions[stages.TOLD],
        )  # fmt: skip
        self.history.append(step)
        try:
            for callback in self.callbacks:
                callback.on_step(step)
        except KeyboardInterrupt:
            return True
        return watch.requested

    def result(self, ended: str, recording: Recording, split: Split) -> Fit:
        """The fit, and its errors on the sweeps of the whole recording."""
        order = self.scores.total.argsort()
        point = self.point[order].detach()
        names = [*self.space.learn, *(n for n in self.space.names if n not in self.space.learn)]
        table = {name: value.tolist() for name, value in self.space.values(point).items()}
        scores = torch.stack([self.scores.total, self.scores.gamma, self.scores.v_error], 1)[order].tolist()
        candidates = tuple(
            Candidate({name: table[name][k] for name in names}, *figures) for k, figures in enumerate(scores)
        )
        best = point[:1].clone()
        self.space.free(best, self.target.currents[:1])
        readout = {name: table[name][0] for name in self.space.fixed}
        neuron, delta = copy.deepcopy(self.space.made(1)), self.target.precisions[stages.TOLD]
        response = self.space.run(best, recording)
        score = partial(agreement, recording, settle=self.recipe.settle, delta=delta)
        fitted, held = score(split.fitted, *response), score(split.held, *response) if split.held else None
        return Fit(
            neuron, readout, candidates, tuple(self.history), ended, delta, self._done(), split, fitted, held,
            self.space, best,
        )  # fmt: skip

    def _done(self) -> FitRecipe:
        """The recipe with as many steps as were done."""
        done = Counter(step.stage for step in self.history)
        counts = {"forced": done["forced"], "free": done["free"], "generations": done["evolve"]}
        if not self.space.tells:
            counts["forced"] = self.recipe.forced
        if not self.space.frees:
            counts["free"] = self.recipe.free
        schedule = self.recipe.schedule
        if isinstance(self.space, CellCandidates) and self.recipe.forced:
            schedule = schedule or self.recipe.forced
        return replace(self.recipe, time_limit=None, schedule=schedule, **counts)
