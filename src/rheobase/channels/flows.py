"""What goes into a channel and out of it, in words."""

from __future__ import annotations

from rheobase.channels.channel import Channel, Membrane, Pool


def flows(kind: type[Membrane]) -> dict[str, str]:
    """What a channel or a pool reads and writes, how it moves, and where it can be put, each in words."""
    read = [f"{k} ({e.meaning}) in {e.unit}" for k, e in kind.entries.items()]
    if issubclass(kind, Pool):
        writes = "; ".join(f"{k} ({s.meaning}) in {s.unit}" for k, s in kind.states.items())
        return {"reads": ", ".join(read), "writes": writes, "goes into": "sections of a Cell, beside its channels"}
    if issubclass(kind, Channel) and kind.ion is not None:
        calcium = ", or computes from calcium beside a pool" if kind.ion == "ca" else ""
        read.append(f"e, which a cell sets from its reversal of {kind.ion}{calcium}")
    ion = f"of {kind.ion} " if kind.ion is not None else ""
    found = {"reads": ", ".join(read), "writes": f"a current {ion}in mA/cm2, outwards positive"}
    composed = issubclass(kind, Channel) and kind.ohmic and not kind.kinetic
    found["goes into"] = "sections of a Cell" + (", or a PointNeuron: insert(...)" if composed else "")
    return found


__all__ = ["flows"]
