"""A batch that gives way is the second class of a queue with preemptive-resume priority.

One server, exponential services of mean 1; prompts cost nothing, so that who returns goes on where
it was. For the first class the second is not there (White and Christie, Oper. Res. 6 (1958); in
Kleinrock, Queueing Systems II (1976), 3.4):

    T1 = 1 / (1 - rho1),    T2 = 1 / ((1 - rho1) (1 - rho1 - rho2))
"""

import numpy as np
import pytest
import theory
from fleets import pool, profile
from queues import ENDLESS, SEED, STEP_S, FloatArray, exponential, generators, plain, tokens

from sim.engine.plane.plane import DataPlane
from sim.model.gateway import Gateway
from sim.model.workload import Slo, Yielding

CHAT, BATCH = 0, 1
WARM_UP = 5_000
LEVEL = 0.999  # of intervals: a false alarm in a thousand seeds


def log_of(
    arrival_s: FloatArray, service_s: FloatArray, workload: FloatArray, limit: float
) -> np.recarray:
    engine = profile(step_base_s=(STEP_S,), max_num_seqs=1, **ENDLESS)
    plane = DataPlane(
        [pool(engine, gateway=Gateway(replica_limit=limit))],
        [0, 0],
        [Slo(), Slo()],
        record=True,
        priorities=[0, 1],
        yielding=[None, Yielding()],
    )
    ones = np.ones(len(arrival_s), np.int32)
    plane.feed(arrival_s, ones, tokens(service_s, STEP_S), workload.astype(np.int32))
    plane.close_feed()
    plane.advance(arrival_s[-1] + 1e6)
    return plane.requests()


def drawn(rng: np.random.Generator, n: int, chat: float, batch: float) -> tuple[FloatArray, ...]:
    """Arrivals of both classes together, their services and classes."""
    arrival_s = np.cumsum(rng.standard_exponential(n)) / (chat + batch)
    is_batch = rng.random(n) < batch / (chat + batch)
    return arrival_s, exponential(rng, n), is_batch


@pytest.mark.parametrize("limit", [1, np.inf])
@pytest.mark.parametrize(("chat", "batch"), [(0.4, 0.4), (0.7, 0.15), (0.1, 0.6)])
def test_mean_times_are_those_of_preemptive_resume_priority(
    chat: float, batch: float, limit: float
) -> None:
    """Within 4 %, and within the interval of level 99.9 % over 20 replications, of both classes.

    A false alarm of the table in one seed of eighty; the seeds are fixed.
    """
    found = []
    for rng in generators(f"preemptive resume {chat} {batch}"):
        log = log_of(*drawn(rng, 60_000, chat, batch), limit)
        sojourn_s = (log.finish_s - log.arrival_s)[WARM_UP:-WARM_UP]
        of_batch = log.workload[WARM_UP:-WARM_UP] == BATCH
        found.append((sojourn_s[~of_batch].mean(), sojourn_s[of_batch].mean()))
    expected = 1 / (1 - chat), 1 / ((1 - chat) * (1 - chat - batch))
    for means, right in zip(np.array(found).T, expected, strict=True):
        estimate = plain(means)
        assert abs(estimate.value - right) <= estimate.half_width(LEVEL)
        assert abs(estimate.value - right) <= 0.04 * right


def test_the_chat_is_served_as_if_there_were_no_batch() -> None:
    """No statistics: request by request the starts are those of the chat alone, within a step."""
    arrival_s, service_s, is_batch = drawn(np.random.default_rng(SEED), 20_000, 0.5, 0.4)
    log = log_of(arrival_s, service_s, is_batch, 1)
    own = ~is_batch.astype(bool)
    lengths_s = tokens(service_s, STEP_S) * STEP_S
    starts_s = theory.first_come_first_served_starts(
        arrival_s[own].tolist(), lengths_s[own].tolist(), 1
    )
    late_s = log.admitted_s[own] - starts_s
    assert late_s.min() > -1e-8
    assert late_s.max() < STEP_S + 1e-8


def test_no_work_is_lost_by_giving_way() -> None:
    """The server is idle when all is done, whoever was first: the last answers end busy periods.

    When the last request of the queue without priorities leaves, so does the last one here: within
    some steps.
    """
    arrival_s, service_s, is_batch = drawn(np.random.default_rng(SEED + 1), 5_000, 0.5, 0.4)
    log = log_of(arrival_s, service_s, is_batch, 1)
    lengths_s = tokens(service_s, STEP_S) * STEP_S
    ends_s = lengths_s + theory.first_come_first_served_starts(
        arrival_s.tolist(), lengths_s.tolist(), 1
    )
    assert log.preemptions.sum() > 500
    assert log.finish_s.max() == pytest.approx(ends_s.max(), abs=STEP_S * 10)
