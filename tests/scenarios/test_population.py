"""``population.yaml``: users who wait for answers, and the same as a concurrency sweep."""

import pytest
from scenario_documents import SHIPPED, written

from sim.montecarlo.run import run
from sim.scenario import load_scenario

ARRIVALS = "workloads.chat.arrivals"


def figures_of(*overrides, worlds=2):
    scenario = load_scenario(SHIPPED / "population.yaml", ["horizon.duration=8min", *overrides])
    sample = run(scenario, worlds=worlds, jobs=1).sample
    return lambda name: float(sample.values(name).mean())


def test_a_hundred_users_ask_about_twice_a_second():
    figure = figures_of()
    rate = figure("requests") / 480
    mean_s = figure("e2e_p50_s")
    assert rate == pytest.approx(100 / (40 + mean_s), rel=0.1)
    assert figure("slo_attainment") > 0.9


def test_a_concurrency_sweep_trades_speed_for_throughput_and_ends_with_its_requests():
    """Each step of concurrency answers more a second in all, and each user more slowly."""
    swept = []
    for users in (1, 4, 16, 64):
        figure = figures_of(
            f"{ARRIVALS}.users={users}", f"{ARRIVALS}.think_time=0", f"{ARRIVALS}.ramp=0",
            f"{ARRIVALS}.requests=100", "horizon.warm_up=0", "horizon.duration=2h",
        )  # fmt: skip
        assert figure("requests") == figure("completed") == 100
        assert figure("drained") == 1.0
        swept.append((100 / figure("makespan_s"), figure("tpot_p50_s")))
    assert swept == sorted(swept)
    assert swept[-1][0] > 5 * swept[0][0]


@pytest.mark.parametrize("think", ["think_time=40s", "think_time=0"])
def test_a_saturated_loop_does_not_fall_behind(think):
    """The users wait, from the first moment on: work piles up to their number, and no further."""
    changes = ["horizon.duration=8min", "horizon.warm_up=0", f"{ARRIVALS}.{think}"]
    changes += [f"{ARRIVALS}.users=900", f"{ARRIVALS}.ramp=0"]
    scenario = load_scenario(SHIPPED / "population.yaml", changes)
    sample = run(scenario, worlds=3, jobs=1).sample
    assert not sample.overloaded().any()
    assert (sample.values("slo_attainment") < 0.5).all()


def test_other_traffic_beyond_capacity_beside_a_loop_does(tmp_path):
    beside = """\
  crowd:
    arrivals: {requests_per_second: 20}
    prompt_tokens: 3000
    output_tokens: 300
backends:
"""
    text = (SHIPPED / "population.yaml").read_text().replace("backends:\n", beside)
    scenario = load_scenario(written(tmp_path, text), ["horizon.duration=8min"])
    assert run(scenario, worlds=2, jobs=1).sample.overloaded().all()
