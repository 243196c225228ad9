"""Kernels as data: loops, buffers and leaves, checked before anything is made of them, and what is done with them."""
