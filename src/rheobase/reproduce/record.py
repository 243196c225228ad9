"""The result of a part in its folder: CSV, Markdown and PNG files, and part.json, which comes last."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rheobase.errors import CheckpointError, ParameterError
from rheobase.files import atomic_write, ensure_folder
from rheobase.json_files import read_json, write_json
from rheobase.plot import DARK, LIGHT, Picture, Rendered, Style, Table, png
from rheobase.plot.table import Cell
from rheobase.reproduce.paper import Finding
from rheobase.text_files import read_text

SEEDS = "seeds.csv"
FORM = 2  # of what is stored: raise it when `Record` changes, so that earlier results are made again from their units
_INDEX = "part.json"
MARK = " (reduced run)"  # behind the titles of what was done in a smaller way than the paper


@dataclass(frozen=True)
class Record:
    """A finished part, as it is stored and as the page shows it. The titles of a reduced run say that it was."""

    name: str
    title: str
    key: str
    text: str
    reduced: str
    settings: dict[str, Any]
    seed: int
    seconds: float
    hardware: str  # that it was made on
    tables: tuple[Table, ...] = ()
    pictures: tuple[Rendered, ...] = ()
    quoted: tuple[Table, ...] = ()
    seeds: bool = False  # whether there is a file with a row for each seed

    def table(self, title: str) -> Table:
        """A table by its title, without the mark of a reduced run. Raises: `KeyError`."""
        found = {one.title.removesuffix(MARK): one for one in self.tables}
        return replace(found[title], title=title)

    def as_json(self) -> dict[str, Any]:
        """All but the pictures."""
        held = {name: [asdict(table) for table in getattr(self, name)] for name in ("tables", "quoted")}
        return {**{k: v for k, v in vars(self).items() if k != "pictures"}, **held}


def slug(title: str) -> str:
    """A title as the name of a file.

    >>> slug("Onset of firing (b_h = -6)")
    'onset-of-firing-b_h-6'
    """
    return re.sub(r"[^a-z0-9_]+", "-", title.lower()).strip("-")


def save(folder: Path, finding: Finding, record: Record) -> Record:
    """Write what a part found; `record` has all but its tables and pictures. Returns the complete record.

    Raises: `ParameterError` for titles that would name one file, `StorageError`.
    """
    _check_titles(record.name, [t.title for t in (*finding.tables, *finding.quoted)])
    names = [p.title.removesuffix(MARK) for p in (*finding.pictures, *finding.drawn)]
    _check_titles(record.name, names)
    ensure_folder(folder)
    mark = MARK if record.reduced else ""
    tables = tuple(replace(table, title=table.title + mark) for table in finding.tables)
    quoted = tuple(finding.quoted)
    for bare, table in zip((*finding.tables, *quoted), (*tables, *quoted), strict=True):
        name = slug(bare.title)
        atomic_write(folder / f"{name}.csv", table.csv().encode())
        atomic_write(folder / f"{name}.md", table.markdown().encode())
    if finding.seeds is not None:
        atomic_write(folder / SEEDS, finding.seeds.csv().encode())
    pictures = (*(_draw(folder, picture, mark) for picture in finding.pictures), *finding.drawn)
    whole = replace(
        record,
        title=record.title + mark,
        tables=tables,
        pictures=pictures,
        quoted=quoted,
        seeds=finding.seeds is not None,
    )
    files = [
        {"title": p.title, "caption": p.caption, "alt": p.alt, "file": slug(name)}
        for name, p in zip(names, pictures, strict=True)
    ]
    write_json(folder / _INDEX, {**whole.as_json(), "pictures": files})
    return whole


def read(folder: Path, key: str | None) -> Record | None:
    """The part stored in a folder; None unless it was made under this key (if one is given) and is complete.

    Raises: `CheckpointError` for a damaged file.
    """
    path = folder / _INDEX
    if not path.is_file():
        return None
    content = read_json(path, remedy="remove it, or use --fresh")
    try:
        if key not in (None, content["key"]):
            return None
        files = [(p, *(folder / f"{p['file']}{end}.png" for end in ("", "-dark"))) for p in content["pictures"]]
        if not all(light.is_file() and dark.is_file() for _, light, dark in files):
            return None
        pictures = tuple(
            Rendered(p["title"], p["caption"], p["alt"], light.read_bytes(), dark.read_bytes())
            for p, light, dark in files
        )
        tables = {name: tuple(_table(one) for one in content[name]) for name in ("tables", "quoted")}
        whole: dict[str, Any] = {**content, "pictures": pictures, **tables}
        return Record(**whole)
    except (KeyError, TypeError) as error:
        given = f"no result of a part ({type(error).__name__}: {error})"
        raise CheckpointError(str(path), given, "what reproduce wrote", "remove it, or use --fresh") from error


def seed_rows(folder: Path) -> list[dict[str, Cell]]:
    """The rows of the seeds of a stored part, numbers as numbers; none where it has no such file.

    Raises: `DataError` for a file that cannot be read.
    """
    path = folder / SEEDS
    if not path.is_file():
        return []
    rows = csv.DictReader(io.StringIO(read_text(path)))
    return [{name: _cell(text) for name, text in row.items()} for row in rows]


def _cell(text: str) -> Cell:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def _table(content: dict[str, Any]) -> Table:
    columns = tuple(content["columns"])
    return Table(content["title"], columns, content["rows"], content["caption"], content["digits"])


def _draw(folder: Path, picture: Picture, mark: str) -> Rendered:
    def image(style: Style) -> bytes:
        figure = picture.draw(style)
        if mark:
            _say_reduced(figure, style)
        return png(figure)

    light, dark = image(LIGHT), image(DARK)
    name = slug(picture.title)
    atomic_write(folder / f"{name}.png", light)
    atomic_write(folder / f"{name}-dark.png", dark)
    return Rendered(picture.title + mark, picture.caption, picture.alt, light, dark)


def _say_reduced(figure: Figure, style: Style) -> None:
    """In the picture too, which may travel without its page."""
    figure.supxlabel("reduced run", x=0.995, ha="right", fontsize=7, color=style.muted)


def _check_titles(part: str, titles: Sequence[str]) -> None:
    names = [slug(title) for title in titles]
    for name, title in zip(names, titles, strict=True):
        if names.count(name) > 1 or not name:
            raise ParameterError(f"part {part!r}", f"title {title!r}", "one that names a file of its own", "reword it")
