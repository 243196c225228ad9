"""What is wrong in an SWC file is told at once, with the lines; what is only odd is read."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from rheobase.cells import Compartments, Morphology
from rheobase.errors import DataError, ParameterError

GOOD = ["1 1 0 0 0 5 -1", "2 3 5 0 0 1 1", "3 3 105 0 0 1 2", "4 3 105 50 0 0.5 3", "5 3 105 -50 0 0.5 3"]


def written(folder: Path, lines: list[str], name: str = "cell.swc") -> Path:
    path = folder / name
    text = "\n".join(lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


def edited(number: int, line: str) -> list[str]:
    return [*GOOD[: number - 1], line, *GOOD[number:]]


BAD = {
    "a circle": (edited(3, "3 3 105 0 0 1 5"), "line 3, line 5: parents in a circle"),
    "its own parent": (edited(3, "3 3 105 0 0 1 3"), "line 3: parents in a circle"),
    "two roots": (edited(3, "3 3 105 0 0 1 -1"), "line 1, line 3: 2 roots"),
    "no root": (edited(1, "1 1 0 0 0 5 2"), "line 1, line 2: parents in a circle"),
    "zero radius": (edited(4, "4 3 105 50 0 0 3"), "line 4: radius 0"),
    "negative radius": (edited(4, "4 3 105 50 0 -2 3"), "line 4: radius -2"),
    "unknown type": (edited(4, "4 9 105 50 0 1 3"), r"line 4: unknown type 9; types=\{9: \"dend\"\}"),
    "missing parent": (edited(4, "4 3 105 50 0 1 33"), "line 4: parent 33 is no point"),
    "a parent of -2": (edited(4, "4 3 105 50 0 1 -2"), "line 4: parent -2 is no point"),
    "id twice": (edited(4, "3 3 105 50 0 1 3"), "line 4: id 3 again"),
    "a word": (edited(4, "4 3 105 fifty 0 1 3"), "line 4: '4 3 105 fifty 0 1 3' is no point"),
    "not finite": (edited(4, "4 3 105 nan 0 1 3"), "line 4: .* is no point: seven finite numbers"),
    "too few": (edited(4, "4 3 105 50 0 1"), "line 4: .* is no point"),
    "commas": (edited(4, "4,3,105,50,0,1,3"), "line 4: .* with spaces between"),
    "half a type": (edited(4, "4 3.5 105 50 0 1 3"), "line 4: an id, type or parent that is not whole"),
    "no soma": (edited(1, "1 3 0 0 0 5 -1"), "no point of type 1, the soma; without_soma=True"),
    "empty": (["# nothing"], "no point in the file"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_defect_is_told_with_its_line(what: str, tmp_path: Path) -> None:
    lines, expected = BAD[what]
    path = written(tmp_path, lines)
    with pytest.raises(DataError, match=expected) as caught:
        Morphology.read(path)
    assert (
        str(caught.value).startswith(f"{path}: got 1 problem")
        or what == "a circle"
        or "2 problems" in str(caught.value)
    )


def test_all_defects_are_told_at_once(tmp_path: Path) -> None:
    lines = [
        "1 1 0 0 0 5 -1",
        "2 7 5 0 0 1 1",
        "3 3 105 0 0 0 2",
        "3 3 105 50 0 1 2",
        "5 3 0 0 0 1 99",
        "6 3 0 0 0 1 -1",
    ]
    with pytest.raises(DataError) as caught:
        Morphology.read(written(tmp_path, lines))
    for told in ("2: unknown type 7", "3: radius 0", "4: id 3 again", "5: parent 99", "1, line 6: 2 roots"):
        assert f"line {told}" in caught.value.given
    assert "6 problems" in caught.value.given


def test_a_line_that_is_no_point_is_not_told_of_again_as_a_missing_parent(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 problem: line 3: .*is no point: seven"):
        Morphology.read(written(tmp_path, edited(3, "3 3 105 0 0 1mm 2")))


ODD = {
    "unsorted": list(reversed(GOOD)),
    "other ids": ["10 1 0 0 0 5 -1", *(f"{line[0]}0{line[1:]}0" for line in GOOD[1:])],
    "comments, blank lines, tabs": ["# a ", "", *[line.replace(" ", "\t") + "  # x" for line in GOOD], "#", " "],
    "more columns": [line + " 17 0.5" for line in GOOD],
    "ids as numbers": [f"{line.split()[0]}.0 {line[2:]}" for line in GOOD],
}


@pytest.mark.parametrize("what", ODD)
def test_odd_files_are_read(what: str, tmp_path: Path) -> None:
    plain = Morphology.read(written(tmp_path, GOOD))
    odd = Morphology.read(written(tmp_path, ODD[what], "odd.swc"))
    assert (
        (odd.xyz == plain.xyz).all() if what != "unsorted" else sorted(odd.xyz.tolist()) == sorted(plain.xyz.tolist())
    )
    ours, theirs = (Compartments.of(each.sections()) for each in (plain, odd))
    np.testing.assert_array_equal(theirs.area, ours.area)
    np.testing.assert_array_equal(theirs.parent, ours.parent)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("comment", ["# \u00b5m", "# \u0085 in an old encoding"])
def test_line_ends_and_old_encodings(end: str, comment: str, tmp_path: Path) -> None:
    path = tmp_path / "cell.swc"
    path.write_bytes(end.join([comment, *GOOD]).encode("latin-1"))
    cell = Morphology.read(path)
    assert cell.line.tolist() == [2, 3, 4, 5, 6]


def test_packed_files(tmp_path: Path) -> None:
    cell = Morphology.read(written(tmp_path, GOOD, "cell.swc.gz"))
    assert repr(cell) == "Morphology(cell.swc.gz: 5 points, soma 1, dend 4)"
    (tmp_path / "cut.swc.gz").write_bytes(gzip.compress(b"1 1 0 0 0 5 -1")[:-6])
    with pytest.raises(DataError, match=r"cut\.swc\.gz: got a file that cannot be read"):
        Morphology.read(tmp_path / "cut.swc.gz")


def test_other_files_and_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        Morphology.read(tmp_path / "cell.swc")
    with pytest.raises(ParameterError, match=r"got file .*a name in .swc or .asc"):
        Morphology.read(tmp_path / "cell.h5")
    path = written(tmp_path, GOOD)
    with pytest.raises(ParameterError, match="did you mean 'dend'"):
        Morphology.read(path, types={5: "dendrite"})
    with pytest.raises(ParameterError, match="numbers other than 1 to 4"):
        Morphology.read(path, types={3: "apic"})
    with pytest.raises(ParameterError, match="types= for a file of Neurolucida"):
        Morphology.read(tmp_path / "cell.asc", types={5: "dend"})


def test_numbers_are_held_in_single_precision(tmp_path: Path) -> None:
    cell = Morphology.read(written(tmp_path, edited(2, "2 3 5.123456789012345 0 0 1 1")))
    assert cell.xyz[1, 0] == np.float32(5.123456789012345)


PIECES = {
    "from the soma on": ["2 3 5 0 0 1 1", "3 3 -5 0 0 1 1", "4 3 9 0 0 1 2", "5 3 -9 0 0 1 3"],
    "further out": ["2 3 5 0 0 1 1", "3 3 7 0 0 1 2", "4 3 -5 0 0 1 1", "5 3 9 0 0 1 3", "6 3 -9 0 0 1 4"],
    "after its end": ["2 3 9 0 0 1 3", "3 3 5 0 0 1 1", "4 3 -5 0 0 1 1", "5 3 -9 0 0 1 4"],
}


@pytest.mark.parametrize("where", PIECES)
def test_a_branch_in_pieces_is_one_section(where: str, tmp_path: Path) -> None:
    sections = Morphology.read(written(tmp_path, [GOOD[0], *PIECES[where]])).sections()
    assert [(each.name, each.length) for each in sections[1:]] == [("dend[0]", 4.0), ("dend[1]", 4.0)]


def test_a_soma_in_pieces_is_one_section(tmp_path: Path) -> None:
    lines = ["1 1 0 0 0 5 -1", "2 1 5 0 0 5 1", "3 3 0 9 0 1 1", "4 3 0 19 0 1 3", "5 1 10 0 0 5 2"]
    soma, dend = Morphology.read(written(tmp_path, lines)).sections()
    assert (soma.length, dend.length, dend.at) == (10, 19, 0)


def test_branches_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """They stand in one piece each, though not depth first: they are numbered as they come, as NEURON does."""
    chain = ["1 1 0 0 0 5 -1", "2 1 5 0 0 5 1", "3 1 10 0 0 5 2"]
    dendrites = [
        "4 3 0 9 0 1 1",
        "5 3 0 19 0 1 4",
        "6 3 10 9 0 1 3",
        "7 3 10 29 0 1 6",
        "8 3 5 9 0 1 2",
        "9 3 5 39 0 1 8",
    ]
    found = Morphology.read(written(tmp_path, chain + dendrites)).sections()
    assert [(each.name, each.at, each.length) for each in found[1:]] == [
        ("dend[0]", 0, 19),
        ("dend[1]", 1, 29),
        ("dend[2]", 0.5, 30),
    ]


def test_points_of_another_kind_begin_a_section(tmp_path: Path) -> None:
    """Where an axon leaves the first point of a dendrite, NEURON would run one into the other."""
    lines = ["1 1 0 0 0 5 -1", "2 1 9 0 0 5 1", "3 3 14 0 0 1 2", "4 2 18 0 0 1 3", "5 2 20 0 0 1 4", "6 3 14 9 0 1 3"]
    sections = {each.name: each for each in Morphology.read(written(tmp_path, lines)).sections()}
    assert sections["axon[0]"].points is not None
    assert sections["axon[0]"].points.tolist() == [[14, 0, 0], [18, 0, 0], [20, 0, 0]]
    assert {each.kind for each in sections.values()} == {"soma", "axon", "dend"}


def test_second_branches_at_the_first_point_of_a_dendrite(tmp_path: Path) -> None:
    """They hang on its beginning; but the second point of a file ends a section of its own, as NEURON has it."""
    lines = ["1 1 0 0 0 5 -1"]
    for k, side in ((2, 1), (6, -1)):
        lines += [
            f"{k} 3 {10 * side} 0 0 1 1",
            f"{k + 1} 3 {20 * side} 0 0 1 {k}",
            f"{k + 2} 3 {10 * side} 10 0 1 {k}",
            f"{k + 3} 3 {10 * side} 20 0 1 {k + 2}",
        ]
    found = Morphology.read(written(tmp_path, lines)).sections()[1:]
    assert [(each.name, each.length, each.parent and each.parent.name, each.at) for each in found] == [
        ("dend[0]", 10, "soma[0]", 0.5),
        ("dend[1]", 10, "dend[0]", 1),
        ("dend[2]", 20, "dend[0]", 1),
        ("dend[3]", 10, "soma[0]", 0.5),
        ("dend[4]", 20, "dend[3]", 0),
    ]


def test_a_section_of_no_length_is_refused(tmp_path: Path) -> None:
    lines = ["1 1 0 0 0 5 -1", *(f"{k} 3 5 0 0 1 {k - 1}" for k in range(2, 6))]
    with pytest.raises(DataError, match="a section of no length, lines 2 to 5"):
        Morphology.read(written(tmp_path, lines)).sections()


def test_thousands_of_points_in_a_row(tmp_path: Path) -> None:
    count = 20_000
    lines = ["1 1 0 0 0 5 -1", *(f"{k} 3 {k} 0 0 1 {k - 1}" for k in range(2, count))]
    cell = Morphology.read(written(tmp_path, lines))
    assert cell.sections()[1].length == count - 3
