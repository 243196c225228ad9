"""Layers that delay: histories as states, delays of axons and synapses."""
