"""What the equations of DQIF imply: fixed points, the distribution of its potential, and the window of its surrogate.

Everything is in the coefficients of the update q(v) = lam v + a (v - u1) (v - u2) = a v^2 + b v + c, with lam = 0
for `DQIF(form="factored")`, 1 for "euler", and a > 0. Numbers or tensors that broadcast come in, float64 goes out.
The paper (arXiv 2510.05168, sec. 4.2 and 4.3) has a stability analysis, the moments of the potential behind tdBN and
a window from them; these are derivations of the same from the reconstructed update, checked by simulation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.errors import ParameterError, ShapeError
from rheobase.neurons import DQIF
from rheobase.nn import TdBatchNorm

Number = float | Tensor

NOWHERE = 40.0  # standard deviations; in float64 the normal density is zero from 39 on


class Coefficients(NamedTuple):
    """q(v) = a v^2 + b v + c."""

    a: Tensor
    b: Tensor
    c: Tensor


class Moments(NamedTuple):
    """Of the potential before the reset, for each step, (steps, ...): mean, standard deviation, spikes per step."""

    mean: Tensor
    std: Tensor
    rate: Tensor


def coefficients(*, a: Number, u1: Number, u2: Number, lam: Number) -> Coefficients:
    """The update as a polynomial: b = lam - a (u1 + u2), c = a u1 u2.

    >>> [x.item() for x in coefficients(a=0.25, u1=0.0, u2=0.5, lam=1.0)]
    [0.25, 0.875, 0.0]
    """
    a, u1, u2, lam = (_number(x) for x in (a, u1, u2, lam))
    return Coefficients(a, lam - a * (u1 + u2), a * u1 * u2)


def vertex(*, a: Number, u1: Number, u2: Number, lam: Number) -> Tensor:
    """The v at which q is lowest, -b / (2 a): below it more inhibition means a higher potential.

    >>> vertex(a=0.25, u1=0.0, u2=0.5, lam=1.0).item()
    -1.75
    """
    q = coefficients(a=a, u1=u1, u2=u2, lam=lam)
    return -q.b / (2.0 * q.a)


def discriminant(*, a: Number, u1: Number, u2: Number, lam: Number, x: Number = 0.0) -> Tensor:
    """Of q(v) + x = v: (b - 1)^2 - 4 a (c + x). The slopes of q at the two fixed points are 1 -+ its square root.

    >>> discriminant(a=0.25, u1=0.0, u2=0.5, lam=0.0).sqrt().item()
    1.125
    """
    q = coefficients(a=a, u1=u1, u2=u2, lam=lam)
    return (q.b - 1.0) ** 2 - 4.0 * q.a * (q.c + _number(x))


def fixed_points(*, a: Number, u1: Number, u2: Number, lam: Number, x: Number = 0.0) -> tuple[Tensor, Tensor]:
    """The potential at rest under the constant input x, and the critical one above it; NaN where there is none.

    (1 - b -+ sqrt(discriminant)) / (2 a).

    >>> [v.item() for v in fixed_points(a=0.25, u1=0.0, u2=0.5, lam=0.0)]
    [0.0, 4.5]
    """
    q = coefficients(a=a, u1=u1, u2=u2, lam=lam)
    root = torch.sqrt(discriminant(a=a, u1=u1, u2=u2, lam=lam, x=x))
    return (1.0 - q.b - root) / (2.0 * q.a), (1.0 - q.b + root) / (2.0 * q.a)


def is_stable(*, a: Number, u1: Number, u2: Number, lam: Number, x: Number = 0.0) -> Tensor:
    """Whether v returns to the lower fixed point: 0 < discriminant < 4; with oscillation where it is above 1.

    At 0 the fixed points meet and vanish (`rheobase_current`); at 4, x = (discriminant(x=0) - 4) / (4 a), the period
    doubles. The clamp at the vertex takes away oscillation and doubling.

    >>> is_stable(a=0.25, u1=0.0, u2=0.5, lam=0.0, x=torch.tensor([-2.8, -2.7, 0.0])).tolist()
    [False, True, True]
    """
    delta = discriminant(a=a, u1=u1, u2=u2, lam=lam, x=x)
    return (delta > 0.0) & (delta < 4.0)


def rheobase_current(*, a: Number, u1: Number, u2: Number, lam: Number, v_threshold: Number = 1.0) -> Tensor:
    """The smallest constant input under which no fixed point stands below the threshold: max of v - q(v) there.

    It is discriminant(x=0) / (4 a), where the fixed points meet, if they meet below the threshold (form "euler":
    a (u2 - u1)^2 / 4), and v_threshold - q(v_threshold) if not.

    >>> current = rheobase_current(a=0.25, u1=0.0, u2=0.5, lam=torch.tensor([0.0, 1.0]))
    >>> current.tolist()
    [0.875, 0.015625]
    """
    q = coefficients(a=a, u1=u1, u2=u2, lam=lam)
    v = torch.minimum((1.0 - q.b) / (2.0 * q.a), _number(v_threshold))
    return v - (q.a * v**2 + q.b * v + q.c)


def membrane_moments(
    *,
    a: Number,
    u1: Number,
    u2: Number,
    lam: Number,
    steps: int,
    v_threshold: Number = 1.0,
    v_reset: Number = 0.0,
    mu_x: Number = 0.0,
    sigma_x: Number = 1.0,
    clamp: bool = False,
    soft: bool = False,
) -> Moments:
    """The potential u before the reset, from rest, under inputs that are independent and N(mu_x, sigma_x^2).

    With the moments m_k = E[v^k] after the reset, from those of u truncated at the threshold,

        mean'  = a m_2 + b m_1 + c + mu_x
        std'^2 = a^2 m_4 + 2 a b m_3 + (b^2 + 2 a c) m_2 + 2 b c m_1 + c^2 - (mean' - mu_x)^2 + sigma_x^2

    Mean and std are exact for two steps, the rate for one. Then u is taken as Gaussian, which it is not: within 0.02
    of a simulation over 8 steps for u1 = 0, u2 = 0.5 and a up to 0.25 ("factored") or 0.5 ("euler"); from 0.5 and 1 on
    it drifts away, or blows up, unless `clamp` cuts v at the vertex. `soft` is the reset of that name.

    Raises: `ParameterError` for no steps, and for sigma_x < 0.

    >>> found = membrane_moments(a=0.25, u1=0.0, u2=0.5, lam=0.0, steps=8)
    >>> [f"{x[-1].item():.3f}" for x in found]
    ['0.158', '1.053', '0.212']
    """
    if steps < 1:
        raise ParameterError("membrane_moments", f"steps = {steps}", "at least 1", "the second step is the exact one")
    theta, reset, mu_x, sigma_x = (_number(x) for x in (v_threshold, v_reset, mu_x, sigma_x))
    if bool((sigma_x < 0).any()):
        raise ParameterError("membrane_moments", "sigma_x < 0", "a standard deviation >= 0", "give its absolute value")
    q = coefficients(a=a, u1=u1, u2=u2, lam=lam)
    floor = vertex(a=a, u1=u1, u2=u2, lam=lam) if clamp else None
    rest, _ = fixed_points(a=a, u1=u1, u2=u2, lam=lam)
    # without the clamp it is rest again
    first = rest if floor is None else torch.maximum(rest, floor)
    first = q.a * first**2 + q.b * first + q.c
    # the zeros give both the shape of all arguments
    zero = 0.0 * (rest + theta + reset + mu_x + sigma_x)
    mean, std = [first + mu_x + zero], [sigma_x + zero]
    for _ in range(1, steps):
        m = _after_reset(mean[-1], std[-1], theta, reset, floor, soft)
        drift = q.a * m[2] + q.b * m[1] + q.c
        square = q.a**2 * m[4] + 2.0 * q.a * q.b * m[3] + (q.b**2 + 2.0 * q.a * q.c) * m[2]
        square = square + 2.0 * q.b * q.c * m[1] + q.c**2
        mean.append(drift + mu_x)
        std.append(torch.sqrt(square - drift**2 + sigma_x**2))
    means, stds = torch.stack(mean), torch.stack(std)
    return Moments(means, stds, 1.0 - torch.special.ndtr((theta - means) / stds))


def gradient_energy(
    moments: Moments,
    *,
    a: Number,
    u1: Number,
    u2: Number,
    lam: Number,
    v_threshold: Number = 1.0,
    clamp: bool = False,
) -> Tensor:
    """What a step back through time does to the mean square of a gradient, for each step: E[q'(u)^2 (1 - s)].

    4 a^2 k_2 + 4 a b k_1 + b^2 k_0 with k_j = E[u^j; u < v_threshold], to the accuracy of `membrane_moments`.
    Above 1 gradients explode.

    >>> cell = dict(a=0.25, u1=0.0, u2=0.5, lam=1.0)
    >>> energy = gradient_energy(membrane_moments(**cell, steps=8), **cell)
    >>> f"{energy[-1].item():.2f}"
    '0.53'
    """
    q = coefficients(a=a, u1=u1, u2=u2, lam=lam)
    floor = vertex(a=a, u1=u1, u2=u2, lam=lam) if clamp else None
    # a cut potential sits at the vertex, where q' is zero: so does its gradient
    k = _below(moments.mean, moments.std, _number(v_threshold), floor)
    return 4.0 * q.a**2 * k[2] + 4.0 * q.a * q.b * k[1] + q.b**2 * k[0]


def window(moments: Moments, *, step: int = 2, v_threshold: Number = 1.0, samples: float | None = None) -> Tensor:
    """The width w of a rectangular surrogate, 1/w where |u - v_threshold| < w/2: the standard deviation s of u.

    Its mean is the density g of u at the threshold times 1 + (beta^2 - 1) (w/s)^2 / 24 + O(w^4), where beta =
    (v_threshold - mean)/s; so w = s errs by (beta^2 - 1)/24, and w = v_threshold is the special case of s =
    v_threshold. A triangle of half-width s errs by (beta^2 - 1)/12. Step 2 is the last whose moments are exact.

    With `samples`, the number N of potentials that an update averages over, the w with the smallest mean square
    error, bias^2 + g/(N w), in place of s; infinite where beta = +-1, since there is no bias to this order:

        w* = s (144 / (N phi(beta) (beta^2 - 1)^2))^(1/5)

    The surrogates are `Boxcar(w, 1 / w)` and `Triangle(s)`, which take w as a float.

    Raises: `ParameterError` for a step that `moments` lacks, and for samples <= 0.

    >>> w = window(membrane_moments(a=0.25, u1=0.0, u2=0.5, lam=torch.tensor([0.0, 1.0]), steps=2))
    >>> [f"{x:.2f}" for x in w.tolist()]
    ['1.06', '1.11']
    """
    if not 1 <= step <= len(moments.std):
        raise ParameterError(
            "window", f"step = {step}", f"1 to {len(moments.std)}", "compute the moments of more steps"
        )
    std = moments.std[step - 1]
    if samples is None:
        return std
    if not samples > 0:
        raise ParameterError("window", f"samples = {samples}", "a number > 0", "batch times neurons that share it, say")
    beta = (_number(v_threshold) - moments.mean[step - 1]) / std
    return std * (144.0 / (samples * _density(beta) * (beta**2 - 1.0) ** 2)) ** 0.2


def layer_window(neuron: DQIF, norm: TdBatchNorm) -> Tensor:
    """The window of a layer behind a `TdBatchNorm`, as its affine part stands: the mean of s over the features.

    Each feature has sigma_x = |weight| and mu_x = bias of the normalisation; s is that of the second step, under the
    neuron's parameters, form, clamp and reset. Without a gradient; a number for `Boxcar(w, 1 / w)` or `Triangle(w)`.
    A new surrogate means a new kernel: set it once an epoch, rounded, rather than in each step.

    Raises: `ShapeError` for a normalisation of another number of features, `ParameterError` for another neuron.

    >>> layer_window(DQIF(3), TdBatchNorm(3))
    tensor(1.0581, dtype=torch.float64)
    """
    if not isinstance(neuron, DQIF):
        raise ParameterError("layer_window", type(neuron).__name__, "DQIF", "unwrap it, or give its inner neuron")
    features = norm.norm.num_features
    if not neuron.shape or neuron.shape[0] != features:
        expected = f"({features}, ...), as the normalisation has features"
        raise ShapeError("layer_window", f"{neuron!r} of shape {neuron.shape}", expected, "give the two of one layer")
    with torch.no_grad():
        mu_x, sigma_x = (x.view(-1, *(1 for _ in neuron.shape[1:])) for x in (norm.norm.bias, norm.norm.weight.abs()))
        values = {name: neuron.value(name) for name in ("a", "u1", "u2", "v_threshold", "v_reset")}
        found = membrane_moments(
            **values,
            lam=1.0 if neuron.form == "euler" else 0.0,
            steps=2,
            mu_x=mu_x,
            sigma_x=sigma_x,
            clamp=neuron.clamp in ("always", neuron.form),
            soft=neuron.reset == "soft",
        )
        return window(found).mean()


# --- moments of truncated normal variables ------------------------------------------------------------
def _number(x: Number) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float64)


def _density(x: Tensor) -> Tensor:
    return torch.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)


def _after_reset(
    mean: Tensor, std: Tensor, theta: Tensor, reset: Tensor, floor: Tensor | None, soft: bool
) -> list[Tensor]:
    """E[v^k], k = 0 to 4, of the v that the next step squares."""
    below = _below(mean, std, theta, floor)
    if soft:
        # from theta to 2 theta less theta, and theta from there on
        above = _cut(mean - theta, std, torch.zeros_like(theta), theta, floor)
        fixed, share = theta, 1.0 - torch.special.ndtr((2.0 * theta - mean) / std)
    else:
        above = [torch.zeros_like(mean)] * 5
        fixed, share = reset, 1.0 - below[0]
    fixed = fixed if floor is None else torch.maximum(fixed, floor)
    return [x + y + share * fixed**k for k, (x, y) in enumerate(zip(below, above, strict=True))]


def _below(mean: Tensor, std: Tensor, theta: Tensor, floor: Tensor | None) -> list[Tensor]:
    """E[max(u, floor)^k; u < theta], k = 0 to 4."""
    return _cut(mean, std, torch.full_like(theta, -math.inf), theta, floor)


def _cut(mean: Tensor, std: Tensor, low: Tensor, high: Tensor, floor: Tensor | None) -> list[Tensor]:
    """E[max(u, floor)^k; low <= u < high], k = 0 to 4."""
    if floor is None:
        return _partial(mean, std, low, high)
    edge = torch.minimum(torch.maximum(floor, low), high)
    cut, kept = _partial(mean, std, low, edge)[0], _partial(mean, std, edge, high)
    return [x + cut * floor**k for k, x in enumerate(kept)]


def _partial(mean: Tensor, std: Tensor, low: Tensor, high: Tensor) -> list[Tensor]:
    """E[u^k; low <= u < high], k = 0 to 4, of u ~ N(mean, std^2).

    Of the standard normal, M_k = (k - 1) M_{k-2} + alpha^(k-1) phi(alpha) - beta^(k-1) phi(beta).
    """
    alpha, beta = (torch.clamp((x - mean) / std, -NOWHERE, NOWHERE) for x in (low, high))
    p, q = _density(alpha), _density(beta)
    m = [torch.special.ndtr(beta) - torch.special.ndtr(alpha), p - q]
    for k in range(2, 5):
        m.append((k - 1) * m[k - 2] + alpha ** (k - 1) * p - beta ** (k - 1) * q)
    terms = [[math.comb(k, i) * mean ** (k - i) * std**i * m[i] for i in range(k + 1)] for k in range(5)]
    return [torch.stack(each).sum(0) for each in terms]


__all__ = [
    "Coefficients",
    "Moments",
    "coefficients",
    "discriminant",
    "fixed_points",
    "gradient_energy",
    "is_stable",
    "layer_window",
    "membrane_moments",
    "rheobase_current",
    "vertex",
    "window",
]
