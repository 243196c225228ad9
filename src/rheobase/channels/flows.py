"""What goes into a channel and out of it, in words."""

from __future__ import annotations

from rheobase.channels.channel import Channel, Membrane


def flows(kind: type[Membrane]) -> dict[str, str]:
    """What a channel or a pool reads and writes, and where it can be put, each in words.

    >>> from rheobase import channels
    >>> flows(channels.Pas)["goes into"]
    'sections of a Cell, or a PointNeuron: insert(...)'
    """
    read = [f"{k} ({e.meaning}) in {e.unit}" for k, e in kind.entries.items()]
    if not issubclass(kind, Channel):
        writes = "; ".join(f"{k} ({s.meaning}) in {s.unit}" for k, s in kind.states.items())
        return {"reads": ", ".join(read), "writes": writes, "goes into": "sections of a Cell, beside its channels"}
    ion = ""
    if kind.ion is not None:
        ion, calcium = f"of {kind.ion} ", ", or computes from calcium beside a pool" if kind.ion == "ca" else ""
        read.append(f"e, which a cell sets from its reversal of {kind.ion}{calcium}")
    composed = ", or a PointNeuron: insert(...)" if kind.ohmic and not kind.kinetic else ""
    return {
        "reads": ", ".join(read),
        "writes": f"a current {ion}in mA/cm2, outwards positive",
        "goes into": f"sections of a Cell{composed}",
    }


__all__ = ["flows"]
