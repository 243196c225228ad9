"""Networks that snnTorch, Norse and SpikingJelly export by their own exporters, read here: the spikes of both.

    make bench-peers
    benchmarks/peers/.venv/bin/python -m benchmarks.nir_peers [--json out.json]

Each network runs for 200 steps on 4 samples of random spikes, there and as `interop.nir` reads its graph, through a
.nir file. The weights are random, scaled so that every layer fires. Here all is computed in float64, there in what the
peer takes. A case in which the graph says another network than its exporter runs says so in its note.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import write_results
from benchmarks.options import parsed, parser, say
from rheobase import nn
from rheobase.core import integrators
from rheobase.interop import nir

STEPS, SAMPLES, SEED = 200, 4, 0
PEERS = ("snntorch", "norse", "spikingjelly")


NOTES = {
    "zero": "its zero a step later sets the synaptic current to 0, too, which NIR does not say",
    "subtract, at once": "a membrane that is above its threshold after the reset is subtracted from again there",
}


@dataclass
class Case:
    """A network of a peer: how it runs there, its graph, and the keywords with which it is read."""

    peer: str
    name: str
    net: Any
    x: Tensor
    run: Callable[[Any, Tensor], Tensor]
    graph: Callable[[Any, Tensor], Any]
    keywords: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    mend: Callable[[nn.Sequential], object] | None = None


def spikes(*shape: int, share: float = 0.3) -> Tensor:
    return (torch.rand(STEPS, SAMPLES, *shape) < share).float()


def louder(net: Any, gain: float) -> Any:
    """Weights that make the neurons fire."""
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, torch.nn.Linear | torch.nn.Conv2d):
                part.weight.mul_(gain)
    return net


# --- snnTorch -----------------------------------------------------------------------------------------------------


def snntorch_cases() -> Iterator[Case]:
    import snntorch as snn
    from snntorch import utils
    from snntorch.export_nir import export_to_nir

    def run(net: Any, x: Tensor) -> Tensor:
        utils.reset(net)
        rows = [net(row) for row in x]
        return torch.stack([row[0] if isinstance(row, tuple) else row for row in rows])

    def each(n: int, value: float) -> Tensor:
        return torch.full((n,), value)

    def leaky(n: int, **given: Any) -> Any:
        return snn.Leaky(beta=each(n, 0.9), threshold=each(n, 1.0), init_hidden=True, **given)

    def synaptic(n: int, **given: Any) -> Any:
        return snn.Synaptic(alpha=each(n, 0.8), beta=each(n, 0.9), threshold=each(n, 1.0), init_hidden=True, **given)

    def graph(net: Any, x: Tensor) -> Any:
        return export_to_nir(net, x[0, 0])  # its graph would have the batch as an axis

    resets = {
        "subtract, later (default)": ({}, "subtract_later"),
        "subtract, at once": (dict(reset_delay=False), "subtract"),
        "zero": (dict(reset_mechanism="zero"), None),
        "zero, at once": (dict(reset_mechanism="zero", reset_delay=False), None),
    }
    for kind in (leaky, synaptic):
        for name, (given, reset) in resets.items():
            layers = (torch.nn.Linear(20, 30), kind(30, **given), torch.nn.Linear(30, 10), kind(10, **given))
            net = torch.nn.Sequential(*layers)
            with torch.no_grad():
                # currents below the threshold: snnTorch subtracts again from a membrane above twice of it
                for linear in (layers[0], layers[2]):
                    linear.weight.abs_().mul_(0.3 if kind is leaky else 0.03)
            told = {"dt": 0.1, "integrator": nir.InOrder(), "reset": reset}
            note = NOTES.get(name, "") if kind is synaptic else ""
            yield Case("snntorch", f"{kind.__name__.title()}, {name}", net, spikes(20), run, graph, told, note)


# --- Norse --------------------------------------------------------------------------------------------------------


def norse_cases() -> Iterator[Case]:
    import norse.torch as norse
    from norse.torch.utils.export_nir import to_nir

    def run(net: Any, x: Tensor) -> Tensor:
        state, rows = None, []
        for row in x:
            out, state = net(row, state)
            rows.append(out)
        return torch.stack(rows)

    def graph(net: Any, x: Tensor) -> Any:
        # its default, dt=0.001, writes time constants in seconds times 0.001
        return to_nir(net, x[0, 0], dt=1.0)

    def each(**values: float) -> Any:
        return {name: torch.full((30,), value) for name, value in values.items()}

    box = norse.LIFBoxParameters(**each(tau_mem_inv=100.0, v_leak=0.0, v_th=0.5, v_reset=0.0))
    told = {"dt": 1.0, "integrator": integrators.Euler()}
    net = norse.SequentialState(
        torch.nn.Linear(20, 30), norse.LIFBoxCell(box), torch.nn.Linear(30, 30), norse.LIFBoxCell(box)
    )
    yield Case("norse", "LIFBoxCell", louder(net, 8.0), spikes(20), run, graph, told)

    iaf = norse.IAFParameters(**each(v_th=1.0, v_reset=0.0))
    net = norse.SequentialState(torch.nn.Linear(20, 30), norse.IAFCell(iaf))
    yield Case(
        "norse",
        "IAFCell",
        net,
        spikes(20),
        run,
        graph,
        {**told, "dt": 1000.0},
        "its r = 1 is of steps of 1 s: dt=1000.0",
    )

    cuba = norse.LIFParameters(**each(tau_syn_inv=200.0, tau_mem_inv=100.0, v_leak=0.0, v_th=0.5, v_reset=0.0))
    for mended in (False, True):
        net = norse.SequentialState(
            torch.nn.Linear(20, 30), norse.LIFCell(cuba), torch.nn.Linear(30, 30), norse.LIFCell(cuba)
        )
        note = (
            "w_in mended to tau_syn/dt"
            if mended
            else "its exporter writes w_in = 1, where its step adds the whole input"
        )
        own = {**told, "integrator": nir.InOrder()}
        yield Case(
            "norse",
            "LIFCell" + ", mended" * mended,
            louder(net, 3.0),
            spikes(20),
            run,
            graph,
            own,
            note,
            _whole_input if mended else None,
        )


def _whole_input(net: nn.Sequential) -> None:
    for layer in net.layers:
        if isinstance(layer, nir.HardResetCubaLIF):
            layer.w_in = layer.value("tau_syn") / layer.dt


# --- SpikingJelly -------------------------------------------------------------------------------------------------


def spikingjelly_cases() -> Iterator[Case]:
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    def run(net: Any, x: Tensor) -> Tensor:
        functional.reset_net(net)
        out = net(x)
        functional.reset_net(net)
        return out

    def graph(net: Any, x: Tensor) -> Any:
        found = export_to_nir(net, x, dt=1e-4)
        functional.reset_net(net)
        return found

    # v_reset=None, the reset that subtracts, is refused by its exporter
    cells: dict[str, Callable[[], Any]] = {
        "IFNode": lambda: neuron.IFNode(step_mode="m"),
        "IFNode, v_reset=-0.5": lambda: neuron.IFNode(v_reset=-0.5, step_mode="m"),
        "LIFNode": lambda: neuron.LIFNode(tau=3.0, step_mode="m"),
        "LIFNode, v_reset=-0.5": lambda: neuron.LIFNode(tau=3.0, v_reset=-0.5, step_mode="m"),
        "LIFNode, decay_input=False": lambda: neuron.LIFNode(tau=3.0, decay_input=False, step_mode="m"),
        "ParametricLIFNode": lambda: neuron.ParametricLIFNode(init_tau=3.0, step_mode="m"),
    }
    for name, cell in cells.items():
        net = torch.nn.Sequential(
            layer.Linear(20, 30, step_mode="m"), cell(), layer.Linear(30, 10, step_mode="m"), cell()
        )
        told = {"dt": 0.1, "integrator": integrators.Euler()}
        yield Case("spikingjelly", name, louder(net, 15.0), spikes(20), run, graph, told)
    net = torch.nn.Sequential(
        layer.Conv2d(2, 4, 3, padding=1, step_mode="m"),
        neuron.IFNode(step_mode="m"),
        layer.AvgPool2d(2, 2, step_mode="m"),
        layer.Flatten(step_mode="m"),
        layer.Linear(64, 10, step_mode="m"),
        neuron.IFNode(step_mode="m"),
    )
    yield Case(
        "spikingjelly",
        "Conv2d, AvgPool2d, Flatten, IFNode",
        louder(net, 3.0),
        spikes(2, 8, 8),
        run,
        graph,
        {"dt": 0.1, "integrator": integrators.Euler()},
    )


@torch.no_grad()
def compared(case: Case) -> dict[str, Any]:
    """The spikes of both."""
    import nir as package

    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        file = Path(folder) / "net.nir"
        package.write(file, case.graph(case.net, case.x))
        theirs = case.run(case.net, case.x).detach()
        net = nir.read(file, dtype=torch.float64, **case.keywords)
    if case.mend is not None:
        case.mend(net)
    ours = net(case.x.double())[0]
    return {
        "peer": case.peer,
        "network": case.name,
        "spikes": int(theirs.count_nonzero()),
        "differing": int((theirs.double() != ours).count_nonzero()),
        "of": theirs.numel(),
        "note": case.note,
        "read": ", ".join(f"{key}={value!r}" for key, value in case.keywords.items() if value is not None),
    }


def main() -> None:
    options = parsed(parser(__doc__))
    rows: list[dict[str, Any]] = []
    for cases in (snntorch_cases, norse_cases, spikingjelly_cases):
        torch.manual_seed(SEED)
        for case in cases():
            rows.append(compared(case))
            say("| {peer} | {network} | {spikes} | {differing} | `{read}` | {note} |".format(**rows[-1]))
    versions = {name: version(name) for name in (*PEERS, "nir", "torch")}
    content = {"steps": STEPS, "samples": SAMPLES, "seed": SEED, "versions": versions, "cases": rows}
    if options.json is not None or not options.quick:
        write_results(options.json or Path(__file__).parent / "results" / "nir_peers.json", content)


if __name__ == "__main__":
    main()
