"""`rheobase train`: placeholder."""

from __future__ import annotations
EXAMPLES=""
def train() -> None:
    """Train."""
