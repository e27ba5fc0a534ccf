"""Fleets that reject, and clients that leave or come back, give the textbook's answer.

A replica with c places and no waiting room is Erlang's loss system; if those who are blocked come
back after a long random time, it is the fixed point of retried calls; with a queue that users leave
when their patience ends, it is M/M/c+G.

The statistics are those of :mod:`test_theory`: twenty independent replications from an empty
system, both ends dropped, a t interval with the drawn load as a control variate. Each figure is
within 2 %, and within the interval of level 1 - 0.05/checks (Bonferroni: on random seeds one run in
twenty would fail somewhere). The 2 % are at least 2.9 standard errors of each figure: on random
seeds they would fail in about one run in a hundred. Seeds are fixed, and each row has its own.
"""

import json
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pytest
import theory
from places import ORACLES
from queues import (
    SEED,
    STEP_S,
    Estimate,
    FloatArray,
    Sampler,
    controlled,
    exponential,
    fcfs,
    generators,
    lognormal,
    tokens,
)
from scipy import stats

from sim.engine.plane.plane import DataPlane
from sim.engine.state import status
from sim.model.client import Client, Retry
from sim.model.design import GpuPool
from sim.model.gateway import Gateway
from sim.model.workload import Slo

LATER_S = 500.0  # retries come after 0 to this many service times, so that none finds its own past


@dataclass(frozen=True)
class Row:
    """One queue, and what theory says of it."""

    name: str
    servers: int
    rate: float
    requests: int  # per replication, after the warm-up
    expected: tuple[tuple[str, float], ...]  # figure, value
    service: Sampler = exponential
    waiting_room: float = 0.0
    clients: tuple[Client, ...] = (Client(),)
    shares: tuple[float, ...] = (1.0,)  # of the clients
    patience: float = np.inf  # mean of an exponential one
    margin_s: float = 100.0  # dropped at both ends

    def __str__(self) -> str:
        return self.name

    @property
    def fleet(self) -> GpuPool:
        return replace(fcfs(self.servers), gateway=Gateway(max_queue=self.waiting_room))


def erlang_b(servers: int, offered: float, service: Sampler, requests: int) -> Row:
    return Row(
        f"M/{service.__name__}/{servers}/{servers} offered {offered}",
        servers,
        offered,
        requests,
        (("lost", theory.erlang_b(servers, offered)),),
        service,
    )


def persistent(servers: int, offered: float, persistence: float, requests: int) -> Row:
    """Each blocked attempt is followed by another with the same probability.

    The number of retries that a customer is ready to make is then geometric, so there is one kind
    of client for each number, up to where fewer than one in 10 000 are left.
    """
    load = theory.retried_load(
        servers, offered, partial(theory.persistent_attempts, persistence=persistence)
    )
    blocked = theory.erlang_b(servers, load)
    kinds = np.arange(45 if persistence > 0.5 else 15)
    shares = (1 - persistence) * persistence**kinds
    shares[-1] = 1 - shares[:-1].sum()
    return Row(
        f"retries with persistence {persistence}, {servers} servers offered {offered}",
        servers,
        offered,
        requests,
        (
            ("attempts", load / offered),
            ("blocked", blocked),
            ("lost", blocked * (1 - persistence) / (1 - blocked * persistence)),
        )[: 3 if persistence < 1 else 2],
        clients=tuple(coming_back(int(most)) for most in kinds),
        shares=tuple(shares.tolist()),
        margin_s=5 * LATER_S,
    )


def limited(servers: int, offered: float, most: int, requests: int) -> Row:
    """At most so many retries each."""
    load = theory.retried_load(servers, offered, partial(theory.limited_attempts, retries=most))
    blocked = theory.erlang_b(servers, load)
    return Row(
        f"at most {most} retries, {servers} servers offered {offered}",
        servers,
        offered,
        requests,
        (
            ("attempts", load / offered),
            ("blocked", blocked),
            ("lost", blocked ** (most + 1)),
        ),
        clients=(coming_back(most),),
        margin_s=(most + 1) * LATER_S,
    )


