"""Processes by name, each number with its source."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from rheobase.chip.mixed_signal.process import Drift, Process
from rheobase.errors import ParameterError, nearest

_WAN = "Wan et al., Nature 608, 504 (2022), doi 10.1038/s41586-022-04992-8, as fitted in IBM's aihwkit"
_MICROSIEMENS = 40.0  # the largest conductance of that fit

# coefficients in microsiemens, of g / g_max to the powers 0, 1, ..., after a second and after two days
_SECOND = (0.348, 16.030, -43.853, 45.393, -16.815)
_TWO_DAYS = (0.782, 20.274, -43.507, 37.062, -11.934)

_reram = Process(
    name="reram",
    mismatch=tuple(c / _MICROSIEMENS for c in _SECOND),
    read_noise=0.01,
    source=f"{_WAN} (ReRamWan2022NoiseModel): deviation after 1 s, and about 1 % of read noise",
)

# the processes that have a name; `named` gives one, with changes
PROCESSES: dict[str, Process] = {
    process.name: process
    for process in (
        Process(
            name="pcm",
            mismatch=(0.26348 / 25.0, 1.9650 / 25.0, -1.1731 / 25.0),
            drift=Drift(
                mean=(-0.0155, 0.0244, 0.049, 0.1),
                deviation=(-0.0125, -0.0059, 0.008, 0.045),
                t_0=20.0,
                t_read=250e-9,
                flicker=0.0088,
                exponent=0.65,
                most=0.2,
            ),
            source="phase-change memory of 25 uS: Nandakumar et al., ICECS (2019), doi "
            "10.1109/ICECS46596.2019.8964852, and Joshi et al., Nat. Commun. 11, 2473 (2020), doi "
            "10.1038/s41467-020-16108-9, as in IBM's aihwkit (PCMLikeNoiseModel)",
        ),
        _reram,
        replace(
            _reram,
            name="reram-2-days",
            mismatch=tuple(c / _MICROSIEMENS for c in _TWO_DAYS),
            source=f"{_WAN} (ReRamWan2022NoiseModel): deviation after 2 days, and about 1 % of read noise",
        ),
        replace(
            _reram,
            name="reram-faulty",
            stuck=(0.0904, 0.0175),
            source=f"{_reram.source}; 9.04 % of the devices at high and 1.75 % at low resistance: Chen et al., IEEE "
            "Trans. Comput. 64, 180 (2015), doi 10.1109/TC.2014.12, an early test chip, as others quote it",
        ),
        Process(
            name="dynap-se2",
            levels=16,
            mismatch=0.1,
            cells={"tau_*": 0.1, "v_threshold": 0.1},
            source="4-bit weights; every parameter within 30 % at 3 standard deviations: the defaults of SynSense's "
            "Rockpool (dynapse_mismatch_generator); Cakal et al., arXiv 2303.12167 (2023)",
        ),
    )
}


def named(name: str, **other: Any) -> Process:
    """A process by its name, with other values for some of its fields.

    Raises: `ParameterError` for a name or field that there is not.

    >>> named("dynap-se2", levels=4).mismatch
    0.1
    """
    if not isinstance(name, str) or name not in PROCESSES:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError("process", repr(name), "the name of a process", nearest(str(name), PROCESSES))
    known = [each.name for each in fields(Process)]
    for field in other:
        if field not in known:
            raise ParameterError("process", f"{field}={other[field]!r}", "a field of Process", nearest(field, known))
    return replace(PROCESSES[name], **other)


def as_process(given: Process | str) -> Process:
    """A process, or the one of that name. Raises: `ParameterError`."""
    if isinstance(given, str):
        return named(given)
    if not isinstance(given, Process):  # pyright: ignore[reportUnnecessaryIsInstance]
        expected = "a Process, or the name of one"
        raise ParameterError("mixed_signal", f"process={given!r}", expected, 'named("pcm"), say')
    return given
