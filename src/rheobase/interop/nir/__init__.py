"""NIR, the Neuromorphic Intermediate Representation: networks to .nir files, and the files of others to networks.

    from rheobase.interop import nir

    nir.write(net, "net.nir")                    # extra `nir`
    net = nir.read("net.nir")                    # of others: nir.read("net.nir", dt=0.1)
    print(nir.round_trip(net, x))                # the network beside what is read again of it

docs/nir.md has the table of nodes, what is exact and what is refused.
"""

from __future__ import annotations

from rheobase.interop.nir.cells import CubaLI, HardResetCubaLIF, InOrder, PureIntegrator, Threshold
from rheobase.interop.nir.certificate import RoundTrip, compare, round_trip
from rheobase.interop.nir.exchange import from_graph, read, shape_of, to_graph, write
from rheobase.interop.nir.losses import LOSSES

__all__ = [
    "LOSSES", "CubaLI", "HardResetCubaLIF", "InOrder", "PureIntegrator", "RoundTrip", "Threshold", "compare",
    "from_graph", "read", "round_trip", "shape_of", "to_graph", "write",
]  # fmt: skip
