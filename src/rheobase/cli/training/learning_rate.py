"""`rheobase train --find-lr`: learning rates tried on a copy of the network, and their table on the terminal."""

from __future__ import annotations

import typer

from rheobase.cli.terminal import console, table
from rheobase.cli.training.job import training_samples
from rheobase.data import Dataset
from rheobase.learning import LearningRateSearch, find_learning_rate
from rheobase.nn import Sequential
from rheobase.progress import Paced
from rheobase.runs.settings import Settings
from rheobase.runs.threads import threads

LINES, WIDEST = 16, 40  # of the table, and characters of a bar


def searched(settings: Settings, data: Dataset, net: Sequential) -> LearningRateSearch:
    """Try rates on batches of the training samples. Raises as `find_learning_rate` does."""
    train, encoder = training_samples(settings, data)
    paced = Paced()
    paced.begin()

    def on_rate(done: int, of: int) -> None:
        if paced.due():
            typer.echo(f"learning rates: {done} of {of}", err=True)

    with threads(settings.threads):
        return find_learning_rate(net, encoder=encoder, train=train, recipe=settings.recipe(), progress=on_rate)


def say(search: LearningRateSearch) -> None:
    """The loss at some of the rates, with a bar for each, and the suggestion."""
    every = range(0, len(search.rates), -(-len(search.rates) // LINES))
    highest, marked = max(search.losses), min(every, key=lambda k: abs(search.rates[k] - search.suggested))
    rows = [
        (
            f"{search.rates[k]:.2g}",
            f"{search.losses[k]:.4g}",
            "=" * round(WIDEST * search.losses[k] / highest),
            f"<- {search.suggested:g} suggested" if k == marked else "",
        )
        for k in every
    ]
    out = console()
    title = "Loss at rising learning rates (a running mean, one batch each)"
    out.print(table(("rate", "loss", "", " "), rows, title=title, right=("rate", "loss")))


def say_how_to_use(search: LearningRateSearch) -> None:
    """Nothing was trained, and how to train with a rate."""
    rate = f"{search.suggested:g}"
    lines = (
        f"{rate} is a tenth of the rate with the smallest loss (Smith, 2017): the largest of a schedule.",
        f"Nothing was trained. With it: the same command and --lr {rate}; the search is then kept in the run's record.",
    )
    for line in lines:
        console().print(line, soft_wrap=True)
