"""The helper that the rules stand on sees the package as it is."""

from __future__ import annotations

from tests.house.source import PACKAGE, modules, snippet


def test_every_file_is_seen() -> None:
    seen = {module.name for module in modules()}
    assert "src/rheobase/errors.py" in seen
    assert len(seen) == len(list(PACKAGE.rglob("*.py")))


def test_a_folder_is_a_part() -> None:
    core = modules("core")
    assert core
    assert all(module.name.startswith("src/rheobase/core/") for module in core)
    assert len(core) < len(modules())


def test_imports_are_absolute() -> None:
    code = """
        import torch.nn, os as system
        from rheobase.core import param
        from . import lif
        from .. import engine
        from ..engine.llvm.ir import Graph as G
    """
    assert [name for _, name in snippet(code).imports()] == [
        "torch.nn",
        "os",
        "rheobase.core.param",
        "rheobase.neurons.lif",
        "rheobase.engine",
        "rheobase.engine.llvm.ir.Graph",
    ]


def test_relative_imports_of_a_package_start_at_itself() -> None:
    package = snippet("from .lif import LIF", "src/rheobase/neurons/__init__.py")
    assert [name for _, name in package.imports()] == ["rheobase.neurons.lif.LIF"]
