"""Incidents of managed backends: when they are, and what they do to attempts."""

from datetime import datetime

import numpy as np
import pytest

from sim.engine.control.outages import incidents_of
from sim.engine.simulation import simulate
from sim.model.design import Design, Horizon
from sim.model.distributions import Constant, Exponential, LogNormal
from sim.model.managed import ManagedApi, Outages, Pace
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload

DAY_S = 86_400.0


class EverySecond:
    """A request of one token at each full second."""

    def blocks(self, name, streams, start_s, end_s):
        arrival_s = np.arange(np.ceil(start_s), end_s)
        one = np.ones(len(arrival_s), np.int32)
        if len(arrival_s):
            yield RequestBlock(arrival_s, one, one)


def day(outages, ttft_s=0.25):
    api = ManagedApi("api", Pace(Constant(ttft_s), Constant(100.0)), outages=outages)
    return Design(
        "outage",
        Horizon(datetime(2026, 11, 23), DAY_S, 600.0, 3600.0),
        (Workload("chat", EverySecond(), "api", Slo(ttft_s=0.3)),),
        (),
        (api,),
    )


def booked(outages):
    return simulate(day(outages), Streams(3, 0)).ledger.workloads[0]


def test_a_planned_outage_fails_every_attempt_in_its_time_and_none_outside():
    failed = booked(Outages(planned=((7_200.0, 10_800.0),)))["failed"]
    assert failed.tolist() == [0, 0, 3600] + [0] * 21


def test_outages_that_overlap_end_with_the_last():
    failed = booked(Outages(planned=((3_600.0, 5_400.0), (4_500.0, 7_200.0))))["failed"]
    assert failed.tolist() == [0, 3600] + [0] * 22


def test_one_that_began_in_the_warm_up_goes_on():
    # From 0 to 1,800, both included: requests of an instant come before what ends then.
    assert booked(Outages(planned=((-300.0, 1_800.0),)))["failed"][0] == 1_801


def test_a_partial_incident_fails_its_share_and_slows_the_others():
    # The whole day is one incident: gaps of a nanosecond between incidents of a week.
    outages = Outages(Constant(1e-9), Constant(7 * DAY_S), 0.0, 0.3, partial_slowness=2.0)
    workload = booked(outages)
    # Binomial: within 5 standard deviations in all but one of a million runs.
    share = workload["failed"].sum() / workload["requests"].sum()
    assert share == pytest.approx(0.3, abs=5 * (0.21 / DAY_S) ** 0.5)
    assert workload["ttft_s"].sum() / workload["completed"].sum() == pytest.approx(0.5)
    assert workload["slo_met"].sum() == 0


@pytest.mark.parametrize(
    ("gap", "duration"),
    [
        (Exponential(5.6 * DAY_S), LogNormal(np.log(4_500.0), 1.17)),
        (Constant(9_000.0), Constant(1_000.0)),
    ],
    ids=["as measured", "by the clock"],
)
def test_a_day_is_under_an_incident_as_often_as_any_other(gap, duration):
    """Renewal theory: a share of duration / (gap + duration), from the first moment on.

    2,000 days; the moment looked at is noon. A 99.99 % interval of the binomial share.
    """
    outages, days, noon_s = Outages(gap, duration), 2_000, DAY_S / 2
    hits = sum(
        any(each.start_s <= noon_s < each.end_s for each in found)
        for world in range(days)
        if (found := list(incidents_of(outages, "api", Streams(1, world), 0.0, DAY_S)))
    )
    expected = duration.mean() / (gap.mean() + duration.mean())
    assert hits / days == pytest.approx(
        expected, abs=3.9 * (expected * (1 - expected) / days) ** 0.5
    )


def test_full_incidents_are_their_share():
    outages = Outages(Exponential(60.0), Exponential(60.0), full_share=0.1, partial_errors=0.3)
    errors = np.array(
        [each.errors for each in incidents_of(outages, "api", Streams(2, 0), 0.0, 30 * DAY_S)]
    )
    assert set(errors) == {0.3, 1.0}
    assert np.mean(errors == 1.0) == pytest.approx(0.1, abs=4 * (0.09 / len(errors)) ** 0.5)


def test_incidents_of_one_backend_do_not_move_with_another():
    outages = Outages(Exponential(3_600.0), Exponential(600.0))
    one, same, other = (
        list(incidents_of(outages, name, Streams(4, 0), 0.0, DAY_S)) for name in ("a", "a", "b")
    )
    assert one == same
    assert one != other
