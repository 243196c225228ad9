"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, Row
from rheobase.reproduce.scores import seeds

OPENING = ("comparison", "Traces")
GAMMA, NEURON = "Gamma at 4 ms", "causal neuron, its own codes"


def _row(found: Results, table: str, prediction: str) -> Row:
    return found.row("comparison", table, prediction=prediction)


def spikes(found: Results) -> str:
    here = {name: _row(found, "Unseen amplitudes", name) for name in (NEURON, "nearest training model", "never fires")}
    own, near, silent = (float(row[GAMMA] or 0.0) for row in here.values())
    row = here[NEURON]
    return (
        f"A causal neuron of {row['parameters']:,} parameters, with a learned code for each of {_models(found)} models "
        f"of a human interneuron, has a Gamma at 4 ms of {own:.2f} on amplitudes that it has not seen "
        f"({seeds(int(row['seeds'] or 1))}); the nearest training model, simulated, {near:.2f}, and a prediction that "
        f"never fires {silent:.0f}."
    )


def models(found: Results) -> str:
    names = (NEURON, "causal neuron, conductances", "nearest training model")
    own, told, near = (_row(found, "Unseen models", name) for name in names)
    return (
        f"On {len(found.setting('comparison', 'held_out'))} held-out models it is {float(own[GAMMA] or 0.0):.2f} with "
        f"the mean of its codes, {float(told[GAMMA] or 0.0):.2f} where conductances are the code, of the nearest "
        f"training model {float(near[GAMMA] or 0.0):.2f}; the spike count is off by "
        f"{float(own['spike count error (%)'] or 0.0):.1f} % (published, of an operator that was trained on 38 times "
        "as many traces: 9.2 %, without the samples in which only one of both fires)."
    )


def operator(found: Results) -> str:
    row = _row(found, "Unseen amplitudes", "Fourier operator")
    seen = int(found.setting("comparison", "trained")["Fourier operator"]["epochs"]) * _traces(found)
    fires = "does not fire" if not float(row[GAMMA] or 0.0) else f"has {float(row[GAMMA] or 0.0):.2f}"
    return (
        f"A Fourier operator of {row['parameters']:,} parameters {fires} after {seen:,} samples; the published one of "
        "1,803,001 saw 22.7 million, which no processor core does in an hour."
    )


def _models(found: Results) -> int:
    return int(found.setting("comparison", "models"))


def _traces(found: Results) -> int:
    return int(found.setting("comparison", "chunks")) * int(found.setting("comparison", "stimuli")) * _models(found)


HEADLINES = (spikes, models, operator)
