"""Networks of neurons that spike once, and of neurons that spike often: each kind as the other, spike for spike.

Dold & Petersen (arXiv 2603.13478) claim that single- and multi-spike networks approximate equally well, up to linearly
more neurons. Their proofs could not be read; here is a constructive realisation of the claim, with proofs and
exact tests of its own: `docs/equivalence.md`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.equivalence.cascade import CascadeIF
    from rheobase.equivalence.certificate import Certificate
    from rheobase.equivalence.exact import exact_steps, grid_bits
    from rheobase.equivalence.grid import to_grid
    from rheobase.equivalence.lines import Fan
    from rheobase.equivalence.measure import highest_potentials, margins, most_spikes
    from rheobase.equivalence.one_shot import OneShot
    from rheobase.equivalence.reverse_neurons import Autapse, Cancelling
    from rheobase.equivalence.squarefree import moebius, square_free
    from rheobase.equivalence.step_lif import StepLIF

__all__ = [
    "Autapse", "Cancelling", "CascadeIF", "Certificate", "Fan", "OneShot", "StepLIF", "exact_steps", "grid_bits",
    "highest_potentials", "margins", "moebius", "most_spikes", "square_free", "to_grid", "to_multi_spike",
    "to_single_spike",
]  # fmt: skip

_LATER = {
    "Autapse": "reverse_neurons", "Cancelling": "reverse_neurons", "CascadeIF": "cascade",
    "Certificate": "certificate", "Fan": "lines", "OneShot": "one_shot", "StepLIF": "step_lif",
    "exact_steps": "exact", "grid_bits": "exact", "highest_potentials": "measure", "margins": "measure",
    "moebius": "squarefree", "most_spikes": "measure", "square_free": "squarefree", "to_grid": "grid",
}  # fmt: skip

__getattr__ = lazily(__name__, _LATER)


def to_single_spike(
    network: Any, max_spikes: int | Sequence[int] | None = None, *, inputs: Any = None, **options: Any
) -> tuple[Any, Certificate]:
    """A network of neurons that spike once, whose groups of copies spike as the neurons of `network` do.

    Each neuron becomes `max_spikes` copies (one number, or one for each spiking layer; without it, what the inputs
    need) with the same input, lateral synapses and gates (`OneShot`), and with all synapses of the neuron. The k-th
    copy fires at the k-th spike.

    `network` is an `nn.Sequential`, an `nn.Recurrent` or a neuron, of LIF, IF, CubaLIF, AdLIF, StepLIF or any other
    neuron whose reset is a constant jump, with Linear, Conv1d, Conv2d, AvgPool, Flatten, Delay, AxonalDelay,
    SynapticDelay, Recurrent, RecurrentDelay, LI, LeakySum, and in evaluation mode Dropout and TdBatchNorm; or an
    `event_driven.Network`, whose further options `equivalence.continuous` documents.

    Shapes: inputs (time, batch, ...), on which the certificate compares and measures; the converted network takes and
    gives what `network` does, and its states go on where they stopped.

    Raises: `NotRepresentable` with the assumption that a network breaks; `ParameterError` for too few spikes.

    Numerics: where sums over synapses are exact (`exact_steps`, `to_grid`), spikes are equal bit for bit; otherwise
    wherever no potential comes nearer to its threshold than rounding.

    Differs from the paper: its proofs could not be read; a construction of our own.

    Reference: Dold & Petersen, arXiv 2603.13478 (2026).

    >>> from rheobase import neurons, nn
    >>> net = nn.Sequential(nn.Linear(4, 3), neurons.IF(3, dt=1.0), nn.Linear(3, 2), neurons.LI(2, dt=1.0))
    >>> one, certificate = to_single_spike(net, max_spikes=16)
    >>> certificate.neurons_before, certificate.neurons_after
    (3, 48)
    """
    from torch import nn

    if isinstance(network, nn.Module):
        from rheobase.equivalence import discrete

        return discrete.to_single_spike(network, max_spikes, inputs=inputs, **options)
    return _continuous("to_single_spike", network)(network, max_spikes, inputs=inputs, **options)


def to_multi_spike(network: Any, *, how: str = "auto", inputs: Any = None, **options: Any) -> tuple[Any, Certificate]:
    """A network of neurons that may spike often, for one of `OneShot` neurons that spike once.

    `how` is "moebius" (a group of neurons with thresholds m v_threshold for every square-free m, weighed by mu(m), so
    that all spikes but the first cancel; for resets that do not decay), "autapse" (one neuron with a synapse onto
    itself that keeps it silent for the horizon; for any decay), or "auto": the first where it can be.

    What the free potential may reach and for how long is measured on `inputs` (time, batch, ...), or given by
    `largest`, in thresholds (one number, or one for each spiking layer), and `horizon`, in steps.

    Raises: `NotRepresentable` with the assumption that a network breaks; `ParameterError`.

    Numerics: as `to_single_spike`.

    Differs from the paper: its proofs could not be read; a construction of our own.

    Reference: Dold & Petersen, arXiv 2603.13478 (2026).

    >>> from rheobase import neurons
    >>> from rheobase.equivalence import OneShot
    >>> many, certificate = to_multi_spike(OneShot(neurons.IF(3, dt=1.0)), horizon=20, largest=10.0)
    >>> certificate.neurons_after  # 7 of the numbers up to 10 are square-free
    21
    """
    from torch import nn

    if isinstance(network, nn.Module):
        from rheobase.equivalence import reverse

        return reverse.to_multi_spike(network, how=how, inputs=inputs, **options)
    return _continuous("to_multi_spike", network)(network, how=how, inputs=inputs, **options)


def _continuous(name: str, network: Any) -> Any:
    """The construction for event-driven networks."""
    from rheobase.errors import ParameterError

    module = type(network).__module__
    if not module.startswith("rheobase.event_driven"):
        expected = "a network of rheobase.nn or an event_driven.Network"
        raise ParameterError(f"equivalence.{name}", type(network).__name__, expected, "nn.Sequential(...)")
    return getattr(importlib.import_module(f"{__name__}.continuous"), name)
