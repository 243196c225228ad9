"""What a kernel computes: a traced step as a graph, its derivatives, and where each part of it is computed."""
