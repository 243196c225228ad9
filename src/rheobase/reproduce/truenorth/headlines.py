"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results

OPENING = ("classifiers", "The chip with mnist")


def certificate(found: Results) -> str:
    rows = found.rows("classifiers", "On the chip", data="mnist")
    same, images = (sum(int(row[name] or 0) for row in rows) for name in ("predictions equal", "images"))
    first = rows[0]
    return (
        "A classifier of MNIST, trained in whole numbers, predicts on the emulated chip what it predicts in software "
        f"for {same:,} of {images:,} test images: {float(first['on the chip (%)'] or 0):.2f} %, and "
        f"{float(first['full precision (%)'] or 0):.2f} % in full precision (seed {first['seed']})."
    )


def bill(found: Results) -> str:
    first = found.row("classifiers", "On the chip", data="mnist")
    bill = found.row("classifiers", "Bill of an image", data="mnist")
    return (
        f"It takes {first['cores']} of 4,096 cores and {float(first['latency (ms)'] or 0):g} ms for an image; what it "
        f"does costs {float(bill['events, hops, edge (nJ)'] or 0):.0f} nJ, with the rest power of its cores "
        f"{float(bill['with the rest power of its cores (uJ)'] or 0):.2g} uJ, and a whole chip for it alone "
        f"{float(bill['whole chip (uJ)'] or 0):.0f} uJ."
    )


def power(found: Results) -> str:
    rows = [row for row in found.rows("power", "Power of the chip") if float(row["volts"] or 0) > 0.77]
    near = [row for row in rows if float(row["volts"] or 0) < 0.81]
    worst = max(abs(float(row["difference (%)"] or 0)) for row in near)
    return f"The model of power meets {len(near)} published powers at 0.775 and 0.8 V within {worst:.1f} %."


HEADLINES = (certificate, bill, power)
