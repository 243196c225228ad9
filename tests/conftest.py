"""What all tests share: a folder for compiled kernels that goes when the tests end, unless one is named."""

from __future__ import annotations

import functools
import gc
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.kinds import KINDS

_CACHE = tempfile.TemporaryDirectory(prefix="rheobase-tests-", ignore_cleanup_errors=True)
os.environ.setdefault("RHEOBASE_CACHE", _CACHE.name)
if "PYTEST_XDIST_WORKER" in os.environ:
    # side by side they would wait for the threads of each other; a test of threads says how many it wants
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# What `--fast` leaves out: what takes long for what it finds while one works.
SLOW = (
    "tests/against", "tests/cells/test_against_neuron", "tests/cells/test_cell", "tests/cells/test_population",
    "tests/cells/test_synapses", "tests/channels/test_channels",
    "tests/chip/test_mixed_signal.py::test_training_for_a_process_is_worth_it", "tests/chip/test_truenorth_parity",
    "tests/chip/test_truenorth_processes", "tests/cli", "tests/contract/test_compile",
    "tests/contract/test_default_integrator", "tests/contract/test_default_step", "tests/contract/test_dtypes",
    "tests/contract/test_long_gradients", "tests/contract/test_memory", "tests/contract/test_noise",
    "tests/contract/test_random_neurons", "tests/contract/test_same_bits", "tests/contract/test_transforms",
    "tests/data/test_load_data.py::test_import_is_light", "tests/data/test_nmnist.py::test_train_from_the_command_line",
    "tests/docs/test_pages", "tests/docs/test_readme.py::test_commands", "tests/docs/test_site",
    "tests/engine/test_kernel_cache", "tests/engine/test_operations", "tests/engine/test_triton",
    "tests/engine/test_types", "tests/engine/test_vector_math", "tests/equivalence", "tests/event_driven",
    "tests/house/test_import_is_light", "tests/house/test_layout.py::test_only_tables_are_laid_out_by_hand",
    "tests/house/test_saved", "tests/interop/nir/test_random_graphs", "tests/interop/test_exports",
    "tests/jobs/test_dask", "tests/learning/test_fit", "tests/learning/test_processes",
    "tests/nn/test_compile", "tests/nn/test_cs_gru", "tests/nn/test_image_networks", "tests/nn/test_spik_gru",
    "tests/operator/test_stand_in", "tests/papers", "tests/plot", "tests/reproduce", "tests/runs",
    "tests/test_files.py::test_standard_output_is_written_into",
)  # fmt: skip

# Whose kernels LLVM makes at once (`plain_code`): their tests ask what is computed, with what the contract tests and
# those of the engine hold to the reference in the code that users run.
PLAIN = (
    "tests/cells/test_cell", "tests/cells/test_synapses", "tests/channels", "tests/equivalence/test_single_spike",
    "tests/nn/test_cs_gru",
)  # fmt: skip
ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="a part of the tests, in some two minutes")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Tests and modules stay until the end: Python need not look through them again and again for what is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `--fast`, a file that is left out is not imported either."""
    left = config.getoption("--fast") and collection_path.relative_to(ROOT).as_posix().startswith(SLOW)
    return left or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fast"):
        left = [item for item in items if not _quick(item)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if _quick(item)]


def _quick(item: pytest.Item) -> bool:
    if item.nodeid.startswith(SLOW):
        return False
    callspec = getattr(item, "callspec", None)
    name = getattr(callspec.params.get("model"), "name", None) if callspec is not None else None
    return name is None or name in KINDS


def pytest_unconfigure() -> None:
    _CACHE.cleanup()


@pytest.fixture(autouse=True, scope="session")
def built_once() -> Iterator[None]:
    """The command line is built once, as in a process of a user: typer's runner would do so for every call, 60 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the system does not know, as in a container that was given only a number."""
    pwd = pytest.importorskip("pwd")

    def unknown(who: object) -> None:
        raise KeyError(who)

    for name in ("HOME", "XDG_CACHE_HOME", "RHEOBASE_CACHE", "RHEOBASE_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    monkeypatch.setattr(sys, "platform", "linux")


@functools.cache
def _plain_kernels() -> Any:
    """Kernels by name, apart from those that others use: a test that wants the usual code does not get these."""
    from rheobase.engine.llvm import compile as compile_llvm
    from rheobase.engine.llvm import launch

    def plain(*which: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compile_llvm, "LEVEL", 0)
            return launch_kernel(*which)

    launch_kernel = launch.kernel.__wrapped__
    return functools.lru_cache(maxsize=1024)(plain)


def _make_plain(patch: pytest.MonkeyPatch) -> None:
    if "RHEOBASE_FUZZ" not in os.environ:
        from rheobase.engine.llvm import launch

        patch.setattr(launch, "kernel", _plain_kernels())


@pytest.fixture
def plain_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kernels, made at once: LLVM takes most of a test's time to choose instructions that are fast.

    For what a kernel computes, and no test of its speed or of the code that users run: of `tests/contract`
    `test_parity.py` (runs of all sizes, single steps), `test_memory.py` (what is written), `test_dtypes.py` and
    `test_same_bits.py` have that, nine kernels of each neuron, and `make fuzz`.
    """
    _make_plain(monkeypatch)


@pytest.fixture(autouse=True, scope="module")
def plain_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """`plain_code` for all of a module, and what it shares, where a kernel is a means to an end: `PLAIN`, `--fast`."""
    with pytest.MonkeyPatch.context() as patch:
        if request.config.getoption("--fast") or request.path.relative_to(ROOT).as_posix().startswith(PLAIN):
            _make_plain(patch)
        yield
