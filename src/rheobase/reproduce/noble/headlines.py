"""What the page opens with: three sentences, of which the tables of its parts hold the rest."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, Row

OPENING = ("comparison", "Traces")
GAMMA = "Gamma at 4 ms"
OTHER_CODES = {
    "causal neuron": "two features",
    "causal neuron, conductances": "the conductances",
    "causal neuron, its own codes": "a learned code",
}


def _gamma(row: Row) -> float:
    return float(row[GAMMA] or 0.0)


def between(found: Results) -> str:
    """The causal neuron beside the nearest model, and what mixed models change."""

    def gamma(prediction: str, table: str = "Unseen models") -> str:
        return f"{_gamma(found.row('between', table, prediction=prediction)):.2f}"

    alone, mixed, nearest = "responses, published models", "responses, mixed models", "nearest training model"
    steps = len(found.setting("between", "mixed")["told"])
    row, count = (found.row("between", table, prediction=alone) for table in ("Unseen models", "Number of models"))
    return (
        f"A causal neuron of {row['parameters']:,} parameters learned {count['models']} published models of a human "
        f"interneuron, each described by its responses to {steps} short steps: on models that it has not seen its "
        f"Gamma at 4 ms is {gamma(alone)} (seeds: {row['Gamma of each seed']}), that of the nearest training model "
        f"{gamma(nearest)}, and on mixtures of models {gamma(alone, 'Mixed models')}; learned from mixtures too, it "
        f"has {gamma(mixed)} and {gamma(mixed, 'Mixed models')}."
    )


def limits(found: Results) -> str:
    """Codes that say less, and currents that were not learned."""
    codes = ", ".join(
        f"{_gamma(found.row('comparison', 'Unseen models', prediction=name)):.2f} ({code})"
        for name, code in OTHER_CODES.items()
    )
    nearest = _gamma(found.row("comparison", "Unseen models", prediction="nearest training model"))
    noise = [
        _gamma(row)
        for kind in ("slow", "fast")
        for row in found.rows("between", "Other currents", current=f"{kind} noise")
    ]
    return (
        f"Where other numbers describe the models, it has {codes} on unseen ones, with the nearest training model at "
        f"{nearest:.2f}; under noise currents {min(noise):.2f} to {max(noise):.2f}, whatever it learned from."
    )


def operator(found: Results) -> str:
    """The Fourier operator at the sizes that were run, and a neuron fitted to one model."""
    compared = found.row("comparison", "Unseen amplitudes", prediction="Fourier operator")
    epochs = int(found.setting("comparison", "trained")["Fourier operator"]["epochs"])
    scaled = [one for one in found.rows("scaling", "Unseen amplitudes") if one["parameters"] is not None]
    rows = [{**compared, "samples seen": epochs * _traces(found)}, *scaled]
    sizes, samples = (sorted({int(one[name] or 0) for one in rows}) for name in ("parameters", "samples seen"))
    best = max(map(_gamma, rows))
    fires = f"A Fourier operator has {best:.2f} at best" if best > 0.0 else "A Fourier operator does not fire"
    point = _gamma(found.row("comparison", "Fitted models", prediction="GLIF3, one for each"))
    return (
        f"{fires} at {sizes[0]:,} to {sizes[-1]:,} parameters and after {samples[0]:,} to {samples[-1]:,} samples (the "
        f"published one of 1,803,001 saw 22.7 million); GLIF3, fitted to one model at a time, has {point:.2f} under "
        f"unseen amplitudes ({len(found.setting('comparison', 'fitted'))} models)."
    )


def _traces(found: Results) -> int:
    return (
        int(found.setting("comparison", "chunks"))
        * int(found.setting("comparison", "stimuli"))
        * int(found.setting("comparison", "models"))
    )


HEADLINES = (between, limits, operator)
