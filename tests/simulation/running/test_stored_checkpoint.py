"""A folder of finished trials that version 0.1.0 left: it still answers, and nothing is drawn again."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from asymptotics.simulation.experiment import Experiment

DATA = Path(__file__).parents[2] / "data"


def script():
    spec = importlib.util.spec_from_file_location("make_checkpoint", DATA / "make_checkpoint.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = script()
STORED = json.loads(SCRIPT.NUMBERS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SCRIPT.SETTINGS)
def test_a_folder_of_version_0_1_0_still_loads(name, tmp_path, monkeypatch):
    folder = tmp_path / "checkpoint"
    shutil.copytree(SCRIPT.FOLDER, folder)
    before = sorted(path.relative_to(folder) for path in folder.rglob("*.block"))
    monkeypatch.setattr(Experiment, "run", lambda *_: pytest.fail("a trial was drawn again"))
    assert SCRIPT.accuracies(name, folder) == STORED[name]
    assert sorted(path.relative_to(folder) for path in folder.rglob("*.block")) == before


def test_without_the_folder_they_are_drawn(tmp_path, monkeypatch):
    """The control: an empty folder answers nothing."""
    monkeypatch.setattr(Experiment, "run", lambda *_: pytest.fail("drawn"))
    with pytest.raises(pytest.fail.Exception, match="drawn"):
        SCRIPT.accuracies("direct", tmp_path)
