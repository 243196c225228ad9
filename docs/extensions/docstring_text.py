"""Docstrings of rheobase as reStructuredText: they are plain text with `code`, equations, tables and doctests.

* an indented block of equations becomes mathematics where every line can be read (`typeset`), else literal text
* a doctest becomes code
* lines `name    what it is` become a list of definitions
* `Shapes:`, `Raises:`, `Numerics:`... open a paragraph in bold type
* `code` that is a public name becomes a link to its page
* stars, underscores and bars of prose are no markup
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from textwrap import dedent
from typing import Any

from sphinx.application import Sphinx
from typeset import tex

SECTION = re.compile(r"^([A-Z][A-Za-z' ]{2,40}):(?=\s|$)")
ENTRY = re.compile(r"^(?P<name>[^\s:](?:[^\s]| (?! ))*?) {2,}(?P<text>\S.*)$")
EQUATION = re.compile(r"(?<![=<>!])=(?!=)|<-|>=")
CODE = re.compile(r"`([^`]+)`")
BOLD = re.compile(r"\*\*([\w ]+)\*\*")
BULLET = re.compile(r"^(?:[*-]|\d+\.) ")


def to_rst(text: str, links: Mapping[str, str] | None = None, names: Collection[str] = ()) -> str:
    """A docstring, dedented, as reStructuredText; `links` maps names to their full names.

    >>> print(to_rst("Gain of x, `a * x`.\\n\\n    y = a x\\n\\nRaises: `ValueError`."))
    Gain of x, ``a * x``.
    <BLANKLINE>
    .. math::
    <BLANKLINE>
       \\begin{aligned}
       & y = a\\,x
       \\end{aligned}
    <BLANKLINE>
    **Raises.** ``ValueError``.
    """
    links = links or {}
    return "\n\n".join(_block(block, links, names) for block in _blocks(text))


def _blocks(text: str) -> Iterator[list[str]]:
    """Paragraphs; those of indented lines that follow each other are one, and so are doctests'."""
    block: list[str] = []
    for line in text.expandtabs().strip("\n").split("\n"):
        if line.strip():
            if block and _begins(line, block):
                yield _trimmed(block)
                block = []
            block.append(line)
        elif block:
            block.append("")
    if block:
        yield _trimmed(block)


def _begins(line: str, block: list[str]) -> bool:
    """Whether a line opens a new block: after an empty line, or indented below a colon that is in no list or table."""
    deeper = _indented(line) and not _indented(block[0])
    if not block[-1].strip():
        return deeper or not _indented(line) or not _indented(block[0])
    listed = BULLET.match(block[0]) or ENTRY.match(block[0])
    return deeper and block[-1].rstrip().endswith(":") and not listed


def _indented(line: str) -> bool:
    return line.startswith("    ")


def _trimmed(block: list[str]) -> list[str]:
    while block and not block[-1].strip():
        block.pop()
    return block


def _block(block: list[str], links: Mapping[str, str], names: Collection[str]) -> str:
    whole = "\n".join(block)
    if whole.lstrip().startswith(">>>"):
        return _directive("code-block:: pycon", dedent(whole))
    if all(_indented(line) or not line.strip() for line in block):
        return _literal(dedent(whole), names)
    if _is_table(block):
        return _definitions(block, links)
    if BULLET.match(block[0]):
        return _bullets(block, links)
    head = SECTION.match(block[0])
    if head:
        rest = whole[head.end() :].strip()
        return f"**{head[1]}.** {inline(_joined(rest), links)}".rstrip()
    return inline(_joined(whole), links)


def _joined(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n"))


def _literal(text: str, names: Collection[str]) -> str:
    if EQUATION.search(text) and "`" not in text.split("\n")[0]:
        try:
            return _directive("math::", tex(text, names))
        except ValueError:
            pass  # not an equation, or one that TeX cannot be made of: shown as it was typed
    return _directive("code-block:: text", text)


def _directive(head: str, content: str) -> str:
    body = "\n".join(f"   {line}".rstrip() for line in content.split("\n"))
    return f".. {head}\n\n{body}"


def _is_table(block: list[str]) -> bool:
    return bool(ENTRY.match(block[0])) and all(ENTRY.match(line) or _indented(line) for line in block)


def _definitions(block: list[str], links: Mapping[str, str]) -> str:
    found: list[tuple[str, list[str]]] = []
    for line in block:
        entry = None if _indented(line) else ENTRY.match(line)
        if entry:
            found.append((entry["name"], [entry["text"]]))
        else:
            found[-1][1].append(line.strip())
    return "\n".join(f"``{name}``\n   {inline(' '.join(text), links)}" for name, text in found)


def _bullets(block: list[str], links: Mapping[str, str]) -> str:
    items: list[str] = []
    for line in block:
        if BULLET.match(line):
            items.append(line)
        else:
            items[-1] += " " + line.strip()
    return "\n".join(f"* {inline(BULLET.sub('', item), links)}" for item in items)


def inline(text: str, links: Mapping[str, str]) -> str:
    """Prose whose `code` is code or a link, and in which nothing else is markup.

    >>> inline("(time, *shape) of `Cell`s, v_", {"Cell": "rheobase.cells.Cell"})
    '(time, \\\\*shape) of :py:obj:`Cell <rheobase.cells.Cell>`\\\\ s, v\\\\_'
    """
    parts = CODE.split(text)
    for k in range(0, len(parts), 2):
        parts[k] = BOLD.sub(lambda found: f"\0{found[1]}\0", parts[k])
        parts[k] = re.sub(r"([\\*|`])", r"\\\1", parts[k]).replace("\0", "**")
        parts[k] = re.sub(r"_(?=\W|$)", r"\\_", parts[k])
    for k in range(1, len(parts), 2):
        code = parts[k].replace("\n", " ").strip()
        target = links.get(code.removesuffix("()"))
        parts[k] = f":py:obj:`{code} <{target}>`" if target else f"``{code}``"
        if parts[k - 1] and (parts[k - 1][-1].isalnum() or parts[k - 1][-1] in ".="):
            parts[k] = "\\ " + parts[k]
        if parts[k + 1][:1].isalnum() or parts[k + 1][:1] in ("_", "("):
            parts[k] += "\\ "
    return "".join(parts)


def of_object(links: Mapping[str, str]) -> Callable[..., None]:
    """What autodoc calls with each docstring that it has found."""

    def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
        names = {*getattr(obj, "params", ()), *getattr(obj, "states", ()), *getattr(obj, "entries", ())}
        lines[:] = [*to_rst("\n".join(lines), links, names).split("\n"), ""]

    return process


def setup(app: Sphinx) -> dict[str, Any]:
    from reference_pages import links

    app.connect("autodoc-process-docstring", of_object(links()))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
