"""What a fleet carries over from day to day: entered early enough, or simulated in full."""

import numpy as np
import pytest
from test_world import FIXED, season, season_in

from sim.engine.control.spread import spells
from sim.model.autoscaler import ScalingPolicy
from sim.model.streams import Streams
from sim.montecarlo.fidelity.backlog import HOURS
from sim.montecarlo.fidelity.fate import of_world
from sim.montecarlo.fidelity.memory import LEAST_S, warm_up_s, why_exact
from sim.montecarlo.fidelity.pace import _of_policy_s, pace_s
from sim.montecarlo.fidelity.world import _Days
from sim.montecarlo.replication import replicate

HOUR_S, DAY_S = 3600.0, 86_400.0
ZONES = (
    "zones={names: [a, b], gap: {exponential: {mean: 12d}}, duration: {exponential: {mean: 6h}}}"
)
REPLACED = "backends.large.cold_start=4min"


def autoscaled(rules):
    return season(
        "backends.large.autoscaler="
        f"{{preset: hpa, target_concurrency: 2, sync_period: 20min, scale_down: {rules}}}"
    ).typical_design()


def test_who_takes_replicas_away_slowly_is_entered_earlier():
    assert warm_up_s(season().typical_design()) == LEAST_S
    slow = autoscaled("{policies: [{pods: 1, period: 5h}]}")
    assert warm_up_s(slow) == 11 * HOUR_S  # from three to one, and what is asked before
    assert why_exact(slow) is None


def test_who_never_takes_any_away_is_simulated_in_full():
    ratchet = autoscaled("{select: disabled, policies: [{pods: 1, period: 1min}]}")
    assert pace_s(ratchet.pools[0]) == np.inf
    assert "may only add, or only take away" in why_exact(ratchet)


def test_a_policy_that_changes_nothing_never_gets_there():
    assert _of_policy_s(ScalingPolicy("pods", 0.5), 15.0, 4, 1) == np.inf


@pytest.mark.parametrize(("per_gpu_hour", "in_full"), [("1e-4", True), ("0.01", False)])
def test_what_breaks_rarely_is_not_left_to_a_dozen_days(per_gpu_hour, in_full):
    failures = f"backends.large.failures={{crashes_per_gpu_hour: {per_gpu_hour}, repair: 1h}}"
    why = why_exact(season(*FIXED, REPLACED, failures).typical_design())
    assert (why is not None and "too rare" in why) == in_full


def test_cold_starts_of_half_a_day_are_waited_for():
    assert warm_up_s(season("backends.large.cold_start=10h").typical_design()) == 30 * HOUR_S


def test_a_world_has_the_outages_of_zones_that_the_exact_run_has():
    design = season(*FIXED, REPLACED, ZONES).typical_design()
    zones = of_world(design, Streams(3, 1)).pools[0].failures.zones
    assert zones.gap is None
    own = design.pools[0].failures.zones
    for zone in zones.names:
        drawn = [(a, b) for name, a, b in zones.planned if name == zone]
        span = spells(own.gap, own.duration, Streams(3, 1)(f"zones/{zone}"), -HOUR_S)
        exact = []
        for start, end in span:
            if start >= 200 * DAY_S:
                break
            exact += [(start, end)] if end > -HOUR_S else []
        assert drawn == exact
        assert len(drawn) > 5


def test_outages_of_zones_fall_on_the_days_on_which_they_do():
    # Two zones, each of which is away for a third of a day on every 12th: a replica's time is
    # counted in full, by days in 12 worlds. Their own swings are as wide as what is left out.
    changes = (*FIXED, "backends.large.replicas=2", REPLACED, ZONES)
    found = [replicate(season_in("auto", *changes), 3, world, {}).metrics for world in range(12)]
    exact = [replicate(season_in("exact", *changes), 3, world, {}).metrics for world in range(12)]
    one, other = (np.array([each["ready_replicas_mean"] for each in of]) for of in (found, exact))
    # Of the same worlds, so that what is left is the draw of days: 4 standard errors.
    error = (one - other).std(ddof=1) / np.sqrt(len(one))
    assert abs((one - other).mean()) < 4.0 * error
    assert error < 0.005


def test_a_day_is_entered_when_no_queue_is_left():
    # Ten times the work from Monday to Thursday that there is at the weekend, of which each day
    # leaves some: queues last until Friday, and a Thursday is entered on Monday or before.
    week = [1] * HOURS * 4 + [0.1] * HOURS * 3
    changes = (
        *FIXED,
        "horizon.start=2026-01-05",
        "workloads.chat.arrivals.growth_per_year=1",
        "workloads.chat.arrivals.dispersion=null",
        "workloads.chat.arrivals.events=null",
        f"workloads.chat.arrivals.shape={week}",
        "workloads.chat.arrivals.requests_per_day=21500",
    )
    design = of_world(season_in("auto", *changes).typical_design(), Streams(0, 0))
    least = round(warm_up_s(design) / HOUR_S)
    days, queues = _Days(design, Streams(0, 0))._known()
    for monday in range(7, 190, 7):
        thursday = monday + 3
        assert queues.begins(monday, least) == HOURS * monday - least
        assert queues.begins(thursday, least) <= HOURS * monday + 6
        assert not queues.is_empty(HOURS * thursday, HOURS * thursday)
    assert days.waits[10] > 100 * days.waits[7 + 6] + 1
    assert (days.cost >= days.work).all()
