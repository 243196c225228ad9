"""Runs of `rheobase train`: their settings, networks and folders, and the trained network as one uses it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.runs.model import Model, Predictions

__all__ = ["Model", "Predictions", "load"]


def load(folder: str | Path) -> Model:
    """The trained network in the folder of a run of `rheobase train`; see `Model`.

    Raises: `CheckpointError` for a folder without one.
    """
    from rheobase.runs.model import Model

    return Model.read(folder)


__getattr__ = lazily(__name__, {"Model": "model", "Predictions": "model"})
