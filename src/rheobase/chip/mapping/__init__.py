"""Networks onto cores: layers as whole numbers, packing by axons and neurons, splitters, placement on the mesh."""

from __future__ import annotations

from rheobase.chip.mapping.layers import Layer, layers_of
from rheobase.chip.mapping.network import Mapped, mapped
from rheobase.chip.mapping.placement import hop_count, placed

__all__ = ["Layer", "Mapped", "hop_count", "layers_of", "mapped", "placed"]
