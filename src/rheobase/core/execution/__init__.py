"""Running a neuron: checks before and after, the choice of a backend, and the reference loop."""
