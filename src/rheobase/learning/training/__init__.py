"""Training: the trainer, what it is told, what it keeps on disk."""
