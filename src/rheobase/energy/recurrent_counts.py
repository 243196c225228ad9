"""What layers do that read their own output: their synapses are reached by it, too."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.energy.operation_counts import Operations
from rheobase.energy.step_operations import update
from rheobase.energy.work import Seen, Work, columns, returning, synapses
from rheobase.learning.metrics import count_spikes
from rheobase.nn.recurrence.conv_gru import ConvGRU
from rheobase.nn.recurrence.cs_gru import CSGRU
from rheobase.nn.recurrence.recurrent import Recurrent
from rheobase.nn.recurrence.recurrent_delay import RecurrentDelay
from rheobase.nn.recurrence.spik_gru import SpikGRU

LATERAL = "its own output of the step before"


def recurrent(layer: Recurrent, seen: Seen) -> Work:
    """Lateral weights: a spike that comes back is an accumulate, a graded value a multiply-accumulate."""
    neuron, cells, steps = layer.neuron, layer.neuron.shape[0], seen.steps
    one, reach, words = update(neuron), columns([layer.lateral]), len(neuron.lane_states)
    pairs = cells * (cells if layer.self_connections else cells - 1)
    found, kept = Operations(), words * cells
    back = seen.read_again
    if isinstance(layer, RecurrentDelay):
        taps = layer.positions().detach()  # (taps, cells), of an output that many steps ago
        found += _delayed(back, taps, seen.ends)
        kept, back = kept + len(taps) * cells, seen.read(_through(back, taps))
    else:
        kept += cells
    # an output that is read is written first
    found += returning(back, reach, dense=seen.returns * pairs)
    spikes = float(count_spikes(seen.out, neuron.graded).double().mean())
    found += Operations(
        spikes=spikes,
        updates=one.products * steps * cells,
        functions=one.functions * steps * cells,
        sums=(one.sums + 1) * steps * cells,
        cell_steps=steps * cells,
        state_words=2 * words * steps * cells,
    )
    weights = layer.weight_rec.numel()
    return Work(found, weights, cells, kept, LATERAL)


def _delayed(out: Tensor, taps: Tensor, ends: Tensor) -> Operations:
    """The products with the kernel of each axon, one for each tap that an output reaches before the end."""
    steps = torch.arange(1, len(out) + 1, device=out.device)[:, None]
    left = (ends - steps).clamp(0, len(taps))  # taps that an output of step t still reaches
    reached = torch.cat([torch.zeros_like(taps[:1]), (taps != 0).to(taps.dtype).cumsum(0)])[left]
    found = returning(out, reached, dense=float(left.double().sum(0).mean()) * taps.shape[1])
    words = (
        found.accumulates + found.multiply_accumulates + float((ends - 1).clamp(min=0).double().mean()) * taps.shape[1]
    )
    # what the kernels give is brought to the matrix, and counted there
    return found + Operations(state_words=words, spikes_read=-found.spikes_read, values_read=-found.values_read)


def _through(out: Tensor, taps: Tensor) -> Tensor:
    """What the kernels make of the outputs: sum_k taps[k] out[t - k]."""
    back = torch.zeros_like(out)
    for k, tap in enumerate(taps[: len(out)]):
        back[k:] += tap * out[: len(out) - k]
    return back


def spik_gru(layer: SpikGRU, seen: Seen) -> Work:
    """Two gates that read the input and the layer's own spikes."""
    gates, hidden, inputs, steps = len(layer.gates), layer.hidden, layer.inputs, seen.steps
    outer, inner = (columns(getattr(layer, f"weight_{which}{g}") for g in layer.gates) for which in ("", "rec_"))
    found = synapses(seen.x, outer, dense=steps * gates * hidden * inputs)
    found += returning(seen.read_again, inner, dense=seen.returns * gates * hidden * hidden)
    cells = steps * hidden
    # alpha i, and z (v - i) + i; one sigmoid; the sums of both, the reset, and a bias and a recurrent sum of each gate
    found += _cell(seen, cells, updates=2, functions=1, sums=4 + 2 * gates, words=2)
    weights = gates * hidden * (hidden + inputs)
    return Work(found, weights, inputs + hidden, 3 * hidden, LATERAL)


