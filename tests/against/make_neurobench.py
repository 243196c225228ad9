"""Write the metrics that `test_neurobench.py` compares with: those of NeuroBench for a network of snnTorch.

    python tests/against/make_neurobench.py

needs `neurobench` and `snntorch`, which are no dependencies of rheobase. The weights and the input of each case are
drawn from its seed by `drawn`, here and in the test.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

FILE = Path(__file__).parent / "traces" / "neurobench.json"
BETA, STEPS, SAMPLES = 0.9, 12, 6
CASES = ("spikes", "analog", "silent")
METRICS = ("Footprint", "ConnectionSparsity", "ActivationSparsity", "SynapticOperations")


def drawn(case: str) -> tuple[list[Tensor], Tensor]:
    """Weights and biases of a convolution and a linear layer, a third of the weights zero; x (time, batch, 2, 7, 6)."""
    draw = torch.Generator().manual_seed(CASES.index(case))

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw)

    size = 0.01 if case == "silent" else 0.6
    weights = [size * normal(4, 2, 3, 3), 0.1 * size * normal(4), size * normal(5, 48), 0.1 * size * normal(5)]
    for weight in weights[::2]:
        weight[torch.rand(weight.shape, generator=draw) < 1 / 3] = 0.0
    x = (torch.rand(STEPS, SAMPLES, 2, 7, 6, generator=draw, dtype=torch.float64) < 0.3).float()
    return weights, x * normal(*x.shape) if case == "analog" else x


def theirs(case: str) -> dict[str, Any]:
    """What NeuroBench says of the network."""
    import snntorch
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.static import ConnectionSparsity, Footprint
    from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
    from neurobench.models import SNNTorchModel
    from torch.utils.data import DataLoader, TensorDataset

    weights, x = drawn(case)
    layers = nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.Linear(48, 5)
    for layer, (weight, bias) in zip(layers, (weights[:2], weights[2:]), strict=True):
        layer.weight.data, layer.bias.data = weight, bias
    one, two = (snntorch.Leaky(beta=BETA, init_hidden=True, output=last) for last in (False, True))
    net = nn.Sequential(layers[0], one, nn.Flatten(), layers[1], two)
    # the neurons' own constants are buffers there, and so are their potentials, once it has run
    own = sum(b.numel() * b.element_size() for b in net.buffers())
    data = TensorDataset(x.transpose(0, 1), torch.zeros(SAMPLES))
    static, workload = [Footprint, ConnectionSparsity], [ActivationSparsity, SynapticOperations]
    metrics: Any = [static, workload]
    found = Benchmark(
        SNNTorchModel(net), DataLoader(data, batch_size=SAMPLES), [], [lambda spikes: spikes], metrics
    ).run(quiet=True)
    return {**found, "Footprint": found["Footprint"] - own}


def main() -> None:
    content = {"version": importlib.metadata.version("neurobench"), **{case: theirs(case) for case in CASES}}
    FILE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
