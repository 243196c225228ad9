"""Networks for images with any neuron."""
