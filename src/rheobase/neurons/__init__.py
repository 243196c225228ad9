"""One model per file: the paper's equations, with the paper's numbers and units.

A file is read when its model is first asked for, so that a program pays for the neurons it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.neurons.ad_lif import AdLIF
    from rheobase.neurons.adex import AdEx
    from rheobase.neurons.brc import BRC
    from rheobase.neurons.cond_lif import CondLIF
    from rheobase.neurons.connor_stevens import ConnorStevens
    from rheobase.neurons.cuba_lif import CubaLIF
    from rheobase.neurons.dqif import DQIF
    from rheobase.neurons.ef_ad_lif import EFAdLIF
    from rheobase.neurons.eif import EIF
    from rheobase.neurons.elm import ELM
    from rheobase.neurons.fitzhugh_nagumo import FitzHughNagumo
    from rheobase.neurons.gif import GIF
    from rheobase.neurons.glif1 import GLIF1
    from rheobase.neurons.glif2 import GLIF2
    from rheobase.neurons.glif3 import GLIF3
    from rheobase.neurons.glif4 import GLIF4
    from rheobase.neurons.glif5 import GLIF5
    from rheobase.neurons.hard_reset_if import HardResetIF
    from rheobase.neurons.hard_reset_lif import HardResetLIF
    from rheobase.neurons.hindmarsh_rose import HindmarshRose
    from rheobase.neurons.hodgkin_huxley import HodgkinHuxley
    from rheobase.neurons.integrate_and_fire import IF
    from rheobase.neurons.izhikevich import Izhikevich
    from rheobase.neurons.leaky_sum import LeakySum
    from rheobase.neurons.li import LI
    from rheobase.neurons.lif import LIF
    from rheobase.neurons.mat import MAT
    from rheobase.neurons.morris_lecar import MorrisLecar
    from rheobase.neurons.plif import PLIF
    from rheobase.neurons.pospischil import Pospischil
    from rheobase.neurons.qif import QIF
    from rheobase.neurons.resonate_and_fire import ResonateAndFire
    from rheobase.neurons.se_ad_lif import SEAdLIF
    from rheobase.neurons.src import SRC
    from rheobase.neurons.srm0 import SRM0
    from rheobase.neurons.theta import Theta
    from rheobase.neurons.traub_miles import TraubMiles
    from rheobase.neurons.ttfs import TTFS
    from rheobase.neurons.wang_buzsaki import WangBuzsaki

__all__ = [
    "BRC",
    "DQIF",
    "EIF",
    "ELM",
    "GIF",
    "GLIF1",
    "GLIF2",
    "GLIF3",
    "GLIF4",
    "GLIF5",
    "IF",
    "LI",
    "LIF",
    "MAT",
    "PLIF",
    "QIF",
    "SRC",
    "SRM0",
    "TTFS",
    "AdEx",
    "AdLIF",
    "CondLIF",
    "ConnorStevens",
    "CubaLIF",
    "EFAdLIF",
    "FitzHughNagumo",
    "HardResetIF",
    "HardResetLIF",
    "HindmarshRose",
    "HodgkinHuxley",
    "Izhikevich",
    "LeakySum",
    "MorrisLecar",
    "Pospischil",
    "ResonateAndFire",
    "SEAdLIF",
    "Theta",
    "TraubMiles",
    "WangBuzsaki",
]

_FILES = {
    "AdLIF": "ad_lif",
    "AdEx": "adex",
    "BRC": "brc",
    "CondLIF": "cond_lif",
    "ConnorStevens": "connor_stevens",
    "CubaLIF": "cuba_lif",
    "DQIF": "dqif",
    "EFAdLIF": "ef_ad_lif",
    "EIF": "eif",
    "ELM": "elm",
    "FitzHughNagumo": "fitzhugh_nagumo",
    "GIF": "gif",
    "GLIF1": "glif1",
    "GLIF2": "glif2",
    "GLIF3": "glif3",
    "GLIF4": "glif4",
    "GLIF5": "glif5",
    "HardResetIF": "hard_reset_if",
    "HardResetLIF": "hard_reset_lif",
    "HindmarshRose": "hindmarsh_rose",
    "HodgkinHuxley": "hodgkin_huxley",
    "IF": "integrate_and_fire",
    "Izhikevich": "izhikevich",
    "LeakySum": "leaky_sum",
    "LI": "li",
    "LIF": "lif",
    "MAT": "mat",
    "MorrisLecar": "morris_lecar",
    "PLIF": "plif",
    "Pospischil": "pospischil",
    "QIF": "qif",
    "ResonateAndFire": "resonate_and_fire",
    "SEAdLIF": "se_ad_lif",
    "SRC": "src",
    "SRM0": "srm0",
    "Theta": "theta",
    "TraubMiles": "traub_miles",
    "TTFS": "ttfs",
    "WangBuzsaki": "wang_buzsaki",
}


def _class_elsewhere(name: str) -> str | None:
    # imported here, since a neuron that there is needs none of it
    from rheobase.core.declaration.elsewhere import class_elsewhere

    return class_elsewhere(name)


__getattr__ = lazily(__name__, _FILES, _class_elsewhere)


def __dir__() -> list[str]:
    return __all__
