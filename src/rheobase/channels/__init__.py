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
    from rheobase.channels.channel import Channel, Pool
    from rheobase.channels.ih import Ih
    from rheobase.channels.im_v2 import Im_v2
    from rheobase.channels.k_pst import K_Pst
    from rheobase.channels.k_tst import K_Tst
    from rheobase.channels.kv3_1 import Kv3_1
    from rheobase.channels.nav import NaV
    from rheobase.channels.pas import Pas
    from rheobase.channels.sk import SK

FILES = {
    "CaDynamics": "ca_dynamics", "Ca_HVA": "ca_hva", "Ca_LVA": "ca_lva", "Channel": "channel", "Ih": "ih",
    "Im_v2": "im_v2", "K_Pst": "k_pst", "K_Tst": "k_tst", "Kv3_1": "kv3_1", "NaV": "nav", "Pas": "pas",
    "Pool": "channel", "SK": "sk",
}  # fmt: skip
__all__ = [
    "SK", "CaDynamics", "Ca_HVA", "Ca_LVA", "Channel", "Ih", "Im_v2", "K_Pst", "K_Tst", "Kv3_1", "NaV", "Pas", "Pool",
]  # fmt: skip
__getattr__ = lazily(__name__, FILES)
