"""Joules of one operation, with where each number comes from."""

# a sum, and a product with its sum, of 32-bit floats in a 45 nm process (Horowitz, ISSCC 2014)
from __future__ import annotations

ACCUMULATE, MULTIPLY_ACCUMULATE = 0.9e-12, 4.6e-12
