"""Which files of a folder train and which test: by its own folders, by groups, or by a stratified cut."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from rheobase.data.dataset import stratified
from rheobase.data.encoding.hash_bits import permutation
from rheobase.data.folders.reading import SPLIT_SEED, TEST_SHARE, Reading, option
from rheobase.data.folders.scan import Found
from rheobase.data.groups import Groups
from rheobase.errors import DataError, ParameterError, nearest


def cut(found: Found, reading: Reading) -> tuple[Tensor, str]:
    """A mask of the files that test (files,), and in words how it came about.

    Raises: `ParameterError` for choices that do not fit the folder, `DataError` for classes without training files.
    """
    if found.in_test is not None:
        _refuse_choices(found, reading, {"leave_out", "test_share", "split_seed"}, f"{found.said} say it")
        in_test, how = found.in_test, f"by {found.said}"
    elif reading.leave_out is not None and (found.group is None or reading.group is None):
        expected = "a pattern that gives each file its group, or a column of groups"
        remedy = "--pattern '_(?P<speaker>[a-z]+)_' for files, --columns group=... for tables"
        raise ParameterError("--leave-out", reading.leave_out, expected, remedy)
    elif reading.leave_out is not None:
        _refuse_choices(found, reading, {"test_share", "split_seed"}, "--leave-out says it")
        in_test, how = _of_groups(found, reading, reading.held), f"{reading.group} {', '.join(reading.held)}"
    elif found.group is not None:
        in_test, how = _some_groups(found, reading)
    else:
        in_test, how = _stratified(found, reading)
    _check(found, in_test)
    tested = int(in_test.sum())
    return (
        in_test,
        f"test part: {tested} of {len(in_test)} {found.unit}, {how}{_on_both_sides(found, reading, in_test)}",
    )


def _on_both_sides(found: Found, reading: Reading, in_test: Tensor) -> str:
    """In words, the groups of which some samples train and others test."""
    if found.group is None:
        return ""
    trained, tested = (set(map(str, found.group[in_test.numpy() == part])) for part in (False, True))
    if not (both := sorted(trained & tested)):
        return ""
    shown = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
    kind = reading.group or "group"
    return f"; caution: the same {kind} trains and tests ({shown}), so that the test says nothing of a new {kind}"


def contents(found: Found) -> list[bytes]:
    """The SHA-256 of what is in each file, for `copies` and `digest`: the files are read for it once."""
    sums = list[bytes]()
    for file in found.files:
        with file.open("rb") as content:
            sums.append(hashlib.file_digest(content, "sha256").digest())
    return sums


def copies(found: Found, in_test: Tensor, sums: Sequence[bytes]) -> tuple[str, ...]:
    """A note where files that test have the very content of files that train, by their `contents`."""
    seen: tuple[dict[bytes, str], dict[bytes, str]] = ({}, {})
    for content, name, test in zip(sums, found.names, in_test.tolist(), strict=True):
        seen[test][content] = name
    alike = [f"{seen[1][key]} as {seen[0][key]}" for key in seen[1] if key in seen[0]]
    if not alike:
        return ()
    shown = ", ".join(alike[:3]) + (" ..." if len(alike) > 3 else "")
    return (f"caution: {len(alike)} test files have the content of training files: {shown}",)


def same_samples(x_train: Tensor, y_train: Tensor, x_test: Tensor, y_test: Tensor) -> tuple[str, ...]:
    """A note where samples that test are the very numbers of samples that train.

    >>> x, y = torch.eye(3), torch.tensor([0, 1, 1])
    >>> same_samples(x, y, x[1:2], 1 - y[1:2])
    ('caution: 1 of 1 test samples have the numbers of training samples, 1 of them in another class: 0 as 1',)
    """
    seen = {row.tobytes(): k for k, row in reversed(list(enumerate(x_train.numpy())))}
    alike = [(k, seen[key]) for k, row in enumerate(x_test.numpy()) if (key := row.tobytes()) in seen]
    if not alike:
        return ()
    other = sum(int(y_test[k]) != int(y_train[j]) for k, j in alike)
    told = f", {other} of them in another class" if other else ""
    shown = ", ".join(f"{k} as {j}" for k, j in alike[:3]) + (" ..." if len(alike) > 3 else "")
    return (f"caution: {len(alike)} of {len(x_test)} test samples have the numbers of training samples{told}: {shown}",)


def digest(found: Found, in_test: Tensor, sums: Sequence[bytes]) -> str:
    """Of the files: another one means that other files train or test. It has two parts, A:B.

    A is of their names, sizes and parts, which is all that runs of before wrote; B of their `contents`.
    """
    listed, inside = hashlib.sha256(), hashlib.sha256()
    for file, name, test, content in zip(found.files, found.names, in_test.tolist(), sums, strict=True):
        listed.update(f"{name}\0{file.stat().st_size}\0{test}\n".encode())
        inside.update(content)
    return f"{listed.hexdigest()}:{inside.hexdigest()}"


def groups_of(found: Found, reading: Reading, in_test: Tensor) -> Groups | None:
    """The group of each sample; None where the pattern names none."""
    if found.group is None or reading.group is None:
        return None
    test = in_test.numpy()
    return Groups.of(reading.group, found.group[~test], found.group[test])


def _refuse_choices(found: Found, reading: Reading, names: set[str], why: str) -> None:
    reading.refuse_all(names, str(found.folder), f"which files test, {why}")


def _share(reading: Reading) -> tuple[float, int]:
    share = TEST_SHARE if reading.test_share is None else reading.test_share
    return share, SPLIT_SEED if reading.split_seed is None else reading.split_seed


def _stratified(found: Found, reading: Reading) -> tuple[Tensor, str]:
    share, seed = _share(reading)
    n = len(found.label)
    count = round(share * n)
    if not 0 < count < n:
        raise DataError(
            str(found.folder),
            f"{n} {found.unit}, of which a share of {share:g} is to test",
            "at least one file on each side",
            f"another {option('test_share')}, or folders train and test",
        )
    mask = torch.zeros(n, dtype=torch.bool)
    mask[stratified(found.label, count, seed)] = True
    return mask, f"a share of {share:g} by class, seed {seed} (--test-share, --split-seed; or folders train and test)"


def _some_groups(found: Found, reading: Reading) -> tuple[Tensor, str]:
    share, seed = _share(reading)
    names = sorted(set(map(str, found.group if found.group is not None else ())))
    if len(names) < 2:
        given = f"one {reading.group} alone, {', '.join(names)}"
        raise DataError(str(found.folder), given, "at least two, to train on and to test on", "check --pattern")
    count = min(len(names) - 1, max(1, round(share * len(names))))
    held = sorted(names[k] for k in permutation(len(names), seed)[:count].tolist())
    how = f"{count} of {len(names)} by {reading.group}: {', '.join(held)}; seed {seed} (--leave-out names others)"
    return _of_groups(found, reading, tuple(held)), how


def _of_groups(found: Found, reading: Reading, held: tuple[str, ...]) -> Tensor:
    names = set(map(str, found.group if found.group is not None else ()))
    for name in held:
        if name not in names:
            raise ParameterError("--leave-out", name, f"the name of a {reading.group}", nearest(name, names))
    mask = torch.tensor([str(name) in held for name in (found.group if found.group is not None else ())])
    if bool(mask.all()):
        given = f"every {reading.group}"
        raise ParameterError("--leave-out", given, "some to train on", f"leave out fewer of {', '.join(sorted(names))}")
    return mask


def _check(found: Found, in_test: Tensor) -> None:
    missing = [name for k, name in enumerate(found.classes) if not bool(((found.label == k) & ~in_test).any())]
    if missing:
        given = f"no training file of class {', '.join(missing)}"
        remedy = "give it more files, or another test part"
        raise DataError(str(found.folder), given, "training files of every class", remedy)
