"""A NIR graph into a folder, and out of it into other forms; a trained network to NIR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

import rheobase
from rheobase import errors, neurons, nn
from rheobase.cli import app
from rheobase.interop import nir
from rheobase.runs import Imported, import_nir


def called(*words: Any) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def said(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), neurons.HardResetLIF(6, dt=1.0, tau_mem=5.0), nn.Linear(6, 2))
    nir.write(net, tmp_path / "net.nir")
    return tmp_path / "net.nir"


def test_a_file_becomes_a_folder_and_another_form(file: Path, tmp_path: Path) -> None:
    done = called("import", file, "--out", tmp_path / "a", "--dt", "0.5", "--json", tmp_path / "a.json")
    assert done.exit_code == 0, done.output
    assert "1: HardResetLIF" in said(done)
    held = Imported.read(tmp_path / "a")
    assert (held.shape, held.network.dt) == ((4,), 0.5)
    assert json.loads((tmp_path / "a.json").read_text())["read"]["dt"] == 0.5
    assert repr(held.network) == repr(nir.read(file, dt=0.5))
    for to in ("nir", "onnx", "torch"):
        out = tmp_path / f"net.{'pt2' if to == 'torch' else to}.out.{'pt2' if to == 'torch' else to}"
        done = called("export", tmp_path / "a", "--to", to, "--out", out)
        assert done.exit_code == 0, done.output
        assert json.loads(out.with_name(f"{out.name}.json").read_text())["tried"]["same"]
    assert torch.equal(nir.read(tmp_path / "net.nir.out.nir")[0].weight, held.network[0].weight)


def test_a_trained_network_is_written_where_its_loss_is_allowed(tmp_path: Path) -> None:
    out = tmp_path / "lif.nir"
    done = called("export", "lif-digits", "--to", "nir", "--out", out)
    assert done.exit_code == 2
    assert 'allow=("soft_reset",)' in said(done)
    assert not out.exists()
    done = called("export", "lif-digits", "--to", "nir", "--allow", "soft_reset", "--out", out)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "lif.nir.json").read_text())
    assert content["tried"]["same"]
    assert content["lost"] == {"soft_reset": nir.LOSSES["soft_reset"]}
    net, model = nir.read(out), rheobase.load("lif-digits")
    x = torch.rand(10, 2, 8, 8)
    assert torch.equal(net(x)[0], model.network(x)[0])


def test_what_is_refused(file: Path, tmp_path: Path) -> None:
    import_nir(file, tmp_path / "a")
    with pytest.raises(errors.ParameterError, match="a, which exists"):
        import_nir(file, tmp_path / "a")
    with pytest.raises(errors.ParameterError, match="did you mean 'euler'"):
        import_nir(file, tmp_path / "b", integrator="eulr")
    with pytest.raises(errors.CheckpointError, match=r"a network of another tool.*Imported"):
        rheobase.load(tmp_path / "a")
    with pytest.raises(errors.ParameterError, match="no losses"):
        Imported.read(tmp_path / "a").export(tmp_path / "x.onnx", to="onnx", allow=("soft_reset",))
    (tmp_path / "a" / "network.nir").write_bytes(file.read_bytes() + b" ")
    with pytest.raises(errors.CheckpointError, match="changed since it was imported"):
        Imported.read(tmp_path / "a")
    (tmp_path / "a" / "imported.json").write_text("{}")
    with pytest.raises(errors.CheckpointError, match="no notes of an import"):
        Imported.read(tmp_path / "a")
    file.write_bytes(file.read_bytes()[:500])
    assert called("import", file, "--out", tmp_path / "c").exit_code == 2
    assert not (tmp_path / "c").exists()


NOTES: dict[str, tuple[dict[str, Any], str]] = {
    "another format": ({"format": "x"}, "no notes of an import"),
    "a later version": ({"version": 2}, "notes of version 2; expected version 1"),
    "no way to read it": ({"read": []}, "no notes of an import"),
    "no dt": ({"read": {}}, "no dt; expected null, or a number > 0"),
    "a dt of text": ({"dt": "1"}, "dt = '1'; expected null, or a number > 0"),
    "a dt of zero": ({"dt": 0}, "dt = 0; expected"),
    "an integrator": ({"integrator": "Magic"}, r"integrator = 'Magic'; expected null, or one of \['exp-euler'"),
    "a list for an integrator": ({"integrator": []}, r"integrator = \[\]"),
    "a reset": ({"reset": {}}, r"reset = \{\}; expected null, or one of \['file'"),
    "a type": ({"double": 1}, "double = 1; expected true or false"),
    "a loss": ({"allow": ["all"]}, r"allow = \['all'\]; expected a list of names"),
    "a shape": ({"shape": [5]}, r"shape = \[5\]; expected \[4\], as the file has it"),
    "a word for a shape": ({"shape": "four"}, "shape = 'four'"),
    "no name": ({"file": None}, "file = None"),
    "another digest": ({"sha256": "0"}, "changed since it was imported"),
}


@pytest.mark.parametrize("name", NOTES)
def test_notes_that_somebody_changed(name: str, file: Path, tmp_path: Path) -> None:
    changes, says = NOTES[name]
    path = import_nir(file, tmp_path / "a").folder / "imported.json"
    notes = json.loads(path.read_text())
    for key, value in changes.items():
        (notes["read"] if key in notes["read"] else notes)[key] = value
    path.write_text(json.dumps(notes))
    with pytest.raises(errors.CheckpointError, match=f"{says}.*import the file again"):
        Imported.read(tmp_path / "a")
