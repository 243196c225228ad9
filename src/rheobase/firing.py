"""How a neuron fires, in a word, by fixed rules on the intervals between its spikes.

Under a constant current, a neuron that begins at rest is, by the first of these rules that holds,

    silent        it has no spike
    single spike  it has one
    phasic        it has stopped: since its last spike have gone three times its longest interval
    bursting      groups of spikes parted by pauses: its intervals fall into two classes, the shortest pause at least 3
                  times the longest interval within a group; there are two pauses or more; three spikes of four lie in
                  groups of three or more
    doublets      pairs of spikes: two classes of intervals as for bursting, three short ones for four pauses or more
    adapting      the intervals of the second half are alike, and at least half as long again as the first interval
    tonic         the intervals of the second half are alike: they differ by less than 3 steps, or by no more than half
    irregular     they differ by more

Bursting as electrophysiologists find it: a break between short intervals within a burst and longer ones between bursts
(Cocatre-Zilgien & Delcomyn, 1992, doi 10.1016/0165-0270(92)90120-3); two peaks in the distribution of the logarithm of
intervals, parted by a valley, and at least three spikes to a burst (Pasquale, Martinoia & Chiappalone, 2010,
doi 10.1007/s10827-009-0175-1, where the valley may hold some intervals; here it holds none).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

PATTERNS = ("silent", "single spike", "phasic", "bursting", "doublets", "adapting", "tonic", "irregular")
SILENT, SINGLE, PHASIC, BURSTING, DOUBLETS, ADAPTING, TONIC, IRREGULAR = range(len(PATTERNS))
PARTED = 3  # the shortest pause over the longest interval within a burst, at least


class Intervals(NamedTuple):
    """One value for each lane, in steps; 0 where a lane has too few spikes for it."""

    shortest: Tensor  # shortest interval between two spikes
    longest: Tensor  # longest interval between two spikes
    within: Tensor  # longest interval below the widest break between intervals, in logarithms
    pause: Tensor  # shortest interval above it
    pauses: Tensor  # intervals above it
    grouped: Tensor  # spikes that lie in groups of three or more, no two of them parted by a pause


def firing_patterns(onsets: Tensor) -> Tensor:
    """The pattern of each lane as an index of `PATTERNS`, by the rules above.

    Shapes: onsets (time, lanes) bool, from the onset of a constant current on; patterns (lanes,).

    >>> onsets = torch.zeros(100, 2, dtype=torch.bool)
    >>> onsets[9::10, 0] = True
    >>> [PATTERNS[k] for k in firing_patterns(onsets)]
    ['tonic', 'silent']
    """
    steps = len(onsets)
    total, whole = onsets.sum(0), intervals(onsets)
    late = onsets.clone()
    late[: steps // 2] = False
    # where the second half holds no two intervals, the whole run tells
    few = late.sum(0) < 3
    late[:, few] = onsets[:, few]
    seen = intervals(late)
    at = torch.arange(steps)[:, None]
    last = torch.where(onsets, at, -1).amax(0)
    first, second = _first_two(onsets, at)
    stopped = steps - 1 - last >= PARTED * whole.longest
    return chosen(
        [
            (total == 0, SILENT),
            (total == 1, SINGLE),
            (stopped, PHASIC),
            (bursts(whole, total) | bursts(seen, late.sum(0)), BURSTING),
            (_parted(seen) & (4 * (late.sum(0) - 1 - seen.pauses) >= 3 * seen.pauses), DOUBLETS),
            (even(seen) & (3 * (second - first) <= 2 * seen.shortest), ADAPTING),
            (even(seen), TONIC),
        ],
        otherwise=IRREGULAR,
    )


def rates(onsets: Tensor, dt: float | None) -> Tensor:
    """The rate of each lane by its mean interval, in Hz, or per step where dt is None; 0 for fewer than two spikes.

    Shapes: onsets (time, lanes) bool; rates (lanes,) float64.

    >>> onsets = torch.zeros(100, 2, dtype=torch.bool)
    >>> onsets[9::10] = torch.tensor([True, False])
    >>> rates(onsets, 0.5).tolist()
    [200.0, 0.0]
    """
    at, count = torch.arange(len(onsets))[:, None], onsets.sum(0)
    first, last = torch.where(onsets, at, len(onsets)).amin(0), torch.where(onsets, at, -1).amax(0)
    per = 1.0 if dt is None else 1000.0 / dt
    return torch.where(count > 1, per * (count - 1).double() / (last - first).clamp(min=1), 0.0)


def even(seen: Intervals) -> Tensor:
    """Whether intervals differ by less than 3 steps, or by no more than half; (lanes,)."""
    return (seen.longest - seen.shortest < 3) | (2 * seen.longest <= 3 * seen.shortest)


def bursts(seen: Intervals, spikes: Tensor) -> Tensor:
    """Whether these intervals of so many spikes are those of bursts; (lanes,)."""
    return _parted(seen) & (4 * seen.grouped >= 3 * spikes)


def _parted(seen: Intervals) -> Tensor:
    return (seen.pause >= PARTED * seen.within) & (seen.pauses >= 2)


def chosen(rules: list[tuple[Tensor, int]], *, otherwise: int) -> Tensor:
    """For each lane, the number of the first rule that holds."""
    found = torch.full_like(rules[0][0], otherwise, dtype=torch.int64)
    for holds, number in reversed(rules):
        found = torch.where(holds, number, found)
    return found


def _first_two(onsets: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The steps of the first two spikes of each lane; beyond the end where there are fewer."""
    after = torch.where(onsets, at, len(onsets))
    first = after.amin(0)
    return first, torch.where(at > first, after, len(onsets)).amin(0)


