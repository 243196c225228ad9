"""Units on a cluster of Dask: any machines that see the folder of the results under the same path."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from rheobase.errors import BackendUnavailable, ParameterError, Unfinished
from rheobase.jobs.unit import Unit, perform
from rheobase.version import __version__

PATIENCE = 30.0  # s, for the scheduler and the first worker


@dataclass(frozen=True)
class OnDask:
    """The workers of a Dask scheduler, `OnDask("tcp://10.0.0.1:8786")`; needs the extra `dask`.

    Workers store results themselves, in the folder of the run, so it must be one that they share. A worker that dies
    loses the unit that it was at, which another one takes over, until Dask gives it up (its setting
    distributed.scheduler.allowed-failures, three times by default).

    Raises, at work: `BackendUnavailable` without the package, `ParameterError` where no scheduler or no worker answers,
    `Unfinished` where workers die at a unit again and again, or the cluster is lost.
    """

    address: str
    remote = True

    def perform(self, units: Sequence[Unit], folder: Path) -> Iterator[Unit]:
        distributed = package(self.address)
        folder, lost = folder.absolute(), (distributed.comm.CommClosedError, asyncio.CancelledError)
        with self._client(distributed) as client:
            try:
                yield from _perform(distributed, client, units, folder)
            except (*lost, distributed.client.FutureCancelledError) as error:
                remedy = "start it again, then give the same command again: what is done is kept"
                raise Unfinished(
                    f"dask {self.address}", "a cluster that went away", "one that stays", remedy
                ) from error

    def _client(self, distributed: ModuleType) -> Any:
        client = distributed.Client.__new__(distributed.Client)
        try:
            client.__init__(self.address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            # closed here, since closing it later, in garbage collection, can deadlock on Dask's lock
            client.__del__()
            given, expected = f"{self.address!r}, where no scheduler answers", "the address of a running Dask scheduler"
            remedy = "start one (dask scheduler) and give what it prints, tcp://10.0.0.1:8786 say"
            raise ParameterError("dask", given, expected, remedy) from error
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            client.close()
            given = f"{self.address!r}, a scheduler without workers"
            raise ParameterError("dask", given, "one worker at least", f"dask worker {self.address}") from error
        return client


def package(owner: str) -> ModuleType:
    """The package `distributed`. Raises `BackendUnavailable` where it is not installed."""
    try:
        import distributed
    except ModuleNotFoundError:
        given, expected = "no dask", "the packages dask and distributed"
        raise BackendUnavailable(f"dask {owner}", given, expected, "pip install 'rheobase[dask]'") from None
    return distributed


def _perform(distributed: ModuleType, client: Any, units: Sequence[Unit], folder: Path) -> Iterator[Unit]:
    at: dict[Any, Unit] = {}
    running = distributed.as_completed(loop=client.loop)

    def submit(unit: Unit) -> None:
        # not pure: a unit that is tried again (after NotYet) reads results that others have stored in between
        future = client.submit(perform, unit, folder, None, __version__, pure=False)
        at[future] = unit
        running.add(future)

    for unit in units:
        submit(unit)
    done: set[str] = set()
    waiting: dict[str, list[Unit]] = defaultdict(list)
    names = {unit.name for unit in units}
    for future in running:
        unit = at.pop(future)
        try:
            other = future.result()
        except distributed.KilledWorker as error:
            remedy = "look at the memory of a worker, then give the same command again: what is done is kept"
            raise Unfinished(f"unit {unit.name}", "workers that died at it", "workers that live", remedy) from error
        if other is None:
            done.add(unit.name)
            for ready in waiting.pop(unit.name, ()):
                submit(ready)
            yield unit
        elif other in done:
            submit(unit)
        elif other in names:
            waiting[other].append(unit)
        else:
            raise Unfinished(f"unit {unit.name}", f"no result of {other}", "one of the units", "name it before")
