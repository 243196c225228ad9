"""Units on a cluster of two processes, one of which is killed in the middle."""

from __future__ import annotations

import gc
import json
from collections import Counter
from json import JSONDecodeError

import pytest

from rheobase.errors import ParameterError
from rheobase.jobs import OnDask, Unit, run
from rheobase.jobs import dask as on_dask
from tests.jobs import work

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def test_a_worker_that_is_killed_loses_its_unit_alone(tmp_path):
    log = tmp_path / "log"
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        units = work.units(log, 6, dies=False)
        units[2] = Unit("root-2", work.slow, {"n": 2, "log": str(log), "dies": True}, {"n": 2})
        # asked for first, it has to wait
        first = Unit("after", work.after, {"n": 9, "other": units[1], "folder": tmp_path / "out", "log": log}, {})
        found = {
            one.unit.name: one.result
            for one in run([first, *units], tmp_path / "out", on=OnDask(cluster.scheduler_address))
        }
        with pytest.raises(JSONDecodeError):
            list(run([Unit("bad", json.loads, {"s": "{"})], tmp_path / "out", on=OnDask(cluster.scheduler_address)))
    assert found == {"after": {"root": 10.0}, **{f"root-{n}": {"root": n**0.5} for n in range(6)}}
    assert Counter(work.counted(log)) == Counter({str(n): 1 for n in (*range(6), 9)})


def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(on_dask, "PATIENCE", 0.2)
    with pytest.raises(ParameterError, match="no scheduler answers"):
        list(run(work.units(tmp_path / "log"), tmp_path, on=OnDask("tcp://127.0.0.1:1")))
    with pytest.raises(ParameterError, match="no scheduler answers"):
        list(run(work.units(tmp_path / "log"), tmp_path, on=OnDask("nonsense")))
    # none is left for the garbage collector, which closes it whenever it comes
    clients = [one for one in gc.get_objects() if type(one) is distributed.Client]
    assert all(one.status == "closed" for one in clients)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as empty,
        pytest.raises(ParameterError, match="without workers"),
    ):
        list(run(work.units(tmp_path / "log"), tmp_path, on=OnDask(empty.scheduler_address)))
