"""Texts that the pages of several commands share."""

from __future__ import annotations

from datetime import date

from rheobase.machine import machine


def footer() -> str:
    """The versions and the system that made a page, and the date."""
    host = machine()
    made = f"rheobase {host['rheobase']}, torch {host['torch']}, Python {host['python']}, {host['system']}"
    return f"{made}; {date.today().isoformat()}."


def value_text(value: object) -> str:
    """A setting as text: the items of a list or tuple with commas between them, "none" for an empty one.

    >>> value_text([128, 64]), value_text([]), value_text(0.5)
    ('128, 64', 'none', '0.5')
    """
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)
