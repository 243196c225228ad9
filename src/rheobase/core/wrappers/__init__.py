"""Wrappers around neurons: a refractory time, noise on the input, stochastic firing, Poisson input."""

from rheobase.core.wrappers.base import Wrapper
from rheobase.core.wrappers.noise import Escape, Noisy
from rheobase.core.wrappers.poisson_input import PoissonInput
from rheobase.core.wrappers.refractory import Refractory

__all__ = ["Escape", "Noisy", "PoissonInput", "Refractory", "Wrapper"]
