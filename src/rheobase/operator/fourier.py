"""The Fourier neural operator over whole stimuli."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from rheobase.checks import is_whole
from rheobase.errors import BackendUnavailable, DTypeError, InputError, ParameterError, ShapeError
from rheobase.operator.codes import Codes, check_amplitudes, checked_names, checked_range
from rheobase.operator.embedding import AMPLITUDE_LEVELS, channels
from rheobase.operator.kept import keep_with_weights
from rheobase.operator.sag import LearnsPotential
from rheobase.operator.samples import Samples

PUBLISHED: dict[str, int] = {"steps": 8583, "modes": 256, "hidden": 24, "layers": 12}


class FourierOperator(LearnsPotential):
    """A Fourier neural operator from a stimulus and a code to the potential of a cell (Ghafourpour et al., 2025).

        v_0 = P(x, t);    v_{l+1} = gelu( W_l v_l + F^-1( R_l F v_l ) + b_l ), then a channel MLP;    y = Q(v_layers)

    x is the stimulus with the embeddings of its amplitude and of the code (`embedding`); P, Q are pointwise MLPs. The
    module is `neuralop.models.FNO` (extra `operator`), with the published sizes by default: 1,803,001 parameters.

    It is a layer over whole sequences, not a neuron: it looks ahead and wraps around at the end of its window, so it
    has no state and takes no chunk, no recurrence, and no window of another length than `steps`.

    codes       the features of a model, their scaling and range, or just their names (not scaled, no range)
    amplitudes  least and largest current in nA that it is trained on, for the check of the range

    Shapes: current (steps, *batch) in nA; code (*batch, features) or (features,); the potential in mV as current.

    Raises: `BackendUnavailable` without neuraloperator; at a call `ShapeError` for another window or code,
    `DTypeError`, `InputError`, `ParameterError` for a state, lengths or a recording, and `OutOfRange` outside what was
    trained, which `check_range=False` turns off.

    Numerics: the embedding is computed in float64 and rounded; its gradient with respect to the current goes through
    the first sample that is not 0. Only frequencies below modes/2 over the window pass the spectral layers (248 Hz as
    published, in single precision whatever the type of the input); what is faster is formed from the embedding by the
    pointwise ones.

    Differs from the paper: in mV in place of V; the rest is the published module.

    Reference: Ghafourpour et al., NOBLE, arXiv 2506.04536 (2025), sec. 3 and 4.1; Li et al., arXiv 2010.08895 (2021).
    """

    def __init__(
        self,
        codes: Codes | Sequence[str],
        *,
        steps: int = PUBLISHED["steps"],
        modes: int = PUBLISHED["modes"],
        hidden: int = PUBLISHED["hidden"],
        layers: int = PUBLISHED["layers"],
        levels: int = AMPLITUDE_LEVELS,
        amplitudes: tuple[float, float] | None = None,
    ):
        super().__init__()
        for name, value, least in (
            ("steps", steps, 2),
            ("modes", modes, 2),
            ("hidden", hidden, 1),
            ("layers", layers, 1),
            ("levels", levels, 0),
        ):
            if not is_whole(value, least):
                expected = f"a whole number of at least {least}"
                raise ParameterError("FourierOperator", f"{name} = {value!r}", expected, f"as published: {PUBLISHED}")
        if modes > steps:
            given = f"modes = {modes} of a window of {steps} steps"
            raise ParameterError("FourierOperator", given, "no more modes than steps", "fewer modes")
        self.codes = codes if isinstance(codes, Codes) else None
        self.features = checked_names("FourierOperator", codes)
        self.steps, self.modes, self.hidden, self.layers, self.levels = steps, modes, hidden, layers, levels
        self.amplitudes = checked_range("FourierOperator", amplitudes)
        self.net: nn.Module = library().FNO(
            n_modes=(modes,),
            in_channels=1 + 2 * levels + 2 * len(self.features),
            out_channels=1,
            hidden_channels=hidden,
            n_layers=layers,
            projection_channel_ratio=4,
        )
        keep_with_weights(self, self.features, self.codes, steps=steps, amplitudes=self.amplitudes)
        self.register_state_dict_post_hook(_tensors_only)

    def forward(
        self, current: Tensor, code: Tensor, state: None = None, *, check_range: bool = True, **other: Any
    ) -> Tensor:
        """The potential over the window, in mV, (steps, *batch)."""
        self._refuse(state, other)
        self._check(current, code)
        if check_range and not torch.compiler.is_compiling():
            if self.amplitudes is not None:
                check_amplitudes(current, self.amplitudes)
            if self.codes is not None:
                self.codes.check(code.detach())
        scaled = code if self.codes is None else self.codes.scaled(code)
        batch = current.shape[1:]
        rows = current.reshape(self.steps, -1).T
        each = scaled.expand(*batch, -1).reshape(len(rows), -1).to(rows.dtype)
        volts: Tensor = self.net(channels(rows, each, self.levels))[:, 0]
        return 1000.0 * volts.T.reshape(current.shape)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Convert complex weights as pairs of real ones: torch would cast them to real numbers in `to(float64)`."""

        def each(t: Tensor) -> Tensor:
            return torch.view_as_complex(fn(torch.view_as_real(t))) if t.is_complex() else fn(t)

        return super()._apply(each, recurse)

    def objective(self, batch: Samples) -> Tensor:
        """What is minimised in training: the relative error of the potential in the norm of order 4, and of its sag
        where `sag_weight` is set."""
        return self.of_potential(self(batch.current, batch.code, check_range=False), batch)

    def _refuse(self, state: Any, other: dict[str, Any]) -> None:
        asked = {"state": state, **other}
        for name, value in asked.items():
            if value is not None:
                raise ParameterError(
                    repr(self),
                    f"{name}",
                    "a whole window: a Fourier operator looks ahead and has no state",
                    "take the causal stand-in (rheobase.operator.StandIn) where time goes on",
                )

    def _check(self, current: Tensor, code: Tensor) -> None:
        parameter = next(self.net.parameters())
        for name, x in (("current", current), ("code", code)):
            if not isinstance(x, Tensor) or x.dtype != parameter.dtype:
                given = f"{name} of {x.dtype if isinstance(x, Tensor) else type(x).__name__}"
                raise DTypeError(repr(self), given, f"a tensor of {parameter.dtype}", "convert it, or the operator")
            if not bool(torch.isfinite(x.detach()).all()):
                raise InputError(repr(self), f"NaN or infinity in {name}", "finite numbers", "look where it comes from")
        if current.dim() < 2 or current.shape[0] != self.steps:
            given = f"current of shape {tuple(current.shape)}"
            remedy = "give the whole window: an operator is bound to the length it was made for, and takes no chunks"
            raise ShapeError(repr(self), given, f"({self.steps}, *batch)", remedy)
        expected = (*current.shape[1:], len(self.features))
        ends = zip(reversed(code.shape), reversed(expected), strict=False)
        if not 1 <= code.dim() <= len(expected) or any(n not in (1, m) for n, m in ends):
            given = f"code of shape {tuple(code.shape)}"
            raise ShapeError(repr(self), given, f"{expected}", f"in this order: {', '.join(self.features)}")

    def extra_repr(self) -> str:
        return (
            f"{list(self.features)}, steps={self.steps}, modes={self.modes}, hidden={self.hidden}, layers={self.layers}"
        )

    def __repr__(self) -> str:
        return f"FourierOperator({self.extra_repr()})"


def _tensors_only(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    """Leave out what the library puts beside its tensors: the arguments that it was made with."""
    state.pop("_metadata", None)


def library() -> Any:
    """`neuralop.models.fno`, imported when the first operator is made. Raises: `BackendUnavailable`."""
    try:
        with warnings.catch_warnings():
            # it asks for a setting of the whole process when it is imported
            warnings.simplefilter("ignore")
            return importlib.import_module("neuralop.models.fno")
    except ImportError as error:
        given = f"no neuraloperator ({error})"
        remedy = "pip install rheobase[operator]"
        raise BackendUnavailable("FourierOperator", given, "the package neuraloperator", remedy) from error


__all__ = ["PUBLISHED", "FourierOperator", "library"]
