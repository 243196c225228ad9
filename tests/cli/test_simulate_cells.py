"""`rheobase simulate` of cells of parameter files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import stimuli
from rheobase.cells import Cell, Current, from_allen

SWC = """\
1 1 0 0 0 10 -1
2 1 0 -10 0 10 1
3 1 0 10 0 10 1
4 3 0 10 0 1 1
5 3 0 150 0 1 4
"""
DT = 0.05


def model(sodium: float, axon: str | None = None) -> dict[str, Any]:
    """Parameters as in a file, which may say that the axon is taken away."""
    told = {"axon_morph": [{"delete_axon": ["forsec axonal{delete_section()}"]}]} if axon == "none" else {}
    genome = [
        ("soma", "pas", "g_pas", 1e-4),
        ("soma", "pas", "e_pas", -70.0),
        ("dend", "pas", "g_pas", 1e-4),
        ("dend", "pas", "e_pas", -70.0),
        ("soma", "NaTa_t", "gbar_NaTa_t", sodium),
        ("soma", "Kv3_1", "gbar_Kv3_1", 0.3),
        ("soma", "", "cm", 1.0),
        ("dend", "", "cm", 1.0),
    ]
    names = ("section", "mechanism", "name", "value")
    return {
        **told,
        "passive": [{"ra": 100.0}],
        "conditions": [{"celsius": 34.0, "v_init": -70.0, "erev": [{"section": "soma", "ena": 53.0, "ek": -90.0}]}],
        "genome": [dict(zip(names, each, strict=True)) for each in genome],
    }


def written(axon: str | None = None) -> None:
    """The files of the help's examples, in the folder of the run."""
    for name, sodium in (("fit", 0.4), ("fit_1", 0.2), ("fit_2", 0.6)):
        Path(f"{name}.json").write_text(json.dumps(model(sodium, axon)), "utf-8")
    Path("cell.swc").write_text(SWC, "utf-8")


@pytest.fixture
def files(run: Any) -> tuple[str, str, str]:
    """Two models and a morphology in the folder of the run."""
    for name, sodium in (("weak", 0.2), ("strong", 0.6)):
        Path(f"{name}.json").write_text(json.dumps(model(sodium)), "utf-8")
    Path("cell.swc").write_text(SWC, "utf-8")
    return "weak.json", "strong.json", "cell.swc"


def read(path: str = "a.json") -> Any:
    return json.loads(Path(path).read_text("utf-8"))


def cell(*names: str, **options: Any) -> Cell:
    return from_allen(list(names), "cell.swc", dt=DT, axon="none", **options)


def test_two_files_are_two_traces_of_one_run(run: Any, files: tuple[str, str, str]) -> None:
    words = ("--current", "step:0.2nA:20:80", "--stop", "100", "--dt", DT, "--record", "dend[0](0.9),soma.Kv3_1.m")
    result = run(
        "simulate",
        *files[:2],
        "--morphology",
        files[2],
        "--axon",
        "none",
        *words,
        "--json",
        "a.json",
        "--plot",
        "a.svg",
        "--draw",
        "shape.png",
    )
    assert result.exit_code == 0, result.output
    content = read()
    x = stimuli.step(0.2, start=20.0, stop=80.0).in_steps(2000, DT)[:, None, None].expand(-1, 1, 2).contiguous()
    with torch.no_grad():
        spikes, _, rec = cell(*files[:2])(x, record=("soma", "dend[0](0.9)", "soma.Kv3_1.m"))
    for k, (one, name) in enumerate(zip(content["cells"], ("weak", "strong"), strict=True)):
        assert one["file"] == name
        assert one["spikes"] == int(spikes[:, 0, k].sum()) > 0
        assert one["spike_times"] == [round((int(t) + 1) * DT, 9) for t in spikes[:, 0, k].nonzero()]
        for place in ("soma", "dend[0](0.9)"):
            assert one["traces"][place] == rec[place][:, 0, k].tolist()
        assert one["traces"]["soma.Kv3_1.m"] == rec["soma.Kv3_1.m"][:, :, 0, k].tolist()
        assert one["half_step"]["dt"] == DT / 2
    assert (content["dt"], content["steps"], content["onset"]) == (DT, 2000, 20.0)
    assert "weak" in result.stdout
    assert Path("a.svg").read_text("utf-8").startswith("<?xml")
    assert Path("shape.png").stat().st_size > 1000


def test_a_place_a_threshold_and_a_value_of_ones_own(run: Any, files: tuple[str, str, str]) -> None:
    run(
        "simulate",
        files[0],
        "--morphology",
        files[2],
        "--axon",
        "none",
        "--at",
        "dend[0](0.5)",
        "--threshold",
        "-40mV",
        "--current",
        "300pA",
        "--stop",
        "60",
        "--dt",
        DT,
        "--set",
        "soma.Kv3_1.gbar=0.1",
        "--json",
        "a.json",
        "--onset",
        "5",
    )
    own = cell(files[0], inputs={"current": Current("dend[0]", 0.5)}, threshold=-40.0)
    own.channels["soma"]["Kv3_1"].gbar = 0.1
    x = stimuli.step(0.3, start=5.0).in_steps(1200, DT)[:, None, None]
    spikes, _ = own(x)
    assert read()["cells"][0]["spikes"] == int(spikes.sum()) > 0
    assert read()["onset"] == 5.0


