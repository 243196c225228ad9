"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, counted, score
from rheobase.reproduce.scores import seeds

OPENING = ("stability", "Stability, form factored")


def stability(found: Results) -> str:
    said: list[str] = []
    for form, name in (("factored", "the factored form"), ("euler", "the Euler form")):
        factor = float(found.row("stability", "Fixed points", form=form)["factor per step at rest"] or 0.0)
        how = "oscillates below threshold" if factor < 0 else "returns without oscillation"
        said.append(f"{name} {how} (a deviation changes by a factor of {factor:.3g} in a step)")
    return f"The paper's update could not be read, so two were rebuilt: at the paper's values {', '.join(said)}."


def window(found: Results) -> str:
    rows = found.rows("mismatch", "Best of the windows scanned")
    below = sum(float(row["formula's less best"] or 0) < -float(row["half of its 95 % interval"] or 0) for row in rows)
    number = len(found.setting("mismatch", "seeds"))
    return (
        f"The formula's surrogate window is told apart from, and below, the best of those scanned in {below} of "
        f"{len(rows)} cases ({seeds(number)})."
    )


def accuracy(found: Results) -> str:
    names = (
        ("DQIF", "DQIF, factored"),
        ("its Euler form", "DQIF, euler"),
        ("LIF", "LIF"),
        ("PLIF", "PLIF"),
    )
    rows = [(name, found.row("accuracy", "Test accuracy", data="fashion_mnist", cell=cell)) for name, cell in names]
    said = ", ".join(f"{name} {score(row)}" for name, row in rows)
    first = rows[0][1]
    return f"On {first['train samples']:,} images of Fashion-MNIST: {said} ({counted(first)})."


HEADLINES = (stability, window, accuracy)
