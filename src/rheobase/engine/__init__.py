"""Equations in, fused kernels out. Nothing here knows the name of a model."""

from rheobase.engine.dispatch import Fused
from rheobase.engine.explain import explain

__all__ = ["Fused", "explain"]