def test_curves_and_rheobases(run: Any, files: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What fires fires from its rheobase on; the picture has both."""
    from rheobase.cells import firing

    for found in (firing.fi_curve, firing.rheobase_current):
        plain = found.__wrapped__  # of the decorator that takes their old keywords
        monkeypatch.setattr(plain, "__kwdefaults__", {**plain.__kwdefaults__, "duration": 100.0})
    result = run(
        "simulate",
        *files[:2],
        "--morphology",
        files[2],
        "--axon",
        "none",
        "--dt",
        DT,
        "--fi",
        "0:300pA:4",
        "--rheobase",
        "--json",
        "a.json",
        "--plot",
        "fi.png",
    )
    assert result.exit_code == 0, result.output
    content = read()
    assert content["fi_currents"] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert content["steps"] is None
    for one in content["cells"]:
        for current, count in zip(content["fi_currents"], one["fi"]["count"], strict=True):
            assert (count > 0) == (current >= one["rheobase"])
    assert "nA" in result.stdout
    assert Path("fi.png").is_file()


def test_features(run: Any, files: tuple[str, str, str]) -> None:
    pytest.importorskip("efel", reason="efel is in rheobase[bio]")
    run(
        "simulate",
        *files[:2],
        "--morphology",
        files[2],
        "--axon",
        "none",
        "--dt",
        DT,
        "--current",
        "step:0.2nA:50:150",
        "--stop",
        "200",
        "--features",
        "spike_count,voltage_base",
        "--json",
        "a.json",
        "--record",
        "soma",
    )
    for one in read()["cells"]:
        assert one["features"]["spike_count"] == one["spikes"] > 0
        # of the last tenth before the stimulus
        before = one["traces"]["soma"][900:1000]
        assert one["features"]["voltage_base"] == pytest.approx(sum(before) / len(before), abs=1e-3)


def test_without_efel_nothing_is_run(refused: Any, files: tuple[str, str, str], monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "efel", None)
    words = ("--axon", "none", "--current", "0.1", "--features", "usual")
    assert "rheobase[bio]" in refused("simulate", files[0], "--morphology", files[2], *words)


HERE = ("weak.json", "--morphology", "cell.swc", "--axon", "none")
WRONG = [
    (("cell",), "--morphology cell.swc"),
    (("weak.json", "--current", "0.1"), "without --morphology"),
    (("weak.json", "--morphology", "cell.swc", "--current", "0.1"), 'axon="stub"'),
    (HERE, "one of them"),
    ((*HERE, "--current", "1mV"), "in nA"),
    ((*HERE, "--current", "step:0.1:50:500", "--stop", "400"), "lasts until 500 ms"),
    ((*HERE, "--current", "step:0.1:500"), "begins at 500 ms"),
    ((*HERE, "--current", "0.1", "--record", "dend[7]"), "known: soma"),
    ((*HERE, "--current", "0.1", "--at", "dend[0](2)"), "0 to 1"),
    ((*HERE, "--current", "0.1", "--at", "(2)"), "--at"),
    ((*HERE, "--current", "0.1", "--set", "soma.NaTa_t.gba=1"), "soma.NaTa_t.gbar"),
    ((*HERE, "--current", "0.1", "--set", "soma.NaTa_t.gbar=1mV"), "S/cm2"),
    ((*HERE, "--current", "0.1", "--input", "a=1"), "--input"),
    ((*HERE, "--current", "0.1", "--integrator", "RK4"), "--integrator"),
    ((*HERE, "--current", "0.1", "--dt", "0"), "--dt"),
    ((*HERE, "--current", "0.1", "--plot", "a.bmp"), ".png"),
    ((*HERE, "--current", "0.1", "--features", "AP1_widht"), "did you mean 'AP1_width'"),
    ((*HERE, "--fi", "0:0.3"), "FROM:TO:COUNT"),
    ((*HERE, "--fi", "0:0.3:4", "--features", "usual"), "without --current"),
    (("none.json", "--morphology", "cell.swc", "--current", "0.1"), "none.json"),
    (("LIF", "--current", "1", "--rheobase"), "--rheobase for LIF"),
    (("LIF", "AdEx", "--current", "1"), "one neuron"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(words[-2:]) for words, _ in WRONG])
def test_what_is_wrong_is_one_clear_line(refused: Any, files: tuple[str, str, str], words: Any, said: str) -> None:
    if "AP1_widht" in words:
        pytest.importorskip("efel", reason="efel is in rheobase[bio]")
    assert said in refused("simulate", *words)


def test_a_cell_that_diverges_is_named(refused: Any, files: tuple[str, str, str]) -> None:
    words = ("--axon", "none", "--dt", DT, "--fi", "0:3e38:2")
    line = refused("simulate", *files[:2], "--morphology", files[2], *words)
    assert "in the order of their files" in line
    assert "cell [0]" in line
    assert "inf mV at" in line or "nan mV at" in line


def test_a_current_in_another_unit_is_told_once(run: Any, files: tuple[str, str, str]) -> None:
    words = (*files[:2], "--morphology", files[2], "--axon", "none", "--dt", DT)
    result = run("simulate", *words, "--current", "step:-20nA:5:15", "--stop", "30", "--json", "a.json")
    assert result.exit_code == 0, result.output
    told = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert "mV at soma[0](0.5) of sample 0, cell [" in told[0]
    assert "] after step 299 (15 ms), and beyond that bound in 1 more" in told[0]
    assert "current reaches -20 nA" in told[0]
    assert read()["cells"][0]["spikes"] >= 0
