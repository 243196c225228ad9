"""What the parts of this paper have in common: which models are held out, and how traces are made."""

from __future__ import annotations

HELD_OUT = [2, 5, 12, 16, 21, 29, 32, 37, 40, 52]
PROTOCOL = {
    "dt": 0.02,
    "keep": 6,
    "settle": 170.0,
    "before": 30.0,
    "duration": 400.0,
    "after": 115.0,
    "early": 15.0,
    "amplitudes": [-0.11, 0.28],
}
SHORT_PROTOCOL = {**PROTOCOL, "settle": 100.0, "duration": 150.0, "after": 45.0}
