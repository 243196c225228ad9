"""The metrics of an account by the names that NeuroBench has for them."""

from __future__ import annotations

from rheobase.energy.account import Account

# of NeuroBench 2.3, and what it is here
NAMES = {
    "Footprint": "bytes of parameters and buffers",
    "ConnectionSparsity": "the share of weights that are zero, to 4 decimals",
    "ActivationSparsity": "the share of outputs of cells and of ReLU that are zero, over layers, steps and samples",
    "Effective_MACs": "products at synapses of values and weights that are not zero, of layers that read other values "
    "than 0, 1 and -1",
    "Effective_ACs": "the same of layers that read these alone",
    "Dense": "products at synapses, were no value and no weight zero",
}


def neurobench(account: Account) -> dict[str, float]:
    """The metrics of NeuroBench (Yik et al., 2025) that follow from an account, by its names; see `NAMES`.

    Differs from NeuroBench: delays, lateral weights, gates, means and readouts are counted, too, which it has no rule
    for; whether a layer reads spikes is asked of the whole sequence, not of each step.

    Reference: Yik et al., Nat. Commun. 16:1545 (2025), doi 10.1038/s41467-025-56739-4; neurobench 2.3.

    >>> import torch
    >>> from rheobase import nn
    >>> from rheobase.energy import account
    >>> neurobench(account(nn.Linear(3, 5), torch.tensor([1.0, 0.0, 1.0]).view(1, 1, 3)))["Effective_ACs"]
    10.0
    """
    stored = sum(layer.weights for layer in account.layers)
    outputs = sum(layer.outputs for layer in account.layers)
    macs = acs = dense = 0.0
    for layer in account.layers:
        if (found := layer.operations) is None:
            continue
        products = found.accumulates + found.multiply_accumulates
        if found.values_read and layer.weights:
            macs += products
        else:
            acs += products
        dense += found.dense
    return {
        "Footprint": float(account.footprint),
        "ConnectionSparsity": round(sum(layer.zeros for layer in account.layers) / stored, 4) if stored else 0.0,
        "ActivationSparsity": sum(layer.silent for layer in account.layers) / outputs if outputs else 0.0,
        "Effective_MACs": macs,
        "Effective_ACs": acs,
        "Dense": dense,
    }
