"""What the package does without: assert, print, global, names that end in `_`, modules without a word."""

from __future__ import annotations

import ast

import pytest

from tests.house.source import Module, Rule, modules, snippet, violations


def asserts(module: Module) -> list[str]:
    return [
        module.at(node, "a bare assert, which vanishes under -O; raise an error of rheobase.errors")
        for node in module.nodes(ast.Assert)
    ]


def prints(module: Module) -> list[str]:
    if module.name.startswith(("src/rheobase/cli/", "src/rheobase/cli.py")):
        return []
    return [
        module.at(node, "print; only the command line speaks, return the value or log it")
        for node in module.nodes(ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def global_statements(module: Module) -> list[str]:
    return [
        module.at(node, f"global {', '.join(node.names)}; pass the state and return it")
        for node in module.nodes(ast.Global)
    ]


NOTEBOOK = ("_repr_html_", "_repr_png_")  # the names by which notebooks ask


def trailing_underscores(module: Module) -> list[str]:
    return [
        module.at(node, f"{node.name} ends in `_`; nothing here changes its object in place")
        for node in module.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        if node.name.endswith("_") and not node.name.endswith("__") and node.name not in NOTEBOOK
    ]


def no_module_docstring(module: Module) -> list[str]:
    if (ast.get_docstring(module.tree) or "").strip():
        return []
    return [f"{module.name}: no module docstring; say in one sentence what the file is for"]


# reads back what a process of its own wrote
OWN_PICKLES = {"src/rheobase/learning/training/trainer.py"}
LOADERS = {("pickle", "load"), ("pickle", "loads"), ("torch", "load")}


def runs_files(module: Module) -> list[str]:
    """A pickle may run any code: no file of a user is read as one."""
    found = []
    for node in module.nodes(ast.Call):
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and (function.value.id, function.attr) in LOADERS
            and module.name not in OWN_PICKLES
        ):
            found.append(module.at(node, f"{function.value.id}.{function.attr}; read plain arrays and JSON"))
        for given in node.keywords:
            value = given.value.value if isinstance(given.value, ast.Constant) else None
            if (given.arg, value) in {("allow_pickle", True), ("weights_only", False)}:
                found.append(module.at(node, f"{given.arg}={value}; read plain arrays and JSON"))
    return found


# the one place that writes; compiled code, a download, what a child process tells its parent, and a journal, to which
# entries are added one by one, are files of our own
WRITERS = {
    "src/rheobase/files.py",
    "src/rheobase/engine/llvm/compile.py",
    "src/rheobase/data/sets/download.py",
    "src/rheobase/learning/fitting/journal.py",
    "src/rheobase/learning/training/trainer.py",
}
WRITING = {"write_text", "write_bytes", "savetxt", "tofile"}


def writes(module: Module) -> list[str]:
    """Files are written by `rheobase.files`, which keeps what stood there, links and devices."""
    if module.name in WRITERS:
        return []
    found = []
    for node in module.nodes(ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        modes = [
            part.value
            for part in [*node.args, *(k.value for k in node.keywords if k.arg == "mode")]
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        opened = name == "open" and any(set(mode) <= set("rwxab+t") and set(mode) & set("wxa+") for mode in modes)
        os_call = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "os"
        if name in WRITING or opened or (os_call and name in {"replace", "rename", "open"}):
            found.append(module.at(node, f"{name}; write it with rheobase.files.atomic_write"))
    return found


RULES = [asserts, prints, global_statements, trailing_underscores, no_module_docstring, runs_files, writes]

BAD = [
    (asserts, "def f(x):\n    assert x > 0, 'positive'\n"),
    (prints, "def f(x):\n    print(x)\n"),
    (global_statements, "def f():\n    global seen\n    seen = 1\n"),
    (trailing_underscores, "class A:\n    def detach_(self): ...\n"),
    (trailing_underscores, "def f():\n    async def reset_(): ...\n"),
    (no_module_docstring, "from __future__ import annotations\n"),
    (no_module_docstring, "'   '\n"),
    (no_module_docstring, ""),
    (writes, "path.write_text('x')"),
    (writes, "path.write_bytes(b'x')"),
    (writes, "open(path, 'w')"),
    (writes, "path.open('ab')"),
    (writes, "io.open(path, mode='x')"),
    (writes, "os.replace(a, b)"),
    (runs_files, "pickle.load(file)"),
    (runs_files, "torch.load(path)"),
    (runs_files, "read(file, weights_only=False)"),
    (runs_files, "np.load(path, allow_pickle=True)"),
]

GOOD = '''
    """Words: assert, print(x), global."""

    path.open("rb"), open(path), "text".replace("a", "w"), atomic_write(path, b"")
    held = np.load(path, allow_pickle=False), json.load(file), pickle.dumps(held)

    class A:
        def __init__(self) -> None:
            self.print(1)

        def print(self, x: int) -> str:
            """print(x)"""
            return "assert x"
'''


@pytest.mark.parametrize("rule", RULES)
def test_package(rule: Rule) -> None:
    found = violations(rule, modules())
    assert not found, found


@pytest.mark.parametrize(("rule", "code"), BAD)
def test_the_rule_bites(rule: Rule, code: str) -> None:
    assert len(rule(snippet(code))) == 1


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_spares(rule: Rule) -> None:
    assert rule(snippet(GOOD)) == []


@pytest.mark.parametrize("name", ["src/rheobase/cli/show.py", "src/rheobase/cli.py"])
def test_the_command_line_may_print(name: str) -> None:
    assert prints(snippet("print(1)", name)) == []
    assert prints(snippet("print(1)", "src/rheobase/client.py"))
