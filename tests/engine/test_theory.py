"""A fleet configured as a textbook queue gives the textbook's answer.

How the statistics are meant. Each row runs twenty independent replications from an empty system,
drops a warm-up, and forms a t interval over the replications' means (or p95s), with three control
variates (Lavenberg and Welch, 1981), whose expectations are known: the load and the second moment
of the services that were really drawn, and the martingale of one server's workload (Henderson and
Glynn, 2002), which takes a factor of 2 to 4 from the error at high load. They are made from what
was drawn and know nothing of the simulator.
A row is asked for two things: agreement within 2 %, and the theoretical value inside the interval.
With some forty checks, 95 % intervals miss about twice on random seeds even if everything is right;
so the single check uses the interval of level 1 - 0.05/checks (Bonferroni: a false alarm of the
whole table in 5 % of seeds), and a check of its own counts how many of the 95 % intervals miss. The
2 % are 1.3 to 6 standard errors of these run lengths at loads of 0.9 and 0.95, and 4 to 5 at lower
ones: on a random seed one or other row would be out by chance in about one run in four. Seeds are
fixed and each row has its own: a failure after a change is a change in the simulated numbers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
import theory
from fleets import pool, profile
from queues import (
    ENDLESS,
    MOMENTS,
    SEED,
    STEP_S,
    Estimate,
    FloatArray,
    Sampler,
    batching,
    constant,
    controlled,
    exponential,
    fcfs,
    generators,
    hyperexponential,
    lognormal,
    martingale,
    one_token,
    plain,
    requests_log,
    sharing,
    tokens,
)
from scipy import stats

from sim.model.design import GpuPool


@dataclass(frozen=True)
class Row:
    """One queue at one load, and what theory says of it."""

    name: str
    fleet: GpuPool
    rate: float
    service: Sampler
    requests: int  # per replication, after the warm-up
    mean: float
    p95: float | None = None
    sojourn: bool = False  # measured: time in the system; else the wait

    def __str__(self) -> str:
        return self.name

    @property
    def step_s(self) -> float:
        return max(self.fleet.profile.step_base_s)


@cache
def estimates(row: Row) -> dict[str, Estimate]:
    """Mean and p95 over the replications."""
    runs = np.array([observe(row, rng) for rng in generators(row.name)])
    return {name: controlled(runs[:, at], runs[:, 2:]) for at, name in enumerate(("mean", "p95"))}


def observe(row: Row, rng: np.random.Generator) -> tuple[float, ...]:
    """Mean and p95 of one replication, and its three controls.

    A twentieth more requests at both ends, or fifty for every replica, are simulated and dropped.
    """
    margin = max(row.requests // 20, 50 * row.fleet.replicas)
    n = row.requests + 2 * margin
    gap_s, service = rng.standard_exponential(n) / row.rate, row.service(rng, n)
    log = requests_log(row.fleet, np.cumsum(gap_s), tokens(service, row.step_s))
    until_s = log.finish_s if row.sojourn else log.admitted_s
    observed = (until_s - log.arrival_s)[margin:-margin]
    first, second = MOMENTS[row.service]
    more_load = (service.mean() - first) - (row.rate * gap_s.mean() - 1)
    more_spread = np.square(service).mean() - second
    servers = 1 if row.sojourn else row.fleet.replicas * row.fleet.profile.max_num_seqs
    drift = martingale(gap_s, 1 / row.rate, service / servers, first / servers)
    return observed.mean(), np.quantile(observed, 0.95), more_load, more_spread, drift


def mmc(servers: int, rho: float, requests: int) -> Row:
    return Row(
        f"M/M/{servers} at {rho}",
        fcfs(servers),
        servers * rho,
        exponential,
        requests,
        theory.mmc_mean_wait(servers, rho),
        theory.mmc_wait_quantile(servers, rho, 0.95),
    )


def md1(rho: float, requests: int) -> Row:
    mean, p95 = theory.mg1_mean_wait(rho, cv=0), theory.md1_wait_quantile(rho, 0.95)
    return Row(f"M/D/1 at {rho}", fcfs(), rho, constant, requests, mean, p95)


def mg1(rho: float, requests: int) -> Row:
    p95 = theory.mg1_wait_quantile(theory.lognormal_survival(2.0), rho, 0.95, longest=600.0)
    mean = theory.mg1_mean_wait(rho, cv=2)
    return Row(f"M/LN(cv=2)/1 at {rho}", fcfs(), rho, lognormal, requests, mean, p95)


def ps(name: str, service: Sampler, rho: float, requests: int) -> Row:
    mean = theory.ps_mean_sojourn(rho)
    return Row(f"M/{name}/1-PS at {rho}", sharing(), rho, service, requests, mean, sojourn=True)


def dynamic_batch(per_request_s: float, per_batch_s: float, rho: float, requests: int) -> Row:
    return Row(
        f"batches of {per_batch_s} + {per_request_s} b at {rho}",
        batching(per_request_s, per_batch_s),
        rho / per_request_s,
        one_token,
        requests,
        theory.batch_mean_sojourn(rho, per_request_s, per_batch_s),
        sojourn=True,
    )


ROWS = [
    *(mmc(1, rho, n) for rho, n in [(0.5, 50_000), (0.8, 100_000), (0.95, 400_000)]),
    *(mmc(2, rho, n) for rho, n in [(0.5, 50_000), (0.8, 100_000), (0.95, 300_000)]),
    *(mmc(10, rho, n) for rho, n in [(0.8, 150_000), (0.95, 300_000)]),
    *(mmc(50, rho, n) for rho, n in [(0.9, 300_000), (0.95, 400_000)]),
    *(md1(rho, n) for rho, n in [(0.5, 25_000), (0.8, 50_000), (0.95, 300_000)]),
    *(mg1(rho, n) for rho, n in [(0.5, 100_000), (0.8, 200_000), (0.95, 800_000)]),
    *(ps("D", constant, rho, n) for rho, n in [(0.5, 10_000), (0.8, 30_000), (0.95, 200_000)]),
    *(ps("M", exponential, rho, n) for rho, n in [(0.5, 10_000), (0.8, 40_000)]),
    *(ps("H", hyperexponential, rho, n) for rho, n in [(0.5, 20_000), (0.8, 50_000)]),
    *(dynamic_batch(0.1438, 1.8874, rho, n) for rho, n in [(0.5, 10_000), (0.9, 80_000)]),
    dynamic_batch(0.05, 1.0, 0.9, 120_000),
    Row(
        "random over 4 is M/M/1 at 0.8",
        fcfs(replicas=4, router="random"),
        3.2,
        exponential,
        200_000,
        theory.mmc_mean_wait(1, 0.8),
        theory.mmc_wait_quantile(1, 0.8, 0.95),
    ),
    Row(
        "round robin over 4 is E4/M/1 at 0.8",
        fcfs(replicas=4),
        3.2,
        exponential,
        170_000,
        theory.erlang_m1_mean_wait(4, 0.8),
    ),
    Row(
        "power of two over 1000 at 0.9",
        fcfs(replicas=1_000, router="power_of_two"),
        900.0,
        exponential,
        40_000,
        theory.power_of_two_mean_sojourn(0.9),
        sojourn=True,
    ),
]
CHECKS = [
    pytest.param(row, statistic, id=f"{row}, {statistic}")
    for row in ROWS
    for statistic in ("mean", "p95")
    if statistic == "mean" or row.p95 is not None
]


@pytest.mark.parametrize(("row", "statistic"), CHECKS)
def test_a_textbook_queue_agrees_with_its_closed_form(row: Row, statistic: str) -> None:
    estimate, expected = estimates(row)[statistic], getattr(row, statistic)
    assert abs(estimate.value - expected) <= estimate.half_width(1 - 0.05 / len(CHECKS))
    assert abs(estimate.value - expected) <= 0.02 * expected


def test_the_95_per_cent_intervals_hold_as_often_as_they_should() -> None:
    """Misses among n true intervals are about Binomial(n, 0.05); more than its 99 % point fails.

    A mean and a p95 of one row are correlated, so the count spreads more than a binomial: on a
    random seed this fails in perhaps 3 % of runs.
    """
    misses = 0
    for row, statistic in (check.values for check in CHECKS):
        estimate = estimates(row)[statistic]
        misses += abs(estimate.value - getattr(row, statistic)) > estimate.half_width(0.95)
    assert misses <= stats.binom.ppf(0.99, len(CHECKS), 0.05)


def test_a_load_off_by_two_per_cent_is_noticed() -> None:
    """The table can fail: M/M/1 at 0.8 with 2 % more arrivals waits 11 % longer."""
    right = mmc(1, 0.8, 100_000)
    estimate = estimates(replace(right, name="off", rate=0.8 * 1.02))["mean"]
    assert estimate.value - right.mean > estimate.half_width(1 - 0.05 / len(CHECKS))


@pytest.mark.parametrize("rho", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("servers", [1, 2, 10, 50])
@pytest.mark.parametrize("service", [exponential, lognormal, constant])
def test_every_start_is_that_of_kiefer_and_wolfowitz_within_a_step(
    service: Sampler, servers: int, rho: float
) -> None:
    """No statistics: request by request on one sample path, up to rounding and one step."""
    rng = np.random.default_rng(SEED)
    n = 20_000
    arrival_s = np.cumsum(rng.standard_exponential(n)) / (servers * rho)
    output = tokens(service(rng, n), STEP_S)
    log = requests_log(fcfs(servers), arrival_s, output)
    late_s = log.admitted_s - theory.first_come_first_served_starts(
        arrival_s.tolist(), (output * STEP_S).tolist(), servers
    )
    assert late_s.min() > -1e-8
    assert late_s.max() < STEP_S + 1e-8


@pytest.mark.parametrize("long", [False, True])
def test_processor_sharing_is_fair_to_short_and_long_requests(long: bool) -> None:
    """E[T | x] = x / (1 - rho): both halves are slowed down alike, within 2 %.

    Ratio of summed sojourns to summed services over 20 replications; the interval of level 99.9 %
    would exclude the truth in one seed of a thousand for either half, the 2 % are about four
    standard errors. Both halves are of the same replications.
    """
    estimate = plain(slowdowns()[:, int(long)])
    assert abs(estimate.value - 5.0) <= estimate.half_width(0.999)
    assert abs(estimate.value - 5.0) <= 0.02 * 5.0


@cache
def slowdowns() -> FloatArray:
    """Sojourn over service at a load of 0.8, (20, 2): of short requests and of long ones."""
    row = ps("H", hyperexponential, 0.8, 200_000)
    found = []
    for rng in generators("fairness"):
        arrival_s = np.cumsum(rng.standard_exponential(row.requests)) / row.rate
        output = tokens(row.service(rng, row.requests), row.step_s)
        log = requests_log(row.fleet, arrival_s, output)
        service_s, sojourn_s = output * row.step_s, log.finish_s - log.arrival_s
        counted = np.arange(row.requests)[5_000:-5_000]
        halves = [counted[(service_s[counted] > 0.5) == long] for long in (False, True)]
        found.append([sojourn_s[half].sum() / service_s[half].sum() for half in halves])
    return np.array(found)


# A day without queues

DAY_H = 24.0
OMEGA = 2 * math.pi / DAY_H


@pytest.mark.parametrize(
    ("service", "echo"), [(exponential, theory.exponential_echo), (constant, theory.constant_echo)]
)
@pytest.mark.parametrize("mean_h", [1.0, 6.0])
def test_the_number_in_service_echoes_a_daily_sinusoid(
    service: Sampler, echo: Callable[[float, float], tuple[float, float]], mean_h: float
) -> None:
    """Mt/G/inf: amplitude and lag of the number of requests present, in hours.

    Interval of level 99.9 % over 20 replications of 40 days for each of two figures, and 2 %; about
    one seed in 500 would fail.
    """
    name = f"echo {service.__name__} {mean_h}"
    echoes = np.array([_echo(service, mean_h, rng) for rng in generators(name)])
    amplitude, lag_h = np.abs(echoes), -np.angle(echoes) / OMEGA
    for values, expected in zip((amplitude, lag_h), echo(OMEGA, mean_h), strict=True):
        estimate = plain(values)
        assert abs(estimate.value - expected) <= estimate.half_width(0.999)
        assert abs(estimate.value - expected) <= 0.02 * expected


def _echo(service: Sampler, mean_h: float, rng: np.random.Generator) -> complex:
    """Response A e^(-i omega lag) of the number present to the rate 100 (1 + 0.8 sin omega t)/h.

    The number's Fourier coefficient is a sum over requests of the integral of e^(-i omega t) while
    each is present, over 40 whole days after 4 of warm-up.
    """
    rate, swing, warm_up_h, end_h = 100.0, 0.8, 4 * DAY_H, 44 * DAY_H
    candidates = rng.poisson(rate * (1 + swing) * end_h)
    arrival_h = np.sort(rng.uniform(0, end_h, candidates))
    accept = rng.random(candidates) * (1 + swing) < 1 + swing * np.sin(OMEGA * arrival_h)
    arrival_h = arrival_h[accept]  # thinning (Lewis and Shedler, 1979)
    engine = profile(step_base_s=(STEP_S,), max_num_seqs=2_000, **ENDLESS)
    log = requests_log(
        pool(engine), arrival_h, tokens(mean_h * service(rng, len(arrival_h)), STEP_S)
    )
    assert np.abs(log.admitted_s - log.arrival_s).max() < 2 * STEP_S  # nobody waits
    begin_h, until_h = (np.clip(t, warm_up_h, end_h) for t in (log.arrival_s, log.finish_s))
    present = (np.exp(-1j * OMEGA * begin_h) - np.exp(-1j * OMEGA * until_h)) / (1j * OMEGA)
    return complex(2j * present.sum() / (swing * rate * mean_h * (end_h - warm_up_h)))
