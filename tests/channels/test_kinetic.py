"""Kinetic schemes: the implicit step and the stationary state against dense linear algebra."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rheobase.channels import NaV
from rheobase.core.equations.kinetic import Reaction, _order, backward_euler, check_scheme, stationary
from rheobase.errors import DeclarationError


def scheme(seed: int, states: int) -> tuple[list[str], list[Reaction]]:
    """A connected scheme with rates over twelve orders of magnitude."""
    g = torch.Generator().manual_seed(seed)
    names = [f"s{k}" for k in range(states)]

    def rate() -> torch.Tensor:
        return 10.0 ** (torch.rand(2, generator=g, dtype=torch.float64) * 12 - 6)

    pairs = [(k, int(torch.randint(0, k, (1,), generator=g))) for k in range(1, states)]
    pairs += [(0, states - 1)] if states > 2 and (states - 1, 0) not in pairs else []
    return names, [Reaction(names[a], names[b], rate(), rate()) for a, b in pairs]


def generator_matrix(names: list[str], reactions: list[Reaction]) -> torch.Tensor:
    """The matrix G of dp/dt = G p."""
    g = torch.zeros(2, len(names), len(names), dtype=torch.float64)
    for source, target, forward, back in reactions:
        for a, b, rate in ((source, target, forward), (target, source, back)):
            j, k = names.index(a), names.index(b)
            g[:, k, j] += rate
            g[:, j, j] -= rate
    return g


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_a_step_solves_its_system(seed: int, states: int) -> None:
    names, reactions = scheme(seed, states)
    p = torch.softmax(torch.randn(states, 2, generator=torch.Generator().manual_seed(seed)).double(), 0)
    after = backward_euler(dict(zip(names, p, strict=True)), reactions, 0.02)
    found = torch.stack([after[name] for name in names])
    system = torch.eye(states, dtype=torch.float64) - 0.02 * generator_matrix(names, reactions)
    torch.testing.assert_close(torch.einsum("bij,jb->ib", system, found), p, rtol=1e-6, atol=1e-9)
    assert (found > 0).all()
    torch.testing.assert_close(found.sum(0), torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-15)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_in_float32_it_is_exact_to_some_ulp(seed: int, states: int) -> None:
    """Each probability, also the smallest, however stiff the rates are."""
    names, reactions = scheme(seed, states)
    p = torch.softmax(torch.randn(states, 2, generator=torch.Generator().manual_seed(seed)).double(), 0).float()
    exact = backward_euler(
        dict(zip(names, p.double(), strict=True)), [_as(r, torch.float32, back=True) for r in reactions], 0.02
    )
    found = backward_euler(dict(zip(names, p, strict=True)), [_as(r, torch.float32) for r in reactions], 0.02)
    for name in names:
        torch.testing.assert_close(found[name].double(), exact[name], rtol=3e-6, atol=0)


def _as(r: Reaction, dtype: torch.dtype, *, back: bool = False) -> Reaction:
    rates = [x.to(dtype) for x in r[2:]]
    return Reaction(*r[:2], *(x.double() if back else x for x in rates))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_nothing_flows_where_it_is_stationary(seed: int, states: int) -> None:
    names, reactions = scheme(seed, states)
    found = torch.stack(list(stationary(names, reactions).values()))
    torch.testing.assert_close(found.sum(0), torch.ones(2, dtype=torch.float64))
    matrix = generator_matrix(names, reactions)
    flow = torch.einsum("bij,jb->ib", matrix, found)
    through = torch.einsum("bij,jb->ib", matrix.clamp(min=0), found)
    assert (flow.abs() <= 1e-12 * through).all()


@pytest.mark.parametrize("states", [2, 7, 12])
def test_a_chain_is_eliminated_from_both_ends(states: int) -> None:
    """No state waits for more than half of the others, so that a processor works on both halves at once."""
    names = [f"s{k}" for k in range(states)]
    neighbours = {k: {names[j]: 1.0 for j in (n - 1, n + 1) if 0 <= j < states} for n, k in enumerate(names)}
    waits = dict.fromkeys(range(states), 0)
    order = [names.index(name) for name in _order(names, neighbours)]
    for at, k in enumerate(order):
        below = [j for j in order[at + 1 :] if j < k]
        above = [j for j in order[at + 1 :] if j > k]
        for near in (max(below, default=None), min(above, default=None)):
            if near is not None:
                waits[near] = max(waits[near], waits[k] + 1)
    assert sorted(order) == list(range(states))
    assert max(waits.values()) <= (states + 1) // 2


def test_a_scheme_that_is_wrong() -> None:
    with pytest.raises(DeclarationError, match=r"'opn'.*expected the name of a state.*open"):
        check_scheme("K", ("open", "closed"), [Reaction("closed", "opn", 1.0, 1.0)])
    with pytest.raises(DeclarationError, match="from open to itself"):
        check_scheme("K", ("open", "closed"), [Reaction("open", "open", 1.0, 1.0)])
    # the second would take the place of the first
    with pytest.raises(DeclarationError, match="two transitions between open and closed"):
        check_scheme(
            "K", ("open", "closed"), [Reaction("closed", "open", 1.0, 0.0), Reaction("open", "closed", 2.0, 0.0)]
        )


@pytest.mark.parametrize("chosen", ["v", "p"])
def test_the_gradient_of_a_kernel_is_that_of_the_elimination(chosen: str) -> None:
    """A kernel takes it from one more solution of the system, torch through the elimination."""
    g = torch.Generator().manual_seed(3)
    v = (torch.rand(30, 1, 4, generator=g).double() * 100.0 - 80.0).requires_grad_()
    channel = NaV(4, dt=0.02).double()
    probabilities = torch.softmax(torch.randn(12, 1, 4, generator=g).double(), 0).requires_grad_()
    weight = torch.randn(30, 1, 4, generator=g).double()
    found = list[torch.Tensor]()
    for backend in ("llvm", "reference"):
        current, _ = channel(v, NaV.State(*probabilities), backend=backend)
        of = v if chosen == "v" else probabilities
        found.append(torch.autograd.grad((current * weight).sum(), of)[0])
    assert float(found[1].abs().max()) > 1e-3
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-12)
