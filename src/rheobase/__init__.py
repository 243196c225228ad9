"""rheobase: a neuron is written once, as its paper writes it, and runs everywhere at kernel speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase import (
    # it provides the kernels: without it all would run on the reference
    engine,  # noqa: F401  # pyright: ignore[reportUnusedImport]
    equivalence,
    errors,
    neurons,
    nn,
    stimuli,
)
from rheobase.core import (
    MapNeuron,
    Neuron,
    OdeNeuron,
    PointNeuron,
    entry,
    insert,
    integrators,
    option,
    param,
    relax,
    state,
    surrogates,
)
from rheobase.core.declaration.decay import from_decay, input_scale
from rheobase.core.execution import reference as rollout
from rheobase.core.wrappers import Escape, Noisy, PoissonInput, Refractory
from rheobase.lazy_exports import lazily
from rheobase.runs import load
from rheobase.version import __version__

if TYPE_CHECKING:
    from rheobase.profiling.explain import explain

__all__ = [
    "Escape", "MapNeuron", "Neuron", "Noisy", "OdeNeuron", "PointNeuron", "PoissonInput", "Refractory", "__version__",
    "entry", "equivalence", "errors", "explain", "from_decay", "input_scale", "insert", "integrators", "load",
    "neurons", "nn", "option", "param", "relax", "rollout", "state", "stimuli", "surrogates",
]  # fmt: skip

# measuring needs the trainer's view of layers, which `import rheobase` alone does not
__getattr__ = lazily(__name__, {"explain": "profiling.explain"})
