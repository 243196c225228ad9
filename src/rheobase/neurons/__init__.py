"""One model per file: the paper's equations, with the paper's numbers and units."""

from rheobase.neurons.ad_lif import AdLIF
from rheobase.neurons.brc import BRC
from rheobase.neurons.cuba_lif import CubaLIF
from rheobase.neurons.ef_ad_lif import EFAdLIF
from rheobase.neurons.integrate_and_fire import IF
from rheobase.neurons.leaky_sum import LeakySum
from rheobase.neurons.li import LI
from rheobase.neurons.lif import LIF
from rheobase.neurons.resonate_and_fire import ResonateAndFire
from rheobase.neurons.se_ad_lif import SEAdLIF
from rheobase.neurons.src import SRC

__all__ = [
    "BRC",
    "IF",
    "LI",
    "LIF",
    "SRC",
    "AdLIF",
    "CubaLIF",
    "EFAdLIF",
    "LeakySum",
    "ResonateAndFire",
    "SEAdLIF",
]
