"""A data set in memory: images, labels, and the rule that the test part is never split."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NoReturn, Self, TypeAlias, cast

import torch
from torch import Tensor
from typing_extensions import TypeVar

from rheobase.data.encoding.checks import check_integer, check_seed
from rheobase.data.encoding.hash_bits import permutation
from rheobase.data.events import Events
from rheobase.data.folders.reading import Reading
from rheobase.data.groups import Groups, whole_groups
from rheobase.errors import DataError, ParameterError

_LIMIT_SEED = 0

X = TypeVar("X", bound=Tensor | Events, default=Tensor)
"""What holds the samples: a tensor, or recordings of events."""

Pair: TypeAlias = tuple[X, Tensor]


def stratified(labels: Tensor, count: int, seed: int) -> Tensor:
    """Positions of `count` samples, in rising order, with each class in the proportion of `labels`.

    A class gets its exact share rounded down or up; the total is exact.

    >>> stratified(torch.tensor([0, 0, 1, 1, 1, 1]), 3, seed=0)
    tensor([0, 2, 3])
    """
    product = torch.bincount(labels) * count
    take, rest = product // len(labels), product % len(labels)
    missing = count - int(take.sum())
    take[torch.argsort(rest, descending=True, stable=True)[:missing]] += 1
    order = permutation(len(labels), seed)
    shuffled = labels[order]
    chosen = [order[shuffled == label][:n] for label, n in enumerate(take.tolist())]
    return torch.cat(chosen).sort().values


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Generic[X]):
    """Images and labels, in a training and a test part.

    **Shapes**: x_train (n, *sample) and x_test (m, *sample), float32 in [0, 1]; y_train (n,) and y_test (m,),
    int64, where label k is an example of classes[k]. `groups` says who made each sample, where that is known.

    Of a user's folder, `notes` say in words what was found there and which samples test, and `reading` how its files
    were read, with all that the files themselves said filled in; `digest` recognises the files, and which of them test.

    **Raises**: DataError where the tensors do not fit each other, hold NaN, or leave [0, 1].

    >>> x, y = torch.rand(20, 8, 8), torch.arange(20) % 2
    >>> data = Dataset("toy", x, y, x, y, classes=("even", "odd"))
    >>> data.input_size, data
    (64, Dataset 'toy': 20 training and 20 test samples of shape (8, 8), 2 classes)
    """

    name: str
    x_train: X
    y_train: Tensor
    x_test: X
    y_test: Tensor
    classes: tuple[str, ...]
    groups: Groups | None = field(default=None, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    reading: Reading | None = field(default=None, kw_only=True)
    digest: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            self._check_part(f"x_{part}", getattr(self, f"x_{part}"), f"y_{part}", getattr(self, f"y_{part}"))
        tested, trained = self._shape_of(self.x_test), self._shape_of(self.x_train)
        if tested != trained:
            given, expected = f"x_test with samples of shape {tested}", f"{trained}, as in x_train"
            raise DataError(self._title, given, expected, "bring both parts to one shape")
        if self.groups is not None:
            sizes = (len(self.groups.train), len(self.groups.test))
            if sizes != (len(self.y_train), len(self.y_test)):
                expected = f"{len(self.y_train)} and {len(self.y_test)}: one group per sample"
                raise DataError(self._title, f"groups for {sizes[0]} and {sizes[1]} samples", expected, "give each one")

    @property
    def _title(self) -> str:
        return f"data set {self.name!r}"

    def _check_part(self, x_name: str, x: X, y_name: str, y: Tensor) -> None:
        self._check_samples(x_name, x)
        if y.dtype != torch.int64 or y.dim() != 1:
            given = f"{y_name} of shape {tuple(y.shape)} and dtype {y.dtype}"
            raise DataError(self._title, given, "int64 labels of shape (n,)", "give one class number per sample")
        if len(x) != len(y):
            given = f"{len(x)} images in {x_name} and {len(y)} labels in {y_name}"
            raise DataError(self._title, given, "one label per image", "check that both come from the same files")
        smallest, largest = int(y.min()), int(y.max())
        if smallest < 0 or largest >= len(self.classes):
            given = f"labels of {y_name} from {smallest} to {largest}"
            expected = f"0 to {len(self.classes) - 1}, one for each of the {len(self.classes)} classes"
            raise DataError(self._title, given, expected, "number the classes 0, 1, 2...")

    def _check_samples(self, x_name: str, x: X) -> None:
        if not isinstance(x, Tensor) or x.dtype != torch.float32 or x.dim() < 2 or x.numel() == 0:
            kind = f"shape {tuple(x.shape)} and {x.dtype}" if isinstance(x, Tensor) else f"type {type(x).__name__}"
            expected = "float32 (n, *sample), each axis at least 1"
            raise DataError(self._title, f"{x_name} of {kind}", expected, f"check how {x_name} was made")
        low, high = (value.item() for value in x.aminmax())
        if not (math.isfinite(low) and math.isfinite(high)):
            bad = (~x.isfinite()).flatten(1).any(1)
            first = int(bad.nonzero()[0])
            given = f"NaN or infinity in {int(bad.sum())} images of {x_name}, the first is number {first}"
            raise DataError(self._title, given, "finite pixels in [0, 1]", "drop or repair these images")
        if low < 0 or high > 1:
            given = f"pixels of {x_name} from {low:g} to {high:g}"
            raise DataError(self._title, given, "pixels in [0, 1]", "scale them, or store 8-bit pixels as uint8")

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self._shape_of(self.x_train)

    def _shape_of(self, x: X) -> tuple[int, ...]:
        return tuple(cast(Tensor, x).shape[1:])

    @property
    def input_size(self) -> int:
        """Number of values in one sample."""
        return math.prod(self.sample_shape)

    def split(self, validation: float = 0.1, seed: int = 0) -> tuple[Pair[X], Pair[X]]:
        """Cut the training part into (x, y) to train on and (x, y) to validate on; the test part stays.

        The cut is stratified: the validation part holds round(validation * n) samples with the classes in
        proportion. Where a user's reading, or a `SeriesDataset`, names groups (speaker, subject), whole groups are held
        back instead, of about that share; where none can be without taking all samples of a class, it is cut by class,
        which `held_back` says. Both parts keep the order of the data set. The same seed gives the same cut everywhere.

        **Raises**: ParameterError where `validation` leaves either part empty.

        >>> x, y = torch.rand(20, 8), torch.arange(20) % 2
        >>> train, valid = Dataset("toy", x, y, x, y, classes=("even", "odd")).split(0.2, seed=1)
        >>> len(train[0]), valid[1].tolist()
        (16, [0, 1, 1, 0])
        """
        held, _ = self.held_back(validation, seed)
        return self._some(~held), self._some(held)

    def held_back(self, validation: float = 0.1, seed: int = 0) -> tuple[Tensor, str]:
        """The training samples that `split` holds back, a mask (n,), and in words how they were chosen.

        **Raises**: ParameterError where `validation` leaves either part empty.
        """
        check_seed(self, seed)
        n, by = len(self.y_train), self._validates_by
        count = round(validation * n) if 0 < validation < 1 else 0
        if not 0 < count < n:
            expected = f"a fraction between 0 and 1 that leaves samples on both sides of {n}"
            raise ParameterError(f"split of {self._title}", f"validation={validation!r}", expected, "try 0.1")
        whole = None if by is None else whole_groups(self.y_train, by.train, validation, seed)
        if by is not None and whole is not None:
            names = [by.names[k] for k in by.train[whole].unique().tolist()]
            each = f"{len(names)} of {len(by.train.unique())} by {by.kind}: {', '.join(names[:8])}"
            return whole, f"{int(whole.sum())} of {n} training samples, {each}{', ...' if len(names) > 8 else ''}"
        held = torch.zeros(n, dtype=torch.bool)
        held[stratified(self.y_train, count, seed)] = True
        how = f"{count} of {n} training samples, by class"
        if by is not None:
            how += f"; caution: by no {by.kind}, because without it a class would have no training sample"
        return held, how

    @property
    def _validates_by(self) -> Groups | None:
        """The groups that `split` keeps whole: those that a user's reading names. Published sets are cut by class."""
        return None if self.reading is None else self.groups

    def by_group(self, held: str | Iterable[str]) -> tuple[Pair[X], Pair[X]]:
        """Cut the training part as `split` does, the samples of the groups `held` being those to validate on.

        **Raises**: ParameterError for data without groups, an unknown group, or a cut that leaves a part empty.

        >>> x, y, who = torch.rand(6, 8), torch.arange(6) % 2, torch.arange(6) % 3
        >>> groups = Groups("speaker", ("ann", "bob", "eve"), train=who, test=who)
        >>> data = Dataset("toy", x, y, x, y, ("even", "odd"), groups=groups)
        >>> train, valid = data.by_group("bob")
        >>> len(train[0]), valid[1].tolist()
        (4, [1, 0])
        """
        chosen, _ = self._grouped().held(held)
        if not 0 < int(chosen.sum()) < len(chosen):
            self._refuse_cut(held, f"{int(chosen.sum())} of {len(chosen)} training samples")
        return self._some(~chosen), self._some(chosen)

    def leave_out(self, held: str | Iterable[str]) -> Self:
        """The data set whose test part is all samples of the groups `held`, and whose training part has none of them.

        So one speaker is left out. The test samples of other groups are in neither part.

        **Raises**: ParameterError for data without groups, an unknown group, or a cut that leaves a part empty.

        >>> x, y, who = torch.rand(6, 8), torch.arange(6) % 2, torch.arange(6) % 3
        >>> groups = Groups("speaker", ("ann", "bob", "eve"), train=who, test=who)
        >>> data = Dataset("toy", x, y, x, y, ("even", "odd"), groups=groups)
        >>> data.leave_out("bob")
        Dataset 'toy': 4 training and 4 test samples of shape (8,), 2 classes
        """
        groups = self._grouped()
        seen, tested = groups.held(held)
        if bool(seen.all()) or not int(seen.sum() + tested.sum()):
            self._refuse_cut(
                held, f"{int((~seen).sum())} samples to train on, {int(seen.sum() + tested.sum())} to test"
            )
        return replace(
            self,
            x_train=self.x_train[~seen],
            y_train=self.y_train[~seen],
            x_test=_joined(self.x_train[seen], self.x_test[tested]),
            y_test=torch.cat([self.y_train[seen], self.y_test[tested]]),
            groups=replace(
                groups, train=groups.train[~seen], test=torch.cat([groups.train[seen], groups.test[tested]])
            ),
        )

    def _some(self, of_train: Tensor) -> Pair[X]:
        return cast(X, self.x_train[of_train]), self.y_train[of_train]

    def _grouped(self) -> Groups:
        if self.groups is None:
            remedy = "use split, or make the data set with groups=Groups.of(kind, train, test)"
            raise ParameterError(f"cut of {self._title}", "samples without groups", "a group of each sample", remedy)
        return self.groups

    def _refuse_cut(self, held: str | Iterable[str], leaves: str) -> NoReturn:
        names = self._grouped().names
        given = f"held={held!r}: {leaves}"
        remedy = f"hold other ones of {', '.join(names)}"
        raise ParameterError(f"cut of {self._title}", given, "samples on both sides of the cut", remedy)

    def limited(self, limit: int) -> Self:
        """A smaller data set: at most `limit` training and `limit` test samples, classes in proportion.

        **Raises**: ParameterError where `limit` is not a positive integer.
        """
        check_integer(self._title, "limit", limit, 1, None, "give the number of samples to keep, or None for all")
        parts: dict[str, Any] = {}
        kept: dict[str, Tensor] = {}
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            kept[part] = stratified(y, limit, _LIMIT_SEED) if limit < len(y) else torch.arange(len(y))
            if limit < len(y):
                parts |= {f"x_{part}": x[kept[part]], f"y_{part}": y[kept[part]]}
        if self.groups is not None:
            parts["groups"] = self.groups.taken(**kept)
        return replace(self, **parts)

    def __repr__(self) -> str:
        return (
            f"Dataset {self.name!r}: {len(self.y_train)} training and {len(self.y_test)} test samples "
            f"of shape {self.sample_shape}, {len(self.classes)} classes"
        )


def _joined(first: Any, second: Any) -> Any:
    """The samples of one part, then those of another."""
    return torch.cat([first, second]) if isinstance(first, Tensor) else first + second
