"""The part of NOBLE over sizes: what it counts, and what it says of a budget that nobody here has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rheobase.plot import LIGHT
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble import scaling
from rheobase.reproduce.noble.power_law import power_law
from rheobase.reproduce.noble.stand_ins import CONVOLUTIONAL
from rheobase.reproduce.noble.traces import CODES
from tests.reproduce.test_noble import family

SAMPLES, PARAMETERS = [1e3, 4e3, 16e3] * 2, [1e4] * 3 + [1e6] * 3
NETWORK = {"kind": CONVOLUTIONAL, "code": CODES[0], "layers": 3, "width": 3, "stride": 3, "batch": 3, "lr": 0.002}


def test_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On networks that need no further package."""
    made = family(tmp_path / "traces")
    monkeypatch.setattr(scaling, "family", lambda job: made)
    monkeypatch.setattr(scaling, "library", lambda: None)
    trained = {f"{c}, {e}": {**NETWORK, "channels": c, "epochs": e} for e in (1, 2) for c in (3, 4)}
    job = Job({**scaling.PART.settings, "trained": trained}, tmp_path / "work", identity={"part": "scaling"})
    found = scaling.run(job)
    amplitudes, models, laws = found.tables
    for table in (amplitudes, models):
        here = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
        # eight traces, of which two batches of three are whole
        assert [here[name][scaling.SEEN] for name in trained] == [6, 6, 12, 12]
        assert here["never fires"][scaling.SPIKES] == 0 < here["the solver itself"][scaling.SPIKES]
        assert here["3, 1"]["parameters"] < here["4, 1"]["parameters"]
        assert all(0 < here[name][scaling.MINUTES] < 1 for name in trained)
    assert len(laws.rows) == 4
    assert found.seeds is not None
    assert len(found.seeds.rows) == 2 * len(trained)
    for picture in found.pictures:
        assert len(picture.draw(LIGHT).axes) == 2


def said(errors: list[float], *, fires: bool = True) -> str:
    return scaling._carried_on(scaling.Trend(power_law(SAMPLES, PARAMETERS, errors), fires))


def test_only_an_error_that_falls_is_carried_on() -> None:
    bump = (1.05, 0.96, 1.02, 0.97, 1.04, 0.98)
    falling = [300 * n**-0.3 * p**-0.01 * b for n, p, b in zip(SAMPLES, PARAMETERS, bump, strict=True)]
    value = 300 * scaling.PUBLISHED_SAMPLES**-0.3 * scaling.PUBLISHED_PARAMETERS**-0.01
    law: Any = power_law(SAMPLES, PARAMETERS, falling)
    middle, low, high = law.at(scaling.PUBLISHED_SAMPLES, scaling.PUBLISHED_PARAMETERS)
    assert low < min(value, middle) <= max(value, middle) < high
    assert "falls with samples" in said(falling)
    assert "is not shown to change with parameters" in said(falling)
    assert "is within that interval" in said(falling)
    assert "is outside of that interval" in said([10 * error for error in falling])
    # what falls towards never firing says nothing of what fires
    assert "none fires: the curve does not point" in said(falling, fires=False)
    assert "is not shown to change with samples" in said([8 * b for b in bump])
    assert "rises with samples" in said([1 / error for error in falling])
    assert "does not point" in said([1 / error for error in falling])
    assert power_law(SAMPLES[:3], PARAMETERS[:3], falling[:3]) is None
    assert power_law(SAMPLES, [1e4] * 6, falling) is None
    assert "too few" in scaling._carried_on(scaling.Trend(None, True))