def coming_back(retries: int) -> Client:
    return Client(retry=Retry(max_retries=retries, base_s=LATER_S, cap_s=LATER_S, jitter="full"))


def impatient(
    name: str,
    servers: int,
    rate: float,
    seen: theory.Impatience,
    requests: int,
    **who: float | tuple[Client, ...],
) -> Row:
    figures = (("waits", seen.waits), ("lost", seen.leaves), ("mean_wait", seen.mean_wait))
    return Row(
        f"{name}, {servers} servers offered {rate}",
        servers,
        rate,
        requests,
        figures,
        waiting_room=np.inf,
        **who,  # type: ignore[arg-type]
    )


def erlang_a(servers: int, rate: float, patience: float, requests: int) -> Row:
    seen = theory.erlang_a(servers, rate, patience)
    return impatient(
        f"patience of mean {patience}", servers, rate, seen, requests, patience=patience
    )


def constant_patience(servers: int, rate: float, limit: float, requests: int) -> Row:
    """A time limit on the first token, and no retry."""
    seen = theory.impatience(servers, rate, theory.constant_patience(limit), kinks=[limit])
    clients = (Client(ttft_timeout_s=limit),)
    return impatient(f"time limit {limit}", servers, rate, seen, requests, clients=clients)


ROWS = [
    erlang_b(10, 8.0, exponential, 100_000),
    erlang_b(10, 8.0, lognormal, 100_000),
    erlang_b(50, 45.0, exponential, 150_000),
    persistent(10, 8.0, 0.5, 100_000),
    persistent(10, 8.0, 1.0, 100_000),
    persistent(50, 45.0, 0.8, 200_000),
    limited(10, 8.0, 2, 200_000),
    erlang_a(1, 0.8, 2.0, 50_000),
    erlang_a(10, 9.0, 1.0, 100_000),
    erlang_a(10, 12.0, 0.5, 50_000),
    erlang_a(50, 55.0, 2.0, 100_000),
    constant_patience(1, 2.0, 1.0, 50_000),
    constant_patience(10, 9.0, 0.5, 100_000),
]
CHECKS = [
    pytest.param(row, figure, expected, id=f"{row}, {figure}")
    for row in ROWS
    for figure, expected in row.expected
]


@cache
def estimates(row: Row) -> dict[str, Estimate]:
    """Every figure over the replications."""
    runs = [observe(row, rng) for rng in generators(row.name)]
    loads = np.array([[run["more_load"]] for run in runs])
    return {
        figure: controlled(np.array([run[figure] for run in runs]), loads)
        for figure, _ in row.expected
    }


def observe(row: Row, rng: np.random.Generator) -> dict[str, float]:
    """The figures of one replication."""
    n = int(row.requests + 2 * row.margin_s * row.rate)
    gap_s, service = rng.standard_exponential(n) / row.rate, row.service(rng, n)
    log = requests_log(row, rng, np.cumsum(gap_s), service)
    end_s = log.arrival_s[-1] - row.margin_s
    seen = log[(log.arrival_s > row.margin_s) & (log.arrival_s < end_s)]
    served = seen.status == status.COMPLETED
    wait_s = np.where(served, seen.admitted_s, seen.finish_s) - seen.arrival_s
    return {
        "more_load": float(service.mean() - row.rate * gap_s.mean()),
        "lost": 1 - served.mean(),
        "attempts": seen.attempts.mean(),
        "blocked": (seen.attempts - served).sum() / seen.attempts.sum(),
        "waits": (wait_s > 2 * STEP_S).mean(),
        "mean_wait": wait_s.mean(),
    }


def requests_log(
    row: Row, rng: np.random.Generator, arrival_s: FloatArray, service: FloatArray
) -> np.recarray:
    """The log of all requests, run to the end."""
    n, kinds = len(arrival_s), len(row.clients)
    patience_s = (
        rng.exponential(row.patience, n) if row.patience is not None else np.full(n, np.inf)
    )
    plane = DataPlane(
        [row.fleet], [0] * kinds, [Slo()] * kinds, SEED, record=True, clients=row.clients
    )
    kind = rng.choice(kinds, n, p=row.shares).astype(np.int32)
    plane.feed(arrival_s, np.ones(n, np.int32), tokens(service, STEP_S), kind, patience_s)
    plane.close_feed()
    plane.advance(arrival_s[-1] + 1e6)
    return plane.requests()


