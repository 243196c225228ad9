"""What torch sees: operators with their shapes, their autograd rules, and the kernels that run them."""
