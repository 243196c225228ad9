"""Runs of `rheobase train`: their settings, networks and folders, and the trained network as one uses it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.runs.export import Exported
    from rheobase.runs.imported import Imported, import_nir
    from rheobase.runs.model import Model, Predictions
    from rheobase.runs.pretrained import Card

__all__ = ["Card", "Exported", "Imported", "Model", "Predictions", "import_nir", "load"]


def load(run: str | Path) -> Model:
    """The trained network in the folder of a run of `rheobase train`, or a pre-trained one by its name; see `Model`.

    A folder of that name, where there is one, comes first. `rheobase list --pretrained` shows the names and cards.

    Raises: `CheckpointError` for a folder without a network, a name that there is not, and a pickled file, which is
    never read.

    >>> load("src-digits").card.figure
    '95.54 % of 359'
    """
    from rheobase.runs.model import Model
    from rheobase.runs.pretrained import found

    return Model.read(found(run))


__getattr__ = lazily(
    __name__,
    {
        "Card": "pretrained",
        "Exported": "export",
        "Imported": "imported",
        "Model": "model",
        "Predictions": "model",
        "import_nir": "imported",
    },
)