def intervals(onsets: Tensor) -> Intervals:
    """The intervals of each lane between the steps at which spikes begin, onsets (time, lanes) bool.

    >>> onsets = torch.zeros(20, 1, dtype=torch.bool)
    >>> onsets[[0, 2, 4, 12, 14, 16]] = True
    >>> [int(x) for x in intervals(onsets)]
    [2, 8, 2, 8, 1, 6]
    """
    lanes = onsets.shape[1]
    lane, step = onsets.T.nonzero(as_tuple=True)
    same = lane[1:] == lane[:-1]
    gap, lane = (step[1:] - step[:-1])[same], lane[1:][same]
    none = torch.zeros(lanes, dtype=torch.int64)
    longest = none.scatter_reduce(0, lane, gap, "amax")
    shortest = longest.scatter_reduce(0, lane, gap, "amin")
    within, pause = _break(lane, gap, longest)
    short = gap <= within[lane]
    pauses = none.scatter_add(0, lane, (~short).long())
    return Intervals(shortest, longest, within, pause, pauses, _grouped(lane, short, lanes))


def _break(lane: Tensor, gap: Tensor, longest: Tensor) -> tuple[Tensor, Tensor]:
    """The intervals on both sides of the widest break of each lane; where all are equal, (longest, 0)."""
    ordered = torch.argsort(lane * (int(longest.amax()) + 1) + gap) if len(gap) else lane
    lane, gap = lane[ordered], gap[ordered]
    ratio = torch.where(lane[1:] == lane[:-1], gap[1:] / gap[:-1].clamp(min=1), 0.0).float()
    widest = torch.ones(len(longest)).scatter_reduce(0, lane[1:], ratio, "amax")
    at = (ratio == widest[lane[1:]]) & (ratio > 1.0)
    found = lane[1:][at]
    # of equally wide breaks the lowest
    within = longest.scatter_reduce(0, found, gap[:-1][at], "amin")
    above = torch.full_like(longest, torch.iinfo(torch.int64).max).scatter_reduce(0, found, gap[1:][at], "amin")
    return within, torch.where(widest > 1.0, above, 0)


def _grouped(lane: Tensor, short: Tensor, lanes: int) -> Tensor:
    """For each lane, the spikes in runs of two or more short intervals."""
    if not len(lane):
        return torch.zeros(lanes, dtype=torch.int64)
    changes = (lane[1:] != lane[:-1]) | (short[1:] != short[:-1])
    run = torch.cat([torch.zeros(1, dtype=torch.int64), changes.long().cumsum(0)])
    length = torch.bincount(run)
    first = torch.cat([torch.ones(1, dtype=torch.bool), changes])
    spikes = torch.where(short[first] & (length >= 2), length + 1, 0)
    return torch.zeros(lanes, dtype=torch.int64).scatter_add(0, lane[first], spikes)
