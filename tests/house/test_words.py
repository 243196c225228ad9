"""Nothing in the project names the machine it was written on, or an address that a package came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT

# Written so that no pattern finds itself.
FORBIDDEN = {
    "an absolute path of somebody's machine": re.compile(rb"(?<![\w.~])/(?:work|home|root|Users)/"),
    "the address of a package index": re.compile(
        rb"pypi\.org|pythonhosted\.org|download\.pytorch\.org|registry\.npmjs|conda\.anaconda\.org"
    ),
}

# Made by tools, not part of the project.
GENERATED = {"__pycache__", "build", "dist", "htmlcov", "lightning_logs", "runs", "site", "work"}


def project_files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith(".") and path.name not in {".ci", ".gitignore"}
        if hidden or path.name in GENERATED or path.suffix in {".egg-info", ".log"}:
            continue
        if path.is_dir():
            yield from project_files(path)
        else:
            yield path


def misplaced(name: str, content: bytes) -> list[str]:
    return [
        f"{name}:{number}: {what}: {match.group().decode()}"
        for what, pattern in FORBIDDEN.items()
        for number, line in enumerate(content.splitlines(), start=1)
        if (match := pattern.search(line))
    ]


def test_project() -> None:
    files = list(project_files())
    assert {"pyproject.toml", "Makefile", "errors.py", "run"} <= {file.name for file in files}
    found = [line for file in files for line in misplaced(str(file.relative_to(ROOT)), file.read_bytes())]
    assert not found, "\n".join(found)


BAD = [
    "/".join(["data = '", "work", "mnist'"]),
    "/".join(["", "home", "ada", "rheobase"]),
    "/".join(['"', "root", '.cache"']),
    "/".join(["file://", "", "Users", "ada"]),
    "https://" + ".".join(["pypi", "org"]) + "/simple",
    "--index-url https://" + ".".join(["download", "pytorch", "org"]) + "/whl/cpu",
]


@pytest.mark.parametrize("text", BAD)
def test_the_rule_bites(text: str) -> None:
    (found,) = misplaced("x.md", f"fine\n{text}\n".encode())
    assert found.startswith("x.md:2: ")


@pytest.mark.parametrize("text", ["network/home/page", "https://example.com/home/", "../work/x", "pypi"])
def test_the_rule_spares(text: str) -> None:
    assert misplaced("x.md", text.encode()) == []
