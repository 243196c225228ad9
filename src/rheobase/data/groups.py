"""Who made each sample: speakers, users, or the official parts that a data set comes in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rheobase.data.encoding.hash_bits import permutation
from rheobase.errors import DataError, ParameterError, nearest


@dataclass(frozen=True, eq=False)
class Groups:
    """A group for each sample of a data set; `kind` is what a group is, "speaker" say.

    **Shapes**: train (n,) and test (m,), int64: positions in `names`.

    **Raises**: DataError for other tensors.

    >>> groups = Groups.of("speaker", np.array(["theo", "anna", "theo"]), np.array(["anna"]))
    >>> groups.names, groups.train.tolist(), groups.test.tolist()
    (('anna', 'theo'), [1, 0, 1], [0])
    """

    kind: str
    names: tuple[str, ...]
    train: Tensor
    test: Tensor

    def __post_init__(self) -> None:
        for part, given in (("train", self.train), ("test", self.test)):
            fits = given.dtype == torch.int64 and given.dim() == 1
            if not fits or (len(given) and not 0 <= int(given.min()) <= int(given.max()) < len(self.names)):
                said = f"groups.{part} of shape {tuple(given.shape)} and dtype {given.dtype}"
                expected = f"int64 of shape (n,), from 0 to {len(self.names) - 1}"
                raise DataError(f"groups by {self.kind}", said, expected, "make them with Groups.of(kind, train, test)")

    @classmethod
    def of(cls, kind: str, train: np.ndarray, test: np.ndarray) -> Groups:
        """Make groups, with sorted names, from the name or number of each sample's group."""
        names, where = np.unique(np.concatenate([train, test]), return_inverse=True)
        place = torch.from_numpy(where.reshape(-1).astype(np.int64))
        return cls(kind, tuple(map(str, names)), place[: len(train)], place[len(train) :])

    def held(self, names: str | Iterable[str]) -> tuple[Tensor, Tensor]:
        """Masks of the training samples (n,) and of the test samples (m,) that belong to these groups.

        **Raises**: ParameterError for a name that no group has.
        """
        asked = (names,) if isinstance(names, str) else tuple(names)
        for name in asked:
            if name not in self.names:
                expected = f"the name of a {self.kind}"
                raise ParameterError(f"groups by {self.kind}", repr(name), expected, nearest(str(name), self.names))
        wanted = torch.tensor([self.names.index(name) for name in asked], dtype=torch.int64)
        return torch.isin(self.train, wanted), torch.isin(self.test, wanted)

    def taken(self, train: Tensor, test: Tensor) -> Groups:
        """The groups of a selection of samples; `train` and `test` index them by position or by mask."""
        return Groups(self.kind, self.names, self.train[train], self.test[test])


def whole_groups(y: Tensor, groups: Tensor, share: float, seed: int) -> Tensor | None:
    """A mask (n,) of samples to hold back: whole groups, about `share` of the samples; None where that cannot be.

    Groups come in an order of the seed. One is passed over where it would leave a class without samples, and once
    something is held, where it would go further beyond the share than what is missing.

    >>> y, groups = torch.tensor([0, 1, 0, 1, 0, 1]), torch.tensor([0, 0, 1, 1, 2, 2])
    >>> int(whole_groups(y, groups, 0.3, seed=0).sum())
    2
    """
    wanted = share * len(y)
    held = torch.zeros(len(y), dtype=torch.bool)
    names = groups.unique()
    classes = y.unique()
    for name in names[permutation(len(names), seed)]:
        more = held | (groups == name)
        missing = wanted - int(held.sum())
        beyond = int(more.sum()) - wanted
        if len(y[~more].unique()) == len(classes) and (not bool(held.any()) or beyond <= missing) and missing > 0:
            held = more
    return held if bool(held.any()) else None
