"""How the points of a file become sections: the conventions of NEURON's import of SWC and of Neurolucida."""
