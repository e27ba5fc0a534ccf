"""Users who wait for answers: the keys, what they compile to, and what cannot be meant."""

from dataclasses import replace

import pytest
from scenario_documents import MINIMAL, written

from sim.errors import ScenarioError
from sim.model.closed import ClosedSource, DrawnRequests
from sim.model.distributions import Constant, Exponential
from sim.scenario import load_scenario

ARRIVALS = "workloads.chat.arrivals"
CLOSED = MINIMAL.replace("requests_per_day: 100k", "users: 40, think_time: 30s")


@pytest.fixture
def closed(tmp_path):
    return written(tmp_path, CLOSED)


def source_of(path, *overrides):
    source = load_scenario(path, overrides).typical_design().workloads[0].source
    assert isinstance(source, ClosedSource)
    return source


def problems(path, *overrides):
    """What is wrong, without the names of the overrides."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    return [str(replace(p, file="", line=None))[2:] for p in caught.value.problems]


def test_users_who_wait_compile_to_a_closed_source(closed):
    source = source_of(closed)
    assert (source.users, source.think_s, source.ramp_s) == (40, Constant(30.0), 0.0)
    assert (source.requests, source.pause_s) == (None, 1.0)
    assert isinstance(source.lengths, DrawnRequests)
    assert source.lengths.prompt.distribution == Constant(1000.0)


def test_every_key_of_a_loop_is_compiled(closed):
    source = source_of(
        closed,
        f"{ARRIVALS}.think_time={{exponential: {{mean: 20s}}}}",
        f"{ARRIVALS}.ramp=2min",
        f"{ARRIVALS}.requests=1000",
        f"{ARRIVALS}.pause=250ms",
        f"{ARRIVALS}.users=12.6",
    )
    assert source.users == 13
    assert source.think_s == Exponential(20.0)
    assert (source.ramp_s, source.requests, source.pause_s) == (120.0, 1000, 0.25)


def test_the_number_of_users_may_be_uncertain(closed):
    scenario = load_scenario(closed, [f"{ARRIVALS}.users={{p5: 20, p95: 80}}"])
    (path,) = [one.path for one in scenario.inputs if "users" in one.path]
    others = {one.path: float(one.distribution.mean()) for one in scenario.inputs}
    assert scenario.design({**others, path: 33.4}).workloads[0].source.users == 33


@pytest.mark.parametrize(
    ("overrides", "end", "warm_up"),
    [((), "cut", 1800.0), ((f"{ARRIVALS}.requests=500",), "drained", 0.0)],
)
def test_a_given_number_of_requests_is_waited_for_and_needs_no_warm_up(
    closed, overrides, end, warm_up
):
    horizon = load_scenario(closed, overrides).model.horizon
    assert (horizon.end, horizon.warm_up) == (end, warm_up)


def test_the_resolved_document_gives_the_same_design(closed, tmp_path):
    scenario = load_scenario(closed, [f"{ARRIVALS}.requests=500"])
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            (f"{ARRIVALS}.shape=azure-chat-2024",),
            f"{ARRIVALS}.shape: has no meaning for users who wait for answers (think_time)"
            " (remove it, or give requests_per_user_per_day in place of think_time)",
        ),
        (
            (f"{ARRIVALS}.growth_per_year=2",),
            f"{ARRIVALS}.growth_per_year: has no meaning for users who wait for answers"
            " (think_time) (remove it, or give requests_per_user_per_day in place of think_time)",
        ),
        (
            (f"{ARRIVALS}.requests_per_user_per_day=3",),
            f"{ARRIVALS}.think_time: goes beside requests_per_user_per_day, must be the only one"
            " (remove one)",
        ),
        (
            (f"{ARRIVALS}.requests_per_day=3",),
            f"{ARRIVALS}.users: goes beside requests_per_day, must be the only one (remove one)",
        ),
        (
            (f"{ARRIVALS}.users=null",),
            f"{ARRIVALS}.think_time: has no users beside it (add users)",
        ),
        (
            (f"{ARRIVALS}.think_time=null", f"{ARRIVALS}.requests_per_user_per_day=3",
             f"{ARRIVALS}.ramp=1min"),
            f"{ARRIVALS}.ramp: has no meaning for requests that wait for no answer"
            " (add users and think_time, or remove it)",
        ),
        (
            ("workloads.chat.follow_ups={calls_per_task: 3}",),
            "workloads.chat.follow_ups: cannot be beside a think_time, after which a user asks"
            " again (remove it)",
        ),
        (
            (f"{ARRIVALS}.users=2M",),
            f"{ARRIVALS}.users: must be at most 1,000,000 beside think_time (give"
            " requests_per_user_per_day in place of think_time, which has no such limit)",
        ),
        (
            (f"{ARRIVALS}.users=0",),
            f"{ARRIVALS}.users: 0 must be greater than 0",
        ),
        (
            (f"{ARRIVALS}.think_time=-1s",),
            f"{ARRIVALS}.think_time: '-1s' must be at least 0",
        ),
        (
            ("horizon.days=null", f"{ARRIVALS}.requests=5"),
            "horizon: has no length (add duration, the longest that the requests may take, such as"
            " duration: 1h)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_line(closed, overrides, expected):
    assert expected in problems(closed, *overrides)
