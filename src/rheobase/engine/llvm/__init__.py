"""Kernels of the CPU: nests in, LLVM assembly out, compiled, and run by threads."""
