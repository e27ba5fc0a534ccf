"""What cannot be meant from Python is one clear line, before anything is simulated."""

import inspect

import numpy as np
import pytest
from places import SHIPPED
from small_answers import SCENARIO

import sim
from sim.python import designs, fleets, money, rare, running, sweeping

QUICKSTART = str(SHIPPED / "quickstart.yaml")
FUNCTIONS = ("run", "size", "stress", "compare", "sweep", "breakeven", "plan", "sensitivity",
             "risk")  # fmt: skip
FLAGS = {"requests", "steps_only", "most_users", "peak", "per_world"}
ODD = (
    object(),
    b"worlds",
    {"a": {1, 2}},
    [object()],
    [[[1]]],
    1 + 2j,
    np.zeros((2, 2)),
    len,
    "",
    -3,
)


class ReachedError(Exception):
    """The work would begin."""


@pytest.fixture
def no_work(monkeypatch):
    def begin(*given, **asked):
        raise ReachedError

    for module in (designs, fleets, money, rare, sweeping):
        monkeypatch.setattr(module, "workplace", begin)
    monkeypatch.setattr(running.montecarlo, "run", begin)


PARAMETERS = [
    (function, name)
    for function in FUNCTIONS
    for name, each in inspect.signature(getattr(sim, function)).parameters.items()
    if each.kind is each.KEYWORD_ONLY and name not in FLAGS and name != "tell"
]


@pytest.mark.parametrize(("function", "name"), PARAMETERS)
def test_an_odd_value_is_refused_in_words_or_taken(function, name, no_work):
    for value in (*ODD, None):
        with pytest.raises((sim.PeakfleetError, ReachedError)) as said:
            getattr(sim, function)(QUICKSTART, **{name: value})
        assert len(str(said.value).splitlines()) <= 1, (name, value)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("source", [5, None, object(), b"x.yaml", [QUICKSTART]])
def test_what_is_no_scenario_is_said(function, source, no_work):
    with pytest.raises(
        sim.PeakfleetError, match=r"^scenario \(.*\) must be a file, a text of YAML"
    ):
        getattr(sim, function)(source)


