"""What a neuron declares: parameters, states, inputs and options, with units; and what they say of it."""
