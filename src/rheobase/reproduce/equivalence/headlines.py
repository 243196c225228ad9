"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, Row

OPENING = ("trains", "A train and its copies")


def discrete(found: Results) -> str:
    exact, floating = (
        found.rows(part, table)
        for part, table in (
            ("discrete", "Copies against neurons"),
            ("floating", "Long runs in floating point"),
        )
    )
    compared, wrong = (sum(int(row[name] or 0) for row in (*exact, *floating)) for name in ("compared", "mismatches"))
    return (
        f"A network whose neurons spike often becomes one whose neurons spike once: of {compared:,} spikes or silences "
        f"in discrete time, {wrong} differ."
    )


def classifier(found: Results) -> str:
    rows = found.rows("classifier", "Classifiers, converted both ways", data="mnist")
    wrong = sum(int(row["spikes that differ"] or 0) for row in rows)
    once = [row for row in rows if row["construction"] == "gated one-shot copies"]
    grown = " and ".join(f"{_cells(row)} for {str(row['network']).split()[0]}" for row in once)
    return (
        f"On {rows[0]['images']:,} MNIST images, {wrong} spikes of trained networks differ after the conversions; 100 "
        f"hidden neurons become {grown}."
    )


def cost(found: Results) -> str:
    rows = found.rows("cost", "Cost of single spikes")
    first, last = rows[0], rows[-1]
    return (
        f"The cost grows with the most spikes that a neuron may fire: {_ratio(first):.2g} one-shot neurons for each "
        f"one at {first['most spikes N']}, {_ratio(last):.2g} at {last['most spikes N']}."
    )


def _cells(row: Row) -> str:
    return f"{row['hidden neurons']:,}"


def _ratio(row: Row) -> float:
    return float(row["one-shot neurons"] or 0) / float(row["neurons"] or 1)


HEADLINES = (discrete, classifier, cost)