MISTAKES = {
    "Scenario": (lambda: sim.Scenario(QUICKSTART), "made by sim.Scenario.load"),
    "load": (lambda: sim.Scenario.load(5), "scenario (5) must be a file"),
    "folder": (lambda: sim.Scenario.load(SCENARIO, folder=5), "folder (5) must be a path"),
    "metric": (lambda: sim.run(QUICKSTART, precision="2%", metric=None), "metric (None) must be"),
    "growth": (lambda: sim.stress(QUICKSTART, growth="a,b"), "growth ('a,b') must be a number"),
    "tell": (lambda: sim.run(QUICKSTART, tell="loud"), "tell ('loud') must be something to be"),
    "diff": (lambda: sim.diff(5, 6), "before (5) must be a run's results folder"),
    "no folder": (lambda: sim.diff("", ""), "before ('') must be a run's results folder"),
    "no text": (lambda: sim.Scenario.load(""), "scenario ('') must be a file, a text of YAML"),
    "a blank": (lambda: sim.run("  "), "scenario (' ') must be a file, a text of YAML"),
    "nothing to grow by": (lambda: sim.stress(QUICKSTART, growth=[]), "growth ([]) must be a num"),
    "no volumes": (lambda: sim.breakeven(SCENARIO, volumes=[]), "volumes ([]) must be a number"),
    "no worlds": (lambda: sim.run(QUICKSTART, worlds=0), "worlds (0) must be at least 1"),
    "code": (lambda: sim.Scenario.load(QUICKSTART, allow_code="no"), "allow_code ('no') must be T"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_slip_is_a_line_that_says_what_is_wanted(mistake, no_work):
    call, wanted = MISTAKES[mistake]
    with pytest.raises(sim.PeakfleetError) as said:
        call()
    assert wanted in str(said.value)


FLAGGED = [
    (function, name)
    for function in (*FUNCTIONS, "diff")
    for name, each in inspect.signature(getattr(sim, function)).parameters.items()
    if each.annotation is bool
]


@pytest.mark.parametrize(("function", "name"), FLAGGED)
@pytest.mark.parametrize("value", ["yes", "no", 1, 0.0, None])
def test_what_is_true_or_false_is_nothing_else(function, name, value, no_work):
    with pytest.raises(sim.PeakfleetError, match=rf"^{name} \(.*\) must be True or False$"):
        getattr(sim, function)(QUICKSTART, QUICKSTART, **{name: value})


def test_the_flags_of_numpy_are_taken(no_work):
    with pytest.raises(ReachedError):
        sim.run(QUICKSTART, requests=np.bool_(True))


IN_PYTHON = {
    "a change": (lambda: sim.Scenario.load(QUICKSTART, "worlds=0"), "change 'worlds=0': worlds: 0"),
    "no change": (lambda: sim.Scenario.load(QUICKSTART, "worlds"), "change 'worlds': must be PATH"),
    "with_": (
        lambda: sim.Scenario.load(QUICKSTART).with_(worlds=0),
        "change 'worlds=0': worlds: 0",
    ),
    "a variant": (lambda: sim.compare(QUICKSTART, variants={"a": "b"}), "change 'b': must be PATH"),
    "worlds": (lambda: sim.size(QUICKSTART, worlds=2, jobs=1), "give worlds=83, or ask for probab"),
    "against": (
        lambda: sim.breakeven(SCENARIO, against="x", jobs=1),
        "against (x): no such backend",
    ),
    "volumes": (lambda: sim.breakeven(SCENARIO, volumes="1k", jobs=1), "volumes='1k,10k,100k')"),
}


@pytest.mark.parametrize("mistake", IN_PYTHON)
def test_an_error_speaks_of_arguments_and_changes_and_of_no_option(mistake):
    call, wanted = IN_PYTHON[mistake]
    with pytest.raises(sim.PeakfleetError) as said:
        call()
    assert wanted in str(said.value)
    assert "--" not in str(said.value)


def test_what_a_scenario_warns_of_speaks_of_no_option_either():
    for path in sorted(SHIPPED.glob("*.yaml")):
        for said in sim.Scenario.load(path, allow_code=True).warnings:
            assert " --set" not in said


def test_a_text_stands_for_a_list_of_one_and_for_factors(no_work):
    for call in (
        lambda: sim.stress(QUICKSTART, growth="1,3,10"),
        lambda: sim.sensitivity(QUICKSTART, metrics="cost_usd"),
        lambda: sim.breakeven(SCENARIO, volumes="1k,10k"),
        lambda: sim.plan(QUICKSTART, growth=np.float64(2), budget=np.int64(9)),
    ):
        with pytest.raises(ReachedError):
            call()


def test_two_runs_are_set_against_each_other_in_memory_and_on_disk(tmp_path, capsys):
    one = sim.run(SCENARIO, worlds=3, jobs=1)
    two = sim.run(SCENARIO, {"backends.own.replicas": 1}, worlds=3, jobs=1)
    found = sim.diff(one, two, metrics="gpu_hours")
    assert found.tables["changes"]["path"].tolist() == ["backends.own.replicas"]
    assert "gpu_hours" in set(found.tables["differences"]["metric"])
    stored = [each.save(tmp_path / name) for name, each in (("one", one), ("two", two))]
    again = sim.diff(*stored, metrics=["gpu_hours"])
    assert again.sentence == found.sentence.replace("'before'", "'one'").replace("'after'", "'two'")
    assert sim.__dict__["diff"] is sim.diff
    assert again.save(tmp_path / "diff").joinpath("report.html").is_file()


def test_every_request_is_only_there_where_every_day_is_simulated(no_work):
    year = str(SHIPPED / "year.yaml")
    with pytest.raises(sim.PeakfleetError, match="requests=True keeps every request"):
        sim.run(year, requests=True)
