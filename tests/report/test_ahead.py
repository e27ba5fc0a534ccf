"""What draws pictures is loaded while worlds are simulated, and never in the way."""

import time

import pytest

from sim.report import ahead


@pytest.fixture
def loads(monkeypatch):
    """Names of modules that were loaded ahead."""
    names = []

    class Module:
        @staticmethod
        def lay_out_nothing():
            names.append("laid out")

    def load(name):
        names.append(name)
        if name == "missing":
            raise ImportError(name)
        return Module

    monkeypatch.setattr(ahead, "import_module", load)
    return names


def test_what_ends_at_once_is_not_held_up_by_pictures(loads):
    with ahead.loaded_ahead("charts"):
        pass
    assert loads == []


def test_what_takes_longer_has_pictures_loaded_when_it_ends(loads, monkeypatch):
    monkeypatch.setattr(ahead, "AFTER_S", 0.0)
    with ahead.loaded_ahead("charts"):
        while not loads:
            time.sleep(0.001)
    assert loads == ["charts", ahead.DRAWS, "laid out"]


def test_nothing_is_loaded_where_nobody_waits(loads, monkeypatch):
    monkeypatch.setattr(ahead, "AFTER_S", 0.0)
    with ahead.loaded_ahead("charts", wanted=False):
        pass
    assert loads == []


def test_a_problem_is_left_to_who_draws(loads, monkeypatch):
    monkeypatch.setattr(ahead, "AFTER_S", 0.0)
    with pytest.raises(KeyError), ahead.loaded_ahead("missing"):
        while not loads:
            time.sleep(0.001)
        raise KeyError
    assert loads == ["missing"]
