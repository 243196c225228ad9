"""Equations in, fused kernels out. Nothing here knows the name of a model."""

from rheobase.engine import dispatch as _dispatch
from rheobase.engine.explain import explain

__all__ = ["explain"]
