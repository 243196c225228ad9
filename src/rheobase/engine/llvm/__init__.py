"""Kernels of the CPU: plans in, LLVM assembly out, compiled, and run by threads."""
