"""Batches with a deadline: who met it, when the last answer came, and who went before them.

Every request takes ten steps of a second, one at a time on the only replica, so that the k-th of a
batch that comes at once is answered after 10 k seconds.
"""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from bookings import design, workload
from fleets import pool, profile
from given_requests import GivenRequests

from sim.engine.simulation import simulate
from sim.model.design import Horizon
from sim.model.gateway import Gateway
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo
from sim.montecarlo.deadline import spread
from sim.montecarlo.metrics import metrics

EACH_S = 10.0
DOCUMENTS = 100
DEADLINE_S = 605.0


def asking(name, arrival_s, **traits):
    prompt = np.ones(len(arrival_s), np.int32)
    block = RequestBlock(np.array(arrival_s), prompt, np.full(len(arrival_s), 10, np.int32))
    return replace(workload(name, "pool"), source=GivenRequests(block, size=1000), **traits)


def documents(deadline_s=DEADLINE_S):
    slo = Slo(e2e_s=deadline_s, attainment=0.99)
    return asking("documents", [0.0] * DOCUMENTS, slo=slo, priority=1, has_deadline=True)


def simulated(workloads, duration_s=3_600.0, end_limit_s=0.0):
    """One replica of one request at a time behind a queue."""
    one = pool(profile(max_num_seqs=1), gateway=Gateway(replica_limit=1.0))
    when = Horizon(datetime(2026, 11, 23), duration_s, 0.0, 60.0, end_limit_s)
    what = design(workloads, [one], when=when)
    outcome = simulate(what, Streams(1, 0), record_requests=True)
    return outcome, metrics(outcome, outcome.lived(what))


def of(figures, name, workload="documents"):
    return figures[f"workloads.{workload}.{name}"]


def test_those_whose_turn_comes_before_the_deadline_meet_it():
    """The first 60 of 100 are answered within 605 s, the last after 1,000 s."""
    outcome, figures = simulated([documents()])
    log = outcome.requests
    np.testing.assert_allclose(np.sort(log.finish_s), EACH_S * np.arange(1, DOCUMENTS + 1))
    assert of(figures, "deadline_met_share") == pytest.approx(60 / 100)
    assert of(figures, "makespan_s") == 1_020.0  # the end of its minute


def test_interactive_requests_go_before_a_batch_and_wait_for_one_of_it_at_most():
    """Twenty of them, far apart: each delays the batch by its ten seconds and no more."""
    chats_s = [15.0 + 45.0 * k for k in range(20)]
    outcome, figures = simulated([asking("chat", chats_s), documents()])
    log = outcome.requests
    chat = log[log.workload == 0]
    assert (chat.finish_s - chat.arrival_s <= 2 * EACH_S).all()
    assert of(figures, "makespan_s") == 1_200.0
    # The chat has some of the 60 turns before the deadline.
    met = (log.finish_s[log.workload == 1] <= DEADLINE_S).sum()
    assert met == 60 - (chat.finish_s <= DEADLINE_S).sum()
    assert of(figures, "deadline_met_share") == pytest.approx(met / DOCUMENTS)
    assert "workloads.chat.deadline_met_share" not in figures


def test_what_is_still_waiting_at_the_end_counts_by_its_age():
    """At 800 s twenty are left: late with a deadline of 605 s, and not yet with an hour."""
    _, figures = simulated([documents()], duration_s=800.0)
    assert of(figures, "deadline_met_share") == pytest.approx(60 / 100)
    assert of(figures, "makespan_s") == 800.0  # a lower bound
    _, figures = simulated([documents(3_600.0)], duration_s=800.0)
    assert of(figures, "deadline_met_share") == 1.0


def test_a_drained_horizon_waits_for_the_batch():
    _, figures = simulated([documents()], duration_s=300.0, end_limit_s=7_200.0)
    assert figures["makespan_s"] == pytest.approx(1_000.0)
    assert of(figures, "makespan_s") == pytest.approx(1_000.0)
    assert figures["drained"] == 1.0


def test_work_that_may_wait_is_no_load_at_its_arrival():
    """1,000 s of work that come at once in an hour, and have half an hour or a minute for it."""
    _, figures = simulated([documents(1_800.0)])
    assert figures["backends.pool.offered_load_peak"] == pytest.approx(1_000 / 1_800, rel=0.05)
    assert figures["backends.pool.offered_load"] == pytest.approx(1_000 / 3_600, rel=0.05)
    _, figures = simulated([documents(60.0)])
    assert figures["backends.pool.offered_load_peak"] == pytest.approx(1_000 / 60, rel=0.05)


@pytest.mark.parametrize("within_s", [30.0, 500.0, 1e9])
def test_spreading_loses_nothing_and_does_nothing_before_its_time(within_s):
    rng = np.random.default_rng(2)
    edges_s = np.concatenate([[0.0], np.cumsum(rng.uniform(10.0, 100.0, 40))])
    work = rng.uniform(0.0, 5.0, 40)
    found = spread(work, edges_s, within_s)
    assert found.sum() == pytest.approx(work.sum())
    assert (np.cumsum(found) <= np.cumsum(work) + 1e-9).all()
    assert (found >= -1e-12).all()


def test_work_is_spread_evenly_over_any_bins_until_its_deadline():
    """Bin by bin: what arrives in one is done at an even pace until its deadline, or the end."""
    rng = np.random.default_rng(3)
    for within_s in (0.3, 40.0, 1e9):
        edges_s = np.append(0.0, np.cumsum(rng.uniform(0.1, 9.0, 200)))
        work = rng.poisson(2.0, 200) * 1e3
        expected = np.zeros(200)
        for arrived_s, each in zip(edges_s[:-1], work, strict=True):
            until_s = min(arrived_s + within_s, edges_s[-1])
            inside_s = np.diff(np.clip(edges_s, arrived_s, until_s))
            expected += each * inside_s / (until_s - arrived_s)
        np.testing.assert_allclose(spread(work, edges_s, within_s), expected, atol=1e-6)


def test_spreading_a_year_in_minutes_takes_little_memory():
    edges_s = np.arange(525_601) * 60.0  # a table of bins by bins would not fit anywhere
    work = np.ones(525_600)
    done = spread(work, edges_s, 86_400.0)
    assert done.sum() == pytest.approx(work.sum())
    assert done.min() >= 0
