"""Build wheel and sdist twice, hold the two builds to each other and their contents to what users should get.

    make package            # or: python release/package.py [--out dist]

The times in the archives are those of SOURCE_DATE_EPOCH, by default of the last commit, so that whoever builds the same
commit gets the same bytes. Needs hatchling, which `rheobase[dev]` has.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST = 3_000_000  # bytes of the wheel; 2.1 million on 2026-11-30


def epoch() -> str:
    """Seconds for SOURCE_DATE_EPOCH: as the environment says, or of the last commit, or of hatchling's own default."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return os.environ["SOURCE_DATE_EPOCH"]
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "1580601600"


def build(source: Path, out: Path, seconds: str) -> dict[str, Path]:
    """Wheel and sdist of a source tree, by kind."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": seconds}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"hatchling failed (pip install hatchling, if it is not there):\n{done.stderr}")
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def faults(built: dict[str, Path]) -> list[str]:
    """What is wrong with the archives."""
    with zipfile.ZipFile(built["wheel"]) as archive:
        inside = archive.namelist()
    found = [f"the wheel holds {name}" for name in inside if not name.startswith(("rheobase/", "rheobase-"))]
    found += [f"the wheel holds a test: {name}" for name in inside if "test_" in Path(name).name or "/tests/" in name]
    found += [
        f"the wheel has no {name}" for name in ("rheobase/py.typed", "rheobase/__init__.py") if name not in inside
    ]
    if not any(name.endswith("licenses/LICENSE") for name in inside):
        found.append("the wheel has no licence")
    size = built["wheel"].stat().st_size
    found += [f"the wheel has {size:,} bytes, more than {MOST:,}"] if size > MOST else []
    with tarfile.open(built["sdist"]) as archive:
        tops = {"/".join(name.split("/")[1:2]) for name in archive.getnames()}
    needed = {"src", "tests", "pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff"}
    return found + [f"the sdist has no {name}" for name in sorted(needed - tops)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where both archives are left (default: dist)")
    out, seconds = parser.parse_args().out, epoch()
    with tempfile.TemporaryDirectory() as folder:
        first = build(ROOT, Path(folder) / "first", seconds)
        # the second from the first sdist, elsewhere, with files written now: none of it may leave a trace
        with tarfile.open(first["sdist"]) as archive:
            archive.extractall(folder, filter="data")
        unpacked = next(path for path in Path(folder).iterdir() if (path / "pyproject.toml").is_file())
        for path in unpacked.rglob("*"):
            path.touch()
        second = build(unpacked, Path(folder) / "second", seconds)
        wrong = faults(first)
        for kind in ("wheel", "sdist"):
            digests = [hashlib.sha256(built[kind].read_bytes()).hexdigest() for built in (first, second)]
            wrong += [f"two builds of the {kind} differ"] if digests[0] != digests[1] else []
            print(f"{kind:6} {first[kind].stat().st_size:>10,} bytes  sha256 {digests[0]}  {first[kind].name}")
        if wrong:
            raise SystemExit("\n".join(wrong))
        out.mkdir(parents=True, exist_ok=True)
        for path in first.values():
            shutil.copyfile(path, out / path.name)
    print(f"built twice, the same bytes, SOURCE_DATE_EPOCH={seconds}; left in {out}")


if __name__ == "__main__":
    main()