def cs_gru(layer: CSGRU, seen: Seen) -> Work:
    """Three gates of convolutions; the update gate reads the current, which is analog, or the input."""
    on_current, size = layer.update_reads == "current", seen.out[0, 0].numel()
    outside = ("r", "i") if on_current else ("r", "i", "z")
    outer = _images(layer, seen, [getattr(layer, f"weight_{g}") for g in outside], outside=True)
    inner = _images(layer, seen, [getattr(layer, f"weight_rec_{g}") for g in layer.gates], outside=False)
    found = synapses(seen.x, outer.reach, dense=seen.steps * outer.dense)
    found += returning(seen.read_again, inner.reach, dense=seen.returns * inner.dense)
    weights = sum(getattr(layer, f"weight_{which}{g}").numel() for which in ("", "rec_") for g in layer.gates)
    cells = seen.steps * size
    if on_current:
        # a current is analog, and as good as never zero
        mid = _images(layer, seen, [layer.weight_z], outside=False)
        products = seen.steps * float(mid.reach.sum())
        found += Operations(multiply_accumulates=products, dense=seen.steps * mid.dense, values_read=cells)
    # r i, and z (v - i) + i; two sigmoids
    found += _cell(seen, cells, updates=2, functions=2, sums=4 + 2 * len(layer.gates), words=2)
    return Work(found, weights, seen.x[0, 0].numel() + size, 3 * size, LATERAL)


def conv_gru(layer: ConvGRU, seen: Seen) -> Work:
    """Three gates of convolutions of analog values: all of the layer's own products are counted."""
    outer = _images(layer, seen, [getattr(layer, f"weight_{g}") for g in layer.gates], outside=True)
    inner = _images(layer, seen, [getattr(layer, f"weight_rec_{g}") for g in layer.gates], outside=False)
    size = seen.out[0, 0].numel()
    cells = seen.steps * size
    found = synapses(seen.x, outer.reach, dense=seen.steps * outer.dense)
    # the first step multiplies the zeros of rest too, as every other value that happens to be zero; h and r h are read
    found += Operations(
        multiply_accumulates=seen.steps * float(inner.reach.sum()),
        dense=seen.steps * inner.dense,
        values_read=2 * cells,
    )
    found += _cell(seen, cells, updates=2, functions=3, sums=2 + 2 * len(layer.gates), words=1, fires=False)
    weights = sum(getattr(layer, f"weight_{which}{g}").numel() for which in ("", "rec_") for g in layer.gates)
    return Work(found, weights, seen.x[0, 0].numel() + size, size, LATERAL)


def _cell(
    seen: Seen, cells: float, *, updates: int, functions: int, sums: int, words: int, fires: bool = True
) -> Operations:
    """The pointwise part of a gated layer, by the operations of one cell in one step."""
    return Operations(
        spikes=float(seen.out.double().sum()) / seen.out.shape[1] if fires else 0.0,
        updates=updates * cells,
        functions=functions * cells,
        sums=sums * cells,
        cell_steps=cells,
        state_words=2 * words * cells,
    )


class _Reach:
    """For every value of an image, the weights that read it; `dense`: their number, were none of them zero."""

    def __init__(self, reach: Tensor, dense: float):
        self.reach, self.dense = reach, dense


def _images(layer: CSGRU | ConvGRU, seen: Seen, weights: list[Tensor], *, outside: bool) -> _Reach:
    w = layer.window
    image = seen.x if outside else seen.out
    total: list[Tensor] = []
    for masks in ([(weight.detach() != 0) for weight in weights], [torch.ones_like(weight) for weight in weights]):
        with torch.enable_grad():
            at = torch.zeros(1, *image.shape[2:], dtype=torch.float64, device=image.device, requires_grad=True)
            out = torch.zeros((), dtype=torch.float64, device=image.device)
            for mask in masks:
                kernel = mask.double()
                made = (
                    torch.nn.functional.conv2d(at, kernel, stride=w.stride, padding=w.padding, groups=w.groups)
                    if outside
                    else w.product.forward(at, kernel)
                )
                out = out + made.sum()
            total.append(torch.autograd.grad(out, at)[0][0])
    return _Reach(total[0], float(total[1].sum()))
