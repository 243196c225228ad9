"""Layers with delays: the last inputs as a state, and learnable delays of axons and synapses."""
