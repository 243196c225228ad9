"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, Row

OPENING = ("comparison", "Traces")
GAMMA = "Gamma at 4 ms"
NEURONS = {
    "causal neuron": "two features",
    "causal neuron, conductances": "conductances",
    "causal neuron, its own codes": "a learned code",
}


def _row(found: Results, table: str, prediction: str) -> Row:
    return found.row("comparison", table, prediction=prediction)


def _gammas(found: Results, table: str) -> tuple[str, str]:
    """Gamma of the neurons by code, with each seed, and of the nearest training model."""
    rows = ((_row(found, table, name), code) for name, code in NEURONS.items())
    own = (f"{float(row[GAMMA] or 0.0):.2f} ({code}: {row['Gamma of each seed']})" for row, code in rows)
    return ", ".join(own), f"{float(_row(found, table, 'nearest training model')[GAMMA] or 0.0):.2f}"


def between(found: Results) -> str:
    def gamma(table: str, name: str) -> str:
        row = found.row("between", table, prediction=name)
        each = row["Gamma of each seed"]
        return f"{float(row[GAMMA] or 0.0):.2f}" + (f" ({each})" if each else "")

    own, steps = "responses, mixed models", len(found.setting("between", "mixed")["told"])
    count = found.row("between", "Number of models", prediction=own)["models"]
    return (
        "A causal neuron that stands in for the models of a human interneuron, told their responses to "
        f"{steps} short steps and learned from {count} of them, most of them mixed, has a Gamma at 4 ms of "
        f"{gamma('Unseen models', own)} on held-out models and {gamma('Unseen amplitudes', own)} under unseen "
        f"amplitudes. By the same responses the nearest training model has "
        f"{gamma('Unseen models', 'nearest training model')} on the held-out ones, the nearest of all "
        f"{gamma('Unseen models', 'nearest of all models')}, and a prediction that never fires 0. {_noise(found)}"
    )


def _noise(found: Results) -> str:
    """What steps do not teach: over all that the neuron learned from."""
    rows = (found.rows("between", "Other currents", current=f"{kind} noise") for kind in ("slow", "fast"))
    gammas = [float(row[GAMMA] or 0.0) for each in rows for row in each]
    return f"Under noise it has {min(gammas):.2f} to {max(gammas):.2f}, whatever it learned from."


def published(found: Results) -> str:
    """By the published models alone, told the same or other codes."""
    alone, mixed = (
        [
            float(found.row("between", table, prediction=name)[GAMMA] or 0.0)
            for table in ("Unseen models", "Mixed models")
        ]
        for name in ("responses, published models", "responses, mixed models")
    )
    seen, near = _gammas(found, "Unseen amplitudes")
    unseen, unseen_near = _gammas(found, "Unseen models")
    return (
        f"Learned from as many traces of the published models alone it has {alone[0]:.2f} on the held-out ones (with "
        f"mixed models {mixed[0]:.2f}) and {alone[1]:.2f} on further mixed models ({mixed[1]:.2f}); told other codes "
        f"{seen} under unseen amplitudes and {unseen} on held-out models, where the nearest training model has {near} "
        f"and {unseen_near}."
    )


def operator(found: Results) -> str:
    row = _row(found, "Unseen amplitudes", "Fourier operator")
    seen = int(found.setting("comparison", "trained")["Fourier operator"]["epochs"]) * _traces(found)
    gamma = float(row[GAMMA] or 0.0)
    fires = "does not fire" if not gamma else f"has {gamma:.2f}"
    point = _row(found, "Fitted models", "GLIF3, one for each")
    return (
        f"GLIF3 fitted to one model at a time has {float(point[GAMMA] or 0.0):.2f} under unseen amplitudes "
        f"({len(found.setting('comparison', 'fitted'))} models). A Fourier operator of {row['parameters']:,} "
        f"parameters {fires} after {seen:,} samples{_sizes(found)}; the published one of 1,803,001 saw 22.7 million, "
        "which no processor core does in an hour."
    )


def _sizes(found: Results) -> str:
    """What part `scaling` adds: whether any size fires, and whether its error goes the way of the published one."""
    rows = [one for one in found.rows("scaling", "Unseen amplitudes") if one["parameters"] is not None]
    sizes, samples = (sorted({int(one[name] or 0) for one in rows}) for name in ("parameters", "samples seen"))
    best = max(float(one[GAMMA] or 0.0) for one in rows)
    error = "voltage error (%)"
    least = min(float(one[error] or 0.0) for one in rows)
    silent = float(found.row("scaling", "Unseen amplitudes", prediction="never fires")[error] or 0.0)
    return (
        f"; on shorter windows, at {sizes[0]:,} to {sizes[-1]:,} parameters and after {samples[0]:,} to "
        f"{samples[-1]:,} samples, {'none fires' if best <= 0.0 else f'the best has {best:.2f}'} and the voltage error "
        f"is {least:.3g} % at least (never firing {silent:.3g} %)"
    )


def _models(found: Results) -> int:
    return int(found.setting("comparison", "models"))


def _traces(found: Results) -> int:
    return int(found.setting("comparison", "chunks")) * int(found.setting("comparison", "stimuli")) * _models(found)


HEADLINES = (between, published, operator)
