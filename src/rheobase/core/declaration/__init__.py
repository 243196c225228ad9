"""What a neuron declares: parameters, states, inputs and options, with units; and descriptions made from them."""
