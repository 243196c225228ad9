"""Configurations of Loihi chips on disk: the arrays of all cores, one after another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.array_file import Format, check_kind, notes_of, read, written
from rheobase.chip.loihi.configuration import Configuration, CoreRegisters
from rheobase.chip.loihi.limits import Loihi
from rheobase.errors import DataError, RheobaseError

# of each core: arrays, with their types; those of synapses have (in-axons, compartments), of `sends` (spikes, 3)
SYNAPSES = {"mantissa": np.int16, "delay": np.uint8}
COMPARTMENTS = ("decay_u", "decay_v", "vth_mant", "bias_mant", "refractory", "host")
SCALARS = ("layer", "weight_bits", "weight_exp", "bias_exp", "wait")
FORMAT = Format("rheobase.loihi", "1", "loihi.save", "chip", (*SYNAPSES, *COMPARTMENTS, "sends", "place"))


def save(net: Configuration, path: str | Path, *, notes: Mapping[str, Any] | None = None) -> None:
    """Write a configuration, in one step. `notes`: values of JSON to keep with it (`notes` reads them).

    Raises: `StorageError`; what stood there before is then untouched. `ParameterError` for what is no configuration.

    >>> import tempfile
    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear, Sequential
    >>> layer = Linear(3, 2, bias=False)
    >>> layer.weight.data[:] = 10.0
    >>> net = loihi.programmed(Sequential(loihi.synapses(layer), loihi.Compartment(2)), (3,)).net
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(net, f"{folder}/a.safetensors", notes={"classes": 2})
    ...     load(f"{folder}/a.safetensors"), notes(f"{folder}/a.safetensors")
    (<Loihi: 1 core of 128, 2 compartments, 6 synapses>, {'classes': 2})
    """
    check_kind(net, FORMAT, Configuration)
    arrays: dict[str, NDArray[Any]] = {"place": np.asarray(net.place, np.int64)}
    for name, kind in SYNAPSES.items():
        own = [getattr(core, name) for core in net.cores]
        arrays[name] = _joined([one.ravel() for one in own if one is not None], kind)
    for name in COMPARTMENTS:
        arrays[name] = _joined([getattr(core, name) for core in net.cores], np.int32)
    arrays["sends"] = _joined([core.sends.ravel() for core in net.cores], np.int32)
    each = [
        {name: int(getattr(core, name)) for name in SCALARS}
        | {
            "axons": len(core.mantissa),
            "compartments": core.n,
            "sends": len(core.sends),
            "delayed": core.delay is not None,
        }
        for core in net.cores
    ]
    written(path, FORMAT, arrays, {"limits": vars(net.chip), "cores": each}, notes)


def load(path: str | Path) -> Configuration:
    """Read a configuration that `save` wrote.

    Raises: `DataError` for a file that is missing, truncated, changed, of another format or of another version.

    >>> import tempfile
    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear, Sequential
    >>> layer = Linear(3, 2, bias=False)
    >>> layer.weight.data[:] = 10.0
    >>> net = loihi.programmed(Sequential(loihi.synapses(layer), loihi.Compartment(2)), (3,)).net
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(net, f"{folder}/a.safetensors")
    ...     load(f"{folder}/a.safetensors").n_neurons
    2
    """
    arrays, content = read(path, FORMAT)
    at = dict.fromkeys(arrays, 0)

    def taken(name: str, many: int) -> NDArray[Any]:
        at[name] += many
        found = arrays[name][at[name] - many : at[name]]
        if len(found) < many:
            raise DataError(str(path), f"{name} that ends early", "what its cores need", "save the configuration again")
        return found

    try:
        cores = []
        for one in content["cores"]:
            size = one["axons"], one["compartments"]
            registers: dict[str, Any] = {name: one[name] for name in SCALARS}
            registers |= {name: taken(name, size[1]) for name in COMPARTMENTS}
            registers["mantissa"] = taken("mantissa", size[0] * size[1]).reshape(size)
            registers["delay"] = taken("delay", size[0] * size[1]).reshape(size) if one["delayed"] else None
            registers["sends"] = taken("sends", 3 * one["sends"]).reshape(-1, 3)
            cores.append(CoreRegisters(**registers))
        return Configuration(Loihi(**content["limits"]), tuple(cores), arrays["place"])
    except DataError:
        raise
    except RheobaseError as error:
        raise DataError(str(path), f"{error.obj} with {error.given}", error.expected, error.remedy) from error
    except (KeyError, TypeError, ValueError) as error:
        given, remedy = f"cores that cannot be read ({error!r})", "save the configuration again"
        raise DataError(str(path), given, "those of loihi.save", remedy) from error


def notes(path: str | Path) -> dict[str, Any]:
    """What was kept with a configuration; empty where nothing was. Raises: `DataError`.

    >>> import tempfile
    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear, Sequential
    >>> layer = Linear(3, 2, bias=False)
    >>> layer.weight.data[:] = 10.0
    >>> net = loihi.programmed(Sequential(loihi.synapses(layer), loihi.Compartment(2)), (3,)).net
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(net, f"{folder}/a.safetensors", notes={"classes": 2})
    ...     notes(f"{folder}/a.safetensors")
    {'classes': 2}
    """
    return notes_of(path, FORMAT)


def _joined(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)
