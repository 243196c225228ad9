"""A fit as a card, for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.cards import Card

if TYPE_CHECKING:
    from rheobase.learning.fitting.result import Fit

SHOWN = 5  # candidates
WITHOUT = "without a spike the potential does not depend on it, or others can take its place"


def fit_card(fit: Fit) -> Card:
    """How good the fit is, every searched quantity with its range, and the best candidates folded away."""
    edges = fit.at_edges()
    gamma = f"{fit.gamma:.3f} at {fit.delta:.3g} ms (1: all spikes, 0: chance)"
    if fit.silent:
        gamma = "none: no fitted sweep has a spike"
    facts = {
        "Gamma": gamma,
        "search": f"{len(fit.candidates)} candidates, ended by {fit.ended}",
    }
    if fit.best.v_error == fit.best.v_error:  # not of a neuron without a potential
        facts["potential"] = f"mean square error {fit.best.v_error:.3g} of its variance, between spikes"
    if fit.silent:
        facts["error (rms)"] = f"{fit.fitted.v_rms:.3g} mV"
    if fit.unidentifiable:
        facts["not identifiable"] = f"{', '.join(fit.unidentifiable)}: {WITHOUT}"
    if fit.passive is not None:
        facts["passive stage"] = fit.passive.said
    rows = [
        (
            axis.name,
            f"{fit.best.values[axis.name]:.5g}",
            fit.unit(axis.name),
            f"{axis.low:.4g} to {axis.high:.4g}",
            f"at the {edges[axis.name]} edge" if axis.name in edges else "",
        )
        for axis in fit.axes
    ]
    best = "\n".join(
        ("" if fit.silent else f"Gamma {one.gamma:.3f}  ")
        + ", ".join(f"{name}={value:.4g}" for name, value in one.values.items())
        for one in fit.candidates[:SHOWN]
    )
    return Card(
        f"Fit of {fit.title}",
        facts=facts,
        columns=("searched", "best", "unit", "range", ""),
        rows=rows,
        folded={f"The best {min(SHOWN, len(fit.candidates))} candidates": best},
    )
