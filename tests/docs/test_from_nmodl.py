"""docs/from_nmodl.md: its two columns are one mechanism, as NEURON ran the left one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch

from rheobase.core.declaration.elsewhere import NMODL
from tests.against.make_channels import FILE, PAGE, nmodl
from tests.docs.test_pages import run


def test_the_columns_give_the_same() -> None:
    with np.load(FILE) as file:
        assert str(file["nmodl"]) == nmodl(), "write it anew: python tests/against/make_channels.py"
        theirs: Any = torch.as_tensor(file["natm"])
    traces = run("from_nmodl.md")["traces"]
    for k, found in enumerate(traces.values()):
        torch.testing.assert_close(found.flatten(), theirs[:, k], rtol=0, atol=1e-9 if k == 0 else 1e-11)
    assert float(traces["soma"].max()) > 20.0


def test_a_line_stands_beside_a_line() -> None:
    left, right = (
        re.findall(rf"```{name}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0] for name in ("nmodl", "python")
    )
    assert left.count("\n") == right.count("\n")


def test_the_errors_lead_here() -> None:
    assert f"docs/{PAGE.name}" in NMODL
