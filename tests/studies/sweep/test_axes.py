"""What a sweep is over, and the designs that it makes: told before anything is simulated."""

import math

import pytest

from sim.errors import PeakfleetError
from sim.studies.case import Case
from sim.studies.sweep import candidates, count, read_axes, refuse_too_many
from sim.studies.sweep.axes import Range, short_names
from sim.studies.sweep.designs import settings

SCENARIO = """\
name: Small
horizon: {duration: 10min, warm_up: 0, bin: 5min}
workloads:
  chat:
    arrivals: {requests_per_day: 20k}
    prompt_tokens: 500
    output_tokens: 50
    slo: {ttft_p95: 2s}
    route: own
backends:
  own: {kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2}
  spare: {kind: managed_api, model: gpt-4o, candidate: true}
seed: 5
"""
REPLICAS = "backends.own.replicas"


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "small.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return Case(path)


def test_a_grid_is_every_combination_each_once(case):
    axes = read_axes([f"{REPLICAS}=1,2", "backends.own.router=random,round_robin,least_loaded"])
    found = candidates(case, axes)
    assert len(found) == count(axes) == 6
    assert len({each.label for each in found}) == 6
    for each in found:
        own = each.scenario.document["backends"]["own"]
        assert (str(own["replicas"]), own["router"]) == each.values
        assert each.scenario.document == case.load(settings(axes, each.values)).document


def test_a_latin_hypercube_has_each_part_of_each_axis_once(case):
    axes = read_axes([f"{REPLICAS}=1..8", "horizon.duration=10min..20min"], drawn=True)
    found = candidates(case, axes, 8, seed=3)
    assert sorted(int(each.values[0]) for each in found) == [1, 2, 3, 4, 5, 6, 7, 8]
    minutes = sorted(float(each.values[1].removesuffix("min")) for each in found)
    assert [math.floor((minute - 10.0) / 1.25) for minute in minutes] == list(range(8))
    assert [each.values for each in candidates(case, axes, 8, seed=3)] == [
        each.values for each in found
    ]
    assert {each.values for each in candidates(case, axes, 8, seed=4)} != {
        each.values for each in found
    }


def test_values_of_a_list_have_equal_parts_of_a_hypercube(case):
    axes = read_axes([f"{REPLICAS}=1,2", "horizon.duration=10min..20min"], drawn=True)
    found = candidates(case, axes, 10, seed=1)
    assert sum(each.values[0] == "1" for each in found) == 5


def test_commas_within_brackets_and_quotes_part_nothing():
    (axis,) = read_axes(["a.b={min: 1, max: 4},[1, 2],'x, y',3"])
    assert axis.values == ("{min: 1, max: 4}", "[1, 2]", "'x, y'", "3")


def test_a_range_goes_from_end_to_end_in_its_unit():
    assert Range(1, 3, whole=True).at(0.999) == "3"
    (axis,) = read_axes(["a.b=2.99..5 USD"], drawn=True)
    assert axis.ends() == ("2.99 USD", "5 USD")


def test_names_are_as_short_as_tells_them_apart():
    assert short_names(["a.b.c"]) == ("c",)
    assert short_names(["backends.a.cold_start", "backends.a.cold_start.node"]) == (
        "cold_start",
        "node",
    )


SLIPS = {
    "nothing": ([], "nothing to sweep over"),
    "no value": (["a.b"], "must be PATH=VALUE,VALUE"),
    "empty": (["a.b="], "must be PATH=VALUE,VALUE"),
    "gap": (["a.b=1,,2"], "between two commas is no value"),
    "one value": (["a.b=4"], "one value is no choice; give two or more, or set it by --set a.b=4"),
    "twice": (["a.b=4,5,4"], "4 is there twice"),
    "same path": (["a.b=1,2", "a.b=3,4"], "--over a.b: is there twice; name all its values in one"),
    "within": (["a.b=1,2", "a.b.c=3,4"], "--over a.b.c: lies within a.b, of which"),
    "range": (["a.b=1..4"], "such as --lhs 24; a grid takes values, such as a.b=1,4"),
    "worlds": (["worlds=2,3"], "set it by --worlds"),
    "seed": (["seed=2,3"], "set it by --seed"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_what_cannot_be_meant_is_one_line(slip):
    over, said = SLIPS[slip]
    with pytest.raises(PeakfleetError) as error:
        read_axes(over)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("over", ["a.b=1..x", "a.b=4..1", "a.b=2..2", "a.b=30s..5min"])
def test_a_range_that_is_none_is_refused(over):
    with pytest.raises(PeakfleetError, match=r"--over a\.b="):
        read_axes([over], drawn=True)


def test_an_unknown_key_is_told_once_with_a_near_one(case):
    with pytest.raises(PeakfleetError) as error:
        candidates(case, read_axes(["backends.own.replcas=1,2", "horizon.duration=5min,10min"]))
    (line,) = str(error.value).splitlines()
    assert line.startswith("--over backends.own.replcas=1:")
    assert "did you mean 'replicas'?" in line


def test_a_value_that_cannot_be_is_told_with_its_design(case):
    axes = read_axes([f"{REPLICAS}=2,-1", "backends.own.router=random,round_robin"])
    with pytest.raises(PeakfleetError) as error:
        candidates(case, axes)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"--over {REPLICAS}=-1: {REPLICAS}: -1 must be at least 1")
    assert f"(design {REPLICAS}=-1, backends.own.router=random)" in line


def test_values_that_do_not_go_together_are_told_by_their_design(case):
    axes = read_axes(  # of each value alone there is a scenario that can be
        ["workloads.chat.route=own,spare", "backends.own=null,{kind: managed_api, model: gpt-4o}"]
    )
    with pytest.raises(PeakfleetError, match=r"route=own.*\(design .*backends\.own=null"):
        candidates(case, axes)


@pytest.mark.parametrize("over", ["name=a,b", "backends.spare.ttft=1s,2s"])
def test_a_key_that_moves_no_design_is_refused(case, over):
    with pytest.raises(PeakfleetError, match="no design is moved by it"):
        candidates(case, read_axes([over, f"{REPLICAS}=1,2"]))


def test_too_many_designs_are_told_with_the_time_that_they_would_take():
    with pytest.raises(PeakfleetError) as error:
        refuse_too_many(600, 500, worlds=72, jobs=2, world_s=lambda: 0.5)
    assert "600 designs are more than 500" in str(error.value)
    assert "about 3.0 h on 2 cores" in str(error.value)
    asked = []
    refuse_too_many(500, 500, 72, 2, lambda: asked.append(1) or 0.5)
    assert not asked  # nothing is simulated for that
