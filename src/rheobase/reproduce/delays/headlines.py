"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, counted, score
from rheobase.reproduce.scores import apart, margin, seeds

OPENING = ("history", "Length of the history")
TESTED = 250  # recordings in the test part of the spoken digits


def history(found: Results) -> str:
    said: list[str] = []
    for cells in (16, 128):
        without, with_ = (
            found.scores("history", "Length of the history", tested=TESTED, cells_per_layer=cells, taps=taps)
            for taps in (0, 25)
        )
        gain = f"{with_.mean - without.mean:.1f}"
        half = f" +- {margin(without, with_):.1f}" if min(with_.n, without.n) > 1 else ""
        known = "" if apart(without, with_) else ", not told apart from none"
        said.append(f"{gain}{half} points to 2 x {cells} cells{known}")
    number = len(set(found.setting("history", "seeds")))
    return f"On spoken digits, an input history of 25 steps adds {' and '.join(said)} ({seeds(number)})."


def longer(found: Results) -> str:
    without, with_ = (found.row("longer", "Trained longer", taps=taps) for taps in (0, 25))
    return (
        f"After {found.setting('longer', 'epochs')} epochs, 2 x {found.setting('longer', 'hidden')} cells reach "
        f"{score(with_)} with that history and {score(without)} without ({counted(with_)})."
    )


def places(found: Results) -> str:
    said = [
        f"{name} {score(found.row('kinds', 'Places of delays', delays_in=place))}"
        for name, place in (
            ("in the states", "states"),
            ("in the synapses", "synaptic"),
            ("in the recurrence", "recurrent"),
            ("in the axons", "axonal"),
            ("nowhere", "none"),
        )
    ]
    number = counted(found.row("kinds", "Places of delays", delays_in="none"))
    return f"Delays may stand in several places: {', '.join(said)} ({number})."


HEADLINES = (history, longer, places)
