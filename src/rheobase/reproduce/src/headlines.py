"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, counted, score

OPENING = ("response", "Response to an input sequence")


def accuracy(found: Results) -> str:
    table = "Test accuracy"
    small, large = (found.row("accuracy", table, data="mnist", network=f"SRC {n}") for n in ("100", "512-512-100"))
    return (
        f"A network of 100 spiking recurrent cells (SRC) reaches {score(small, 2)} on MNIST, one of "
        f"512-512-100 cells {score(large, 2)} ({counted(small)})."
    )


def depth(found: Results) -> str:
    src, lif = (found.row("depth", "Accuracy against depth", cell=cell, hidden_layers=10) for cell in ("SRC", "LIF"))
    width, limit = found.setting("depth", "width"), found.setting("depth", "limit")
    return (
        f"With 10 hidden layers of {width} cells, trained on {limit:,} images, SRC reaches {score(src)} and LIF "
        f"{score(lif)} ({counted(src)})."
    )


def onset(found: Results) -> str:
    table = "Measured and expected"
    lost, output = (
        found.row("response", table, quantity=name)["measured"]
        for name in ("loss of stability: x + b_h", "onset of output: x + b_h")
    )
    return (
        f"A single cell loses its stable rest where input and bias add up to {float(lost or 0):.3f}, and its output "
        f"begins at {float(output or 0):.3f}."
    )


HEADLINES = (accuracy, depth, onset)
