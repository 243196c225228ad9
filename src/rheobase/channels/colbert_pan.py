"""The gates that a family of sodium channels shares."""

from __future__ import annotations

from typing import Any

from rheobase.core.declaration.words import Relax
from rheobase.core.equations.rates import gate, linoid


def sodium_gates(v: Any, v_m: float, v_h: float, phi: Any) -> dict[str, Relax]:
    """Activation m and inactivation h, half open at about v_m and at v_h.

        alpha_m = 0.182 * 6 L( -(v - v_m)/6 )     beta_m = 0.124 * 6 L( (v - v_m)/6 )      L(x) = x / (exp(x) - 1)
        alpha_h = 0.015 * 6 L( (v - v_h)/6 )      beta_h = 0.015 * 6 L( -(v - v_h)/6 )     all times phi, in 1/ms

    Reference: Colbert & Pan, Nat. Neurosci. 5, 533-538 (2002), doi 10.1038/nn0602-857.
    """
    m, h = (v - v_m) / 6.0, (v - v_h) / 6.0
    return dict(
        m=gate(0.182 * 6.0 * linoid(-m), 0.124 * 6.0 * linoid(m), phi),
        h=gate(0.015 * 6.0 * linoid(h), 0.015 * 6.0 * linoid(-h), phi),
    )


__all__ = ["sodium_gates"]
