"""Assembly in, machine code out, kept on disk by content: a kernel is compiled once on a machine.

The key is the hash of the assembly, the host's processor, the level, and the versions of LLVM and rheobase. The folder
is `RHEOBASE_CACHE`, or the user's cache folder; a folder that cannot be written costs compile time, nothing else, and
so does a user without a home, who gets one warning.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rheobase import files
from rheobase.version import __version__

LEVEL = 3  # at which LLVM's code generator works; at 0 it takes a fifth of the time, and the code is slow


@dataclass(frozen=True)
class Host:
    """The processor that code is made for."""

    cpu: str
    features: str
    vector_bits: int


@functools.cache
def _binding() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def host() -> Host:
    """This machine's processor, and the widest vectors that it runs at full speed."""
    llvm = _binding()
    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512dq") and features.get("avx512vl"):
        bits = 512
    elif features.get("avx2") and features.get("fma"):
        bits = 256
    else:
        bits = 128
    return Host(llvm.get_host_cpu_name(), features.flatten(), bits)


def cache_folder() -> Path | None:
    """Where compiled kernels are kept; None where the user has no home folder and names none."""
    given = os.environ.get("RHEOBASE_CACHE")
    if not given:
        return files.cache_folder()
    found = os.path.expanduser(given)
    return None if found.startswith("~") else Path(found)


@dataclass(frozen=True)
class Compiled:
    """A kernel in memory. `engine` owns the code and must outlive it."""

    call: Callable[[int], None]
    address: int
    engine: Any


def compile_module(assembly: str) -> Compiled:
    """The function `@kernel` of a module of LLVM assembly, from the cache or compiled now."""
    llvm, machine = _binding(), host()
    path = _place(assembly, llvm, machine)
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=LEVEL, jit=True
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    code = None if path is None else _read(path)
    if code is None:
        code = _object_code(llvm, target, assembly, machine)
        if path is not None:
            _write(path, code)
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address("kernel")
    return Compiled(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address), address, engine)


def _place(assembly: str, llvm: Any, machine: Host) -> Path | None:
    """The file of the code that this library makes of the assembly on this machine; None where nothing is kept."""
    folder = cache_folder()
    if folder is None:
        files.say_uncached()
        return None
    version = ".".join(map(str, llvm.llvm_version_info))
    key = "\n".join((__version__, version, machine.cpu, machine.features, str(LEVEL), assembly))
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()}.o"


def _object_code(llvm: Any, target: Any, assembly: str, machine: Host) -> bytes:
    """What the target makes of the assembly, without LLVM's passes over it.

    The vectors are explicit, common subexpressions and invariants are the graph's own work, and what remains
    (registers, schedules, addresses) is the target's. The passes doubled the time to compile and made no kernel faster.
    """
    attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{machine.vector_bits}" }}'
    module = llvm.parse_assembly(assembly.replace("(ptr %args) {", "(ptr %args) #0 {") + "\n" + attributes + "\n")
    module.verify()
    return target.emit_object(module)


def _read(path: Path) -> bytes | None:
    """The code, if it is there and whole: its last 32 bytes are the hash of the rest."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    code, mark = data[:-32], data[-32:]
    return code if hashlib.sha256(code).digest() == mark else None


def _write(path: Path, code: bytes) -> None:
    """Keep the code under its name; a reader sees all of it or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
    except OSError:
        return  # a read-only home: the kernel is compiled again in the next process
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(code + hashlib.sha256(code).digest())
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
