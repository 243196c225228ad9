"""The few names of torch and numpy that our pages link to, kept here, so that building asks no server for a list.

A line of `docs/inventories/LIBRARY.txt` is a name, its kind in Sphinx's Python domain, and its page under the address
of the first line. `make docs-links` asks the network whether they are still there.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

FOLDER = Path(__file__).parents[1] / "inventories"


def packed(library: str, text: str) -> tuple[str, bytes]:
    """The address that a list begins with, and the list as an inventory of Sphinx's."""
    address, *lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    rows = (line.split() for line in lines)
    body = "".join(f"{name} py:{kind} 1 {page} -\n" for name, kind, page in rows)
    head = f"# Sphinx inventory version 2\n# Project: {library}\n# Version: \n"
    return address, head.encode() + b"# The remainder of this file is compressed using zlib.\n" + zlib.compress(
        body.encode()
    )


def write(app: Sphinx, config: Config) -> None:
    mapping: dict[str, tuple[str, str]] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        address, content = packed(path.stem, path.read_text(encoding="utf-8"))
        made = Path(app.doctreedir) / f"{path.stem}.inv"
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(content)
        mapping[path.stem] = (address, str(made))
    config.intersphinx_mapping = mapping


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