@pytest.mark.parametrize(("row", "figure", "expected"), CHECKS)
def test_a_textbook_queue_agrees_with_its_closed_form(
    row: Row, figure: str, expected: float
) -> None:
    estimate = estimates(row)[figure]
    assert abs(estimate.value - expected) <= estimate.half_width(1 - 0.05 / len(CHECKS))
    assert abs(estimate.value - expected) <= 0.02 * expected


def test_the_95_per_cent_intervals_hold_as_often_as_they_should() -> None:
    """Misses among n true intervals are about Binomial(n, 0.05); more than its 99 % point fails.

    The figures of a row are correlated: on a random seed this fails in perhaps 4 % of runs.
    """
    misses = 0
    for row, figure, expected in (check.values for check in CHECKS):
        estimate = estimates(row)[figure]
        misses += abs(estimate.value - expected) > estimate.half_width(0.95)
    assert misses <= stats.binom.ppf(0.99, len(CHECKS), 0.05)


# The closed forms themselves


def _tabulated(name: str) -> dict[str, float]:
    if not ORACLES.exists():
        pytest.skip("the tabulated oracle values are not at hand")
    found: dict[str, float] = json.loads(ORACLES.read_text())[name]
    return found


@pytest.mark.parametrize(("servers", "offered"), [(10, 8.0), (50, 45.0), (8, 6.4), (100, 90.0)])
def test_erlang_b_agrees_with_tabulated_values(servers: int, offered: float) -> None:
    tabulated = _tabulated(f"MMc c={servers} a={offered}")
    assert theory.erlang_b(servers, offered) == pytest.approx(tabulated["erlangB"], rel=1e-9)


@pytest.mark.parametrize(
    ("servers", "offered", "persistence"), [(10, 8, 1.0), (10, 8, 0.5), (50, 45, 0.8)]
)
def test_retried_loads_agree_with_tabulated_values(
    servers: int, offered: int, persistence: float
) -> None:
    tabulated = _tabulated(f"ErlangB+retry fixed point c={servers} a={offered} r={persistence}")
    expected = dict(persistent(servers, float(offered), persistence, 1).expected)
    assert expected["attempts"] * offered == pytest.approx(tabulated["inflated_load"], rel=1e-9)
    assert expected["blocked"] == pytest.approx(tabulated["block_per_attempt"], rel=1e-9)
    assert expected.get("lost", 0.0) == pytest.approx(tabulated["final_loss"], rel=1e-9)


def test_limited_attempts_agree_with_tabulated_values() -> None:
    tabulated = _tabulated("retry amplification E[attempts]=(1-p^(n+1))/(1-p)")
    for name, expected in tabulated.items():
        lost, most = (float(part.split("=")[1]) for part in name.split(","))
        assert theory.limited_attempts(lost, int(most)) == pytest.approx(expected, rel=1e-9), name


@pytest.mark.parametrize(
    ("servers", "rate", "mean"), [(1, 0.8, 2.0), (10, 9.0, 1.0), (50, 55.0, 2.0)]
)
def test_the_integrals_of_impatience_agree_with_the_birth_and_death_chain(
    servers: int, rate: float, mean: float
) -> None:
    integrals = theory.impatience(servers, rate, theory.exponential_patience(mean))
    chain = theory.erlang_a(servers, rate, mean)
    for figure in ("waits", "leaves", "mean_wait"):
        assert getattr(integrals, figure) == pytest.approx(getattr(chain, figure), rel=1e-9)


def test_endless_patience_is_no_impatience() -> None:
    seen = theory.impatience(10, 8.0, theory.constant_patience(200.0), kinks=[200.0])
    assert seen.waits == pytest.approx(theory.erlang_c(10, 0.8), rel=1e-9)
    assert seen.mean_wait == pytest.approx(theory.mmc_mean_wait(10, 0.8), rel=1e-9)
