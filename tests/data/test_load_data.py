from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rheobase.data import NAMES, load
from rheobase.errors import DataError, ParameterError
from tests.house.test_import_is_light import loaded_by


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'mnist'"):
        load("mnits")
    with pytest.raises(ParameterError, match="did you mean 'fashion_mnist'"):
        load("fashion-mnist")
    with pytest.raises(ParameterError) as caught:
        load("xyzzy")
    assert all(name in caught.value.remedy for name in NAMES)


@pytest.mark.parametrize("given", ["data/mine", "mine.npz", "/nowhere/mine", Path("mine")])
def test_a_path_that_is_not_there(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        load(given)


def test_a_folder_in_the_working_directory_is_found_by_its_bare_name(toy_folder, monkeypatch):
    monkeypatch.chdir(toy_folder.parent)
    assert len(load("toy").y_train) == 12


@pytest.mark.parametrize("name", [name for name in NAMES if name != "digits"])
def test_a_folder_that_the_system_cannot_look_at(name):
    with pytest.raises(DataError, match="File name too long"):
        load(name, "a" * 300)


def test_a_path_that_the_system_cannot_look_at():
    with pytest.raises(DataError, match="File name too long"):
        load("a" * 300)


def test_limit():
    data = load("digits", limit=50)
    assert len(data.y_train) == 50 == len(data.y_test)
    with pytest.raises(ParameterError, match="limit"):
        load("digits", limit=0)


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        load("digits")


def test_import_is_light():
    assert loaded_by("import rheobase.data") == loaded_by("import torch")
