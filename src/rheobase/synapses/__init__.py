"""One receptor per file: a conductance that spikes open, with the paper's kinetics, numbers and units.

A file is read when its receptor is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.synapses.alpha import Alpha
    from rheobase.synapses.double_exponential import DoubleExponential
    from rheobase.synapses.exponential import Exponential
    from rheobase.synapses.nmda import NMDA
    from rheobase.synapses.receptor import Receptor
    from rheobase.synapses.trains import spike_trains

FILES = {
    "Alpha": "alpha",
    "DoubleExponential": "double_exponential",
    "Exponential": "exponential",
    "NMDA": "nmda",
    "Receptor": "receptor",
    "spike_trains": "trains",
}
__all__ = ["NMDA", "Alpha", "DoubleExponential", "Exponential", "Receptor", "spike_trains"]
__getattr__ = lazily(__name__, FILES)
