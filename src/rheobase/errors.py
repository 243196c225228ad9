"""One hierarchy of errors. Each names the object, what was given, what was expected and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RheobaseError(Exception):
    """Base of every error that rheobase raises on purpose.

    >>> raise ShapeError("LIF(512)", "shape (100, 512)", "(time, batch, 512)", "add a batch axis")
    Traceback (most recent call last):
        ...
    rheobase.errors.ShapeError: LIF(512): got shape (100, 512); expected (time, batch, 512). Remedy: add a batch axis.
    """

    def __init__(self, obj: str, given: str, expected: str, remedy: str):
        self.obj, self.given, self.expected, self.remedy = obj, given, expected, remedy
        super().__init__(f"{_in_a_line(obj)}: got {given}; expected {expected}. Remedy: {remedy}.")

    def __reduce__(self) -> tuple[type[RheobaseError], tuple[str, str, str, str]]:
        return type(self), (self.obj, self.given, self.expected, self.remedy)


def _in_a_line(obj: str) -> str:
    """A layer of layers, whose repr has a line for each, without these.

    >>> _in_a_line("SynapticDelay(\\n  12, 2\\n  (positions): Positions(\\n    (12, 2), taps=32\\n  )\\n)")
    'SynapticDelay(12, 2)'
    """
    head, *lines = obj.splitlines() or [obj]
    if not lines or not head.endswith("(") or lines[-1] != ")":
        return obj
    own = [line.strip() for line in lines[:-1] if line[:2] == "  " and line[2:3] not in (" ", "(", ")")]
    return f"{head}{' '.join(own)})"


class DeclarationError(RheobaseError, TypeError):
    """A neuron, parameter or state is declared in a way that has no meaning."""


class ParameterError(RheobaseError, ValueError):
    """A parameter, option or argument has a value outside what is allowed, or does not exist."""


class ShapeError(RheobaseError, ValueError):
    """A tensor has the wrong rank or size."""


class StateError(RheobaseError, ValueError):
    """A state does not belong to this neuron, batch, dtype or device."""


class DTypeError(RheobaseError, TypeError):
    """A tensor has a type that the object does not compute in."""


class DeviceError(RheobaseError, ValueError):
    """Tensors that must live together live on different devices."""


class InputError(RheobaseError, ValueError):
    """Values that no neuron can take: NaN or infinity."""


class Diverged(RheobaseError, ArithmeticError):
    """A state of a neuron, a loss or a gradient became NaN or infinite; the message says which, and where."""


class UnitError(RheobaseError, ValueError):
    """An equation or argument whose units do not agree."""


class BackendUnavailable(RheobaseError, RuntimeError):
    """A backend was asked for by name and cannot run; the message says why."""


class NotDifferentiable(RheobaseError, RuntimeError):
    """A derivative was asked for that the engine does not provide."""


class DataError(RheobaseError, ValueError):
    """A data file is missing, corrupt or of another format."""


class CheckpointError(RheobaseError, ValueError):
    """A checkpoint is missing, corrupt, or belongs to another run."""


class StorageError(RheobaseError, OSError):
    """A file could not be written; what stood there before is untouched."""


class NotRepresentable(RheobaseError, ValueError):
    """A model cannot be represented exactly in the target form."""


class OutOfRange(RheobaseError, ValueError):
    """An input or code lies outside what an approximation was made for."""


class ImplausibleWarning(UserWarning):
    """A result is a number that no neuron has; mostly a unit is another one than was meant. The message says where.

    >>> import warnings
    >>> warnings.simplefilter("error", ImplausibleWarning)  # such a run then ends
    >>> warnings.simplefilter("default", ImplausibleWarning)
    """


class Unfinished(RheobaseError, RuntimeError):
    """A computation reached the limit that was set for it; `so_far` holds its result up to then."""

    so_far: object = None


def nearest(name: str, known: Iterable[str]) -> str:
    """The remedy for a misspelt name: the nearest known one, and the list.

    >>> nearest("tau_men", ["tau_mem", "v_leak"])
    "did you mean 'tau_mem'? Known: tau_mem, v_leak"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    listed = "Known: " + ", ".join(names) if names else "there is none"
    return f"did you mean '{close[0]}'? {listed}" if close else listed
