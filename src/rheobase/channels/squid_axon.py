"""The forms of the gates of the squid's axon, which later currents have at other potentials and at another speed."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core.declaration.words import Relax
from rheobase.core.equations.rates import exponential, gate, linoid


def activation(c: Any, v: Any) -> tuple[Any, Any]:
    """The rates of a channel c that reads v:

        alpha_m = alpha_m_rate L( (alpha_m_v - v)/alpha_m_k )     beta_m = beta_m_rate exp( (beta_m_v - v)/beta_m_k )
        L(x) = x / (exp(x) - 1)

    Reference: Hodgkin & Huxley, J. Physiol. 117, 500-544 (1952), doi 10.1113/jphysiol.1952.sp004764, eq. 20 and 21.
    """
    opening = c.alpha_m_rate * linoid((c.alpha_m_v - v) / c.alpha_m_k)
    return opening, c.beta_m_rate * exponential((c.beta_m_v - v) / c.beta_m_k)


def inactivation(c: Any, v: Any, phi: Any = 1.0) -> Relax:
    """The gate h of a channel c that reads v, phi times as fast as its rates (eq. 23 and 24 there):

    alpha_h = alpha_h_rate exp( (alpha_h_v - v)/alpha_h_k )
    beta_h = beta_h_rate / ( 1 + exp( (beta_h_v - v)/beta_h_k ) )
    """
    opening = c.alpha_h_rate * exponential((c.alpha_h_v - v) / c.alpha_h_k)
    return gate(opening, c.beta_h_rate * torch.sigmoid((v - c.beta_h_v) / c.beta_h_k), phi)


def rectifier(c: Any, v: Any, phi: Any = 1.0) -> Relax:
    """The gate n of a channel c that reads v, phi times as fast as its rates (eq. 12 and 13 there):

    alpha_n = alpha_n_rate L( (alpha_n_v - v)/alpha_n_k )     beta_n = beta_n_rate exp( (beta_n_v - v)/beta_n_k )
    """
    opening = c.alpha_n_rate * linoid((c.alpha_n_v - v) / c.alpha_n_k)
    return gate(opening, c.beta_n_rate * exponential((c.beta_n_v - v) / c.beta_n_k), phi)


__all__ = ["activation", "inactivation", "rectifier"]
