"""Kernels of a GPU: plans in, Triton source out, and launched."""
