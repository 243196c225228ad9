"""One membrane current per file: the paper's kinetics, with the paper's numbers and units.

A file is read when its channel is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.channels.ca_dynamics import CaDynamics
    from rheobase.channels.ca_hva import Ca_HVA
    from rheobase.channels.ca_lva import Ca_LVA
    from rheobase.channels.ca_t import Ca_T
    from rheobase.channels.channel import Channel, Pool
    from rheobase.channels.ih import Ih
    from rheobase.channels.im import Im
    from rheobase.channels.im_v2 import Im_v2
    from rheobase.channels.k_a import K_A
    from rheobase.channels.k_hh import K_HH
    from rheobase.channels.k_m import K_M
    from rheobase.channels.k_p import K_P
    from rheobase.channels.k_pst import K_Pst
    from rheobase.channels.k_t import K_T
    from rheobase.channels.k_tm import K_TM
    from rheobase.channels.k_tst import K_Tst
    from rheobase.channels.k_wb import K_WB
    from rheobase.channels.kd import Kd
    from rheobase.channels.kv2like import Kv2like
    from rheobase.channels.kv3_1 import Kv3_1
    from rheobase.channels.na_hh import Na_HH
    from rheobase.channels.na_tm import Na_TM
    from rheobase.channels.na_wb import Na_WB
    from rheobase.channels.nap import Nap
    from rheobase.channels.nap_et2 import Nap_Et2
    from rheobase.channels.nata import NaTa
    from rheobase.channels.nata_t import NaTa_t
    from rheobase.channels.nats import NaTs
    from rheobase.channels.nats2_t import NaTs2_t
    from rheobase.channels.nav import NaV
    from rheobase.channels.pas import Pas
    from rheobase.channels.sk import SK

FILES = {
    "CaDynamics": "ca_dynamics",
    "Ca_HVA": "ca_hva",
    "Ca_LVA": "ca_lva",
    "Ca_T": "ca_t",
    "Channel": "channel",
    "Ih": "ih",
    "Im": "im",
    "Im_v2": "im_v2",
    "K_A": "k_a",
    "K_HH": "k_hh",
    "K_M": "k_m",
    "K_P": "k_p",
    "K_Pst": "k_pst",
    "K_T": "k_t",
    "K_TM": "k_tm",
    "K_Tst": "k_tst",
    "K_WB": "k_wb",
    "Kd": "kd",
    "Kv2like": "kv2like",
    "Kv3_1": "kv3_1",
    "NaTa": "nata",
    "NaTa_t": "nata_t",
    "NaTs": "nats",
    "NaTs2_t": "nats2_t",
    "NaV": "nav",
    "Na_HH": "na_hh",
    "Na_TM": "na_tm",
    "Na_WB": "na_wb",
    "Nap": "nap",
    "Nap_Et2": "nap_et2",
    "Pas": "pas",
    "Pool": "channel",
    "SK": "sk",
}
__all__ = [
    "K_A",
    "K_HH",
    "K_M",
    "K_P",
    "K_T",
    "K_TM",
    "K_WB",
    "SK",
    "CaDynamics",
    "Ca_HVA",
    "Ca_LVA",
    "Ca_T",
    "Channel",
    "Ih",
    "Im",
    "Im_v2",
    "K_Pst",
    "K_Tst",
    "Kd",
    "Kv2like",
    "Kv3_1",
    "NaTa",
    "NaTa_t",
    "NaTs",
    "NaTs2_t",
    "NaV",
    "Na_HH",
    "Na_TM",
    "Na_WB",
    "Nap",
    "Nap_Et2",
    "Pas",
    "Pool",
]


def _class_elsewhere(name: str) -> str | None:
    # imported here, since a channel that there is needs none of it
    from rheobase.core.declaration.elsewhere import class_elsewhere

    return class_elsewhere(name)


__getattr__ = lazily(__name__, FILES, _class_elsewhere)
