"""What goes to users: the files of the wheel, its size, and extras that are what the code asks for.

`make package` builds wheel and sdist twice, and compares them and their contents with these rules.
"""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.house.source import PACKAGE, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
KINDS = {".py", ".css", ".json", ".safetensors", ".toml", ".typed"}
MOST = 7_000_000  # bytes of the package as it is installed; 4.8 million of them on 2026-11-30
LARGEST = 600_000  # of one file: the weights of a network that comes with the package

# the distribution that an import comes from, where the two have different names
DISTRIBUTIONS = {"neuralop": "neuraloperator", "igor2": "igor2", "sklearn": "scikit-learn", "PIL": "pillow"}
# what tests and the documentation take, and the package itself does not import
NOT_OURS = {"dev", "docs", "oracle"}
# found without an import statement: by torch, by Neo, and by the reader of a format
BY_ANOTHER = {"tensorboard": "torch.utils.tensorboard", "neo": "rheobase.recordings", "dask": "distributed needs it"}
STATEMENT = re.compile(
    r"^ *(?:import|from(?= [\w.]+ import )) ([A-Za-z][\w.]*)(?= import |(?: as \w+)?$)", re.MULTILINE
)


def files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]


def test_the_wheel_holds_the_package_and_no_data_of_tests() -> None:
    strange = [path.relative_to(PACKAGE).as_posix() for path in files() if path.suffix not in KINDS]
    assert not strange, f"{strange}: what is it for, and may it be distributed?"
    tests = [path.relative_to(PACKAGE).as_posix() for path in files() if path.name.startswith(("test_", "conftest"))]
    assert not tests, f"{tests}: tests live in tests/"


def test_it_is_not_large() -> None:
    sizes = {path.relative_to(PACKAGE).as_posix(): path.stat().st_size for path in files()}
    large = {name: size for name, size in sizes.items() if size > LARGEST}
    assert not large, f"{large}: more than {LARGEST} bytes"
    assert sum(sizes.values()) < MOST, f"{sum(sizes.values()):,} bytes"


def asked_for(extra: str) -> set[str]:
    """The distributions of an extra, without versions and without other extras of ours."""
    names = (re.split(r"[\[<>=;! ]", line)[0].lower() for line in EXTRAS[extra])
    return {name for name in names if name != "rheobase"}


@cache
def imported() -> tuple[frozenset[str], frozenset[str]]:
    """The first names of what statements import, and of what stands in a text, as for a late import."""
    said: set[str] = set()
    named: set[str] = set()
    for path in files():
        text = path.read_text(encoding="utf-8") if path.suffix == ".py" else ""
        said |= {name.split(".")[0] for name in STATEMENT.findall(text)}
        named |= {name.split(".")[0] for name in re.findall(r"[\"']([A-Za-z][\w.]*)[\"']", text)}
    return frozenset(said), frozenset(named)


@pytest.mark.parametrize("extra", sorted(set(EXTRAS) - NOT_OURS))
def test_an_extra_is_what_the_code_asks_for(extra: str) -> None:
    there = {DISTRIBUTIONS.get(name, name).lower() for name in set().union(*imported())}
    idle = asked_for(extra) - there - set(BY_ANOTHER)
    assert not idle, f"[{extra}] installs {sorted(idle)}, which nothing imports"


def named_in_remedies() -> set[str]:
    """The extras that errors tell users to install."""
    text = "".join(path.read_text(encoding="utf-8") for path in files() if path.suffix == ".py")
    return {name for listed in re.findall(r"install [\"']?rheobase\[([\w,]+)\]", text) for name in listed.split(",")}


def test_an_error_names_no_extra_that_there_is_not() -> None:
    assert named_in_remedies() <= set(EXTRAS)
    assert len(named_in_remedies()) >= 7


def test_all_extras_of_users_are_in_the_environment_of_developers() -> None:
    """But for those that are heavy: the suite skips with a reason where they are absent."""
    (ours,) = (line for line in EXTRAS["dev"] if line.startswith("rheobase["))
    left_out = set(EXTRAS) - NOT_OURS - set(re.findall(r"\w+", ours))
    assert left_out <= {"operator"}, left_out


def test_the_code_imports_nothing_that_no_list_names() -> None:
    """Every distribution that a function asks for by `import` is a dependency or of an extra, or torch's own."""
    listed = {re.split(r"[\[<>=;! ]", line)[0].lower() for line in PROJECT["dependencies"]}
    listed |= {name for extra in EXTRAS for name in asked_for(extra)}
    ours = {"rheobase", *sys.stdlib_module_names}
    wanted = {DISTRIBUTIONS.get(name, name).lower().replace("_", "-") for name in imported()[0] - ours}
    unknown = wanted - listed
    assert unknown <= {"triton"}, f"{sorted(unknown - {'triton'})}: add them to an extra"


def test_one_version_everywhere() -> None:
    """As a tag would say it: vMAJOR.MINOR.PATCH."""
    said = {
        "version.py": re.findall(r'__version__ = "(.*)"', (PACKAGE / "version.py").read_text(encoding="utf-8")),
        "CITATION.cff": re.findall(
            r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE
        ),
    }
    assert said == {key: [PROJECT["version"]] for key in said}
    assert re.fullmatch(r"\d+\.\d+\.\d+(rc\d+)?", PROJECT["version"])
