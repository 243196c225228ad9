from __future__ import annotations

import sys

import numpy as np
import pytest

from rheobase.errors import BackendUnavailable, CheckpointError, ParameterError, StorageError, Unfinished
from rheobase.jobs import OnDask, Unit, claim, run
from rheobase.jobs.unit import perform
from tests.jobs import work


def test_each_unit_is_done_once_and_its_result_stays(tmp_path):
    log, units = tmp_path / "log", work.units(tmp_path / "log")
    first = list(run(units, tmp_path / "out"))
    again = list(run(units, tmp_path / "out"))
    assert [one.result["root"] for one in first] == [n**0.5 for n in range(4)]
    assert [one.result for one in again] == [one.result for one in first]
    assert [one.stored for one in (*first, *again)] == [False] * 4 + [True] * 4
    assert work.counted(log) == ["0", "1", "2", "3"]


def test_an_interruption_loses_the_unit_at_which_it_is(tmp_path):
    def stop(n):
        raise KeyboardInterrupt

    log, units = tmp_path / "log", work.units(tmp_path / "log")
    with pytest.raises(KeyboardInterrupt):
        list(run([*units[:2], Unit("root-2", stop, {"n": 2}), units[3]], tmp_path))
    assert work.counted(log) == ["0", "1"]
    assert len(list(run(units, tmp_path))) == 4
    assert work.counted(log) == ["0", "1", "2", "3"]


def test_other_facts_make_another_unit_and_fresh_forgets(tmp_path):
    log = tmp_path / "log"
    for n in (1, 2, 2):
        list(run([Unit("u", work.root, {"n": n, "log": str(log)}, {"n": n})], tmp_path))
    assert work.counted(log) == ["1", "2"]
    list(run(work.units(log, 3), tmp_path / "a"))
    list(run(work.units(log, 3), tmp_path / "a", fresh=True))
    assert work.counted(log)[2:] == ["0", "1", "2"] * 2


def test_a_damaged_result_is_named_and_not_used(tmp_path):
    unit = Unit("u", lambda: {"x": np.arange(1000.0)})
    list(run([unit], tmp_path))
    path = tmp_path / "units" / "u.npz"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"u\.npz.*damaged"):
        list(run([unit], tmp_path))
    # what numpy would open, but no unit has written
    np.save(tmp_path / "array.npy", np.zeros(3))
    path.write_bytes((tmp_path / "array.npy").read_bytes())
    with pytest.raises(CheckpointError, match=r"u\.npz: got a damaged file \(one array\)"):
        list(run([unit], tmp_path))
    np.savez(path, facts=np.frombuffer(f'{{"key": "{unit.key}"}}'.encode(), np.uint8))
    with pytest.raises(CheckpointError, match=r"u\.npz.*damaged"):
        list(run([unit], tmp_path))
    path.unlink()
    assert next(iter(run([unit], tmp_path))).result["x"][-1] == 999.0


def test_progress_counts_what_stood_there(tmp_path):
    told = []
    list(run(work.units(tmp_path / "log", 2), tmp_path))
    list(run(work.units(tmp_path / "log", 4), tmp_path, progress=lambda *at: told.append(at)))
    assert told == [(2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_names_name_files(name):
    with pytest.raises(ParameterError, match="can name a file"):
        Unit(name, dict)


def test_a_name_is_given_once(tmp_path):
    with pytest.raises(ParameterError, match="two of the name 'u'"):
        list(run([Unit("u", dict), Unit("u", dict)], tmp_path))


def test_what_comes_too_early_is_told(tmp_path):
    other = Unit("other", dict)
    early = Unit("early", work.after, {"n": 1, "other": other, "folder": tmp_path, "log": tmp_path / "log"}, {})
    with pytest.raises(Unfinished, match="no result of other"):
        list(run([early, other], tmp_path))


def test_a_folder_belongs_to_its_settings(tmp_path):
    assert claim(tmp_path, {"dt": 0.1, "models": ["a"]})
    assert not claim(tmp_path, {"models": ["a"], "dt": 0.1})
    with pytest.raises(ParameterError, match=r"models = \[\"a\", \"b\"\]; expected \[\"a\"\]"):
        claim(tmp_path, {"dt": 0.1, "models": ["a", "b"]})
    with pytest.raises(ParameterError, match="every = 2; expected null"):
        claim(tmp_path, {"dt": 0.1, "models": ["a"], "every": 2})
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"settings\.json: got text that is no JSON.*put that file back"):
        claim(tmp_path, {"dt": 0.1, "models": ["a"]})


def test_a_worker_of_another_machine_or_version(tmp_path):
    unit = work.units(tmp_path / "log")[0]
    with pytest.raises(StorageError, match="every worker sees"):
        perform(unit, tmp_path / "elsewhere")
    with pytest.raises(ParameterError, match=r"on a worker; expected 9\.9"):
        perform(unit, tmp_path, version="9.9")
    perform(unit, tmp_path)
    # what a lost worker has stored is not computed again
    perform(unit, tmp_path)
    assert work.counted(tmp_path / "log") == ["0"]


def test_without_dask_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BackendUnavailable, match=r"rheobase\[dask\]"):
        list(run(work.units(tmp_path / "log"), tmp_path, on=OnDask("tcp://127.0.0.1:1")))
