"""Training: the trainer, its recipe and callbacks, and the checkpoints it writes."""
