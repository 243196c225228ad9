"""Kernels of a GPU: nests in, Triton source out, compiled by Triton, and launched."""
