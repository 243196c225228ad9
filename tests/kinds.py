"""One neuron of each kind that the library has, by the names of `tests/contract/models.py`.

Continuous and in steps, with conductances, noise, a wrapper, many states: for what every neuron is asked once already.
"""

from __future__ import annotations

KINDS = ("LIF", "SRC", "AdEx", "CondLIF", "Noisy", "Refractory", "FiveStates")
