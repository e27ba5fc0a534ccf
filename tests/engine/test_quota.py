"""Quotas of managed backends against an oracle: request by request, in fractions.

The oracle keeps no levels. It looks up what was taken, and when, each time somebody asks. Rates are
powers of two, and times lie on a grid, so that the kernel's arithmetic is exact, too: all times are
compared bit by bit, also where several are told to come back at one moment.
"""

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import strategies as st
from drawn import drawn_anew
from fleets import END_S

from sim.engine.plane.plane import DataPlane
from sim.engine.state import status
from sim.engine.state.backend_record import PROVISIONED, STANDARD
from sim.model.client import Client, Retry
from sim.model.distributions import Constant
from sim.model.managed import ManagedApi, Pace, Provisioned, Quota
from sim.model.routing import to_one
from sim.model.workload import Slo

TTFT_S, TOKEN_S = Fraction(5, 4), Fraction(1, 4)
PACE = Pace(Constant(float(TTFT_S)), Constant(float(1 / TOKEN_S)))
GRID = 64  # times of arrival are multiples of 1/64 s
ARRIVAL, ALARM = 0, 1  # order of events at one instant


# The oracle


@dataclass
class Meter:
    """What was taken from a bucket that began full: (seconds, tokens), in order."""

    rate: Fraction
    capacity: Fraction
    taken: list[tuple[Fraction, Fraction]] = field(default_factory=list)

    def level(self, now_s: Fraction) -> Fraction:
        """The lowest of what there would be, had it been full at any moment before."""
        since_then, lowest, until_s = Fraction(0), Fraction(0), now_s
        for taken_s, tokens in reversed(self.taken):
            since_then += self.rate * (until_s - taken_s)
            lowest = min(lowest, since_then)
            since_then -= tokens
            lowest = min(lowest, since_then)
            until_s = taken_s
        return self.capacity + lowest

    def missing_s(self, now_s: Fraction, tokens: Fraction) -> Fraction:
        """Seconds until there are so many, or a full bucket."""
        lacking = min(tokens, self.capacity) - self.level(now_s)
        return max(lacking / self.rate, Fraction(0))


@dataclass
class Asker:
    """A request: what it asks for, and what became of it."""

    arrival_s: Fraction
    prompt: int
    output: int
    attempts: int = 0
    status: int = status.IN_FLIGHT
    dispatched_s: float = math.nan
    finish_s: float = math.nan
    is_provisioned: bool = False


class Oracle:
    """Who is served when, if all come back when they are told to, up to a number of times."""

    def __init__(self, quota: Quota, units: Provisioned | None, max_retries: int) -> None:
        self.quota, self.units, self.max_retries = quota, units, max_retries
        limits = {
            "requests": quota.requests_per_min,
            "input": quota.input_tokens_per_min,
            "output": quota.output_tokens_per_min,
            "both": quota.tokens_per_min,
        }
        self.meters = {
            kind: self.meter(per_min, least=int(kind == "requests"))
            for kind, per_min in limits.items()
            if per_min < math.inf
        }
        self.bought = units and self.meter(units.units * units.tokens_per_min_per_unit)
        self.agenda: list[tuple[Any, ...]] = []
        self.seen: Counter[str] = Counter()

    def meter(self, per_min: float, least: int = 0) -> Meter:
        rate = Fraction(per_min) / 60
        return Meter(rate, max(rate * Fraction(self.quota.burst_s), Fraction(least)))

    def serve(self, askers: list[Asker]) -> None:
        """Everything from the first arrival on."""
        for asker in askers:
            self.plan(asker.arrival_s, ARRIVAL, "ask", asker)
        while self.agenda:
            now_s, _, _, what, asker = heapq.heappop(self.agenda)
            (self.ask if what == "ask" else self.end)(now_s, asker)

    def plan(self, at_s: Fraction, order: int, what: str, asker: Asker) -> None:
        self.seen["planned"] += 1
        heapq.heappush(self.agenda, (at_s, order, self.seen["planned"], what, asker))

    def ask(self, now_s: Fraction, asker: Asker) -> None:
        asker.attempts += 1
        wait_s = Fraction(0)
        if not self.is_bought(now_s, asker):
            costs = self.costs(asker)
            wait_s = max(
                (m.missing_s(now_s, max(costs[k], Fraction(1))) for k, m in self.meters.items()),
                default=wait_s,
            )
            for kind, meter in self.meters.items():
                if wait_s == 0:
                    meter.taken.append((now_s, costs[kind]))
        if wait_s == 0:
            self.seen["served"] += 1
            self.seen["served when told"] += asker.attempts > 1
            asker.dispatched_s = float(now_s)
            self.plan(now_s + TTFT_S + (asker.output - 1) * TOKEN_S, ALARM, "end", asker)
        elif asker.attempts <= self.max_retries:
            self.seen["told"] += 1
            self.plan(now_s + wait_s, ALARM, "ask", asker)
        else:
            self.seen["rejected"] += 1
            asker.status, asker.finish_s = status.REJECTED, float(now_s)

    def is_bought(self, now_s: Fraction, asker: Asker) -> bool:
        """Whether it is served from provisioned throughput."""
        if self.bought is None or self.units is None or self.bought.capacity == 0:
            return False
        tokens = asker.prompt + Fraction(self.units.output_weight) * asker.output
        if self.bought.missing_s(now_s, tokens) > 0:
            return False
        self.bought.taken.append((now_s, tokens))
        asker.is_provisioned = True
        return True

    def costs(self, asker: Asker) -> dict[str, Fraction]:
        reserved = self.quota.reserved_output_tokens
        costs = {"requests": 1, "input": asker.prompt, "output": reserved}
        costs["both"] = asker.prompt + reserved
        return {kind: Fraction(tokens) for kind, tokens in costs.items()}

    def end(self, now_s: Fraction, asker: Asker) -> None:
        """Of what was reserved comes back what was not used; of what was not, it is taken."""
        asker.status, asker.finish_s = status.COMPLETED, float(now_s)
        more = Fraction(asker.output - self.quota.reserved_output_tokens)
        for kind in ("output", "both"):
            if kind in self.meters and not asker.is_provisioned:
                self.meters[kind].taken.append((now_s, more))


# The kernel


def plane(
    quota: Quota, retry: Retry, askers: list[Asker], units: Provisioned | None = None
) -> DataPlane:
    """After all that was asked of one managed backend, and no other."""
    api = ManagedApi("api", PACE, quota=quota, provisioned=units)
    kernel = DataPlane(
        [],
        [0],
        [Slo()],
        record=True,
        clients=[Client(retry=retry)],
        managed=[api],
        routes=[to_one("api")],
    )
    kernel.feed(
        np.array([float(asker.arrival_s) for asker in askers]),
        np.array([asker.prompt for asker in askers], np.int32),
        np.array([asker.output for asker in askers], np.int32),
        np.zeros(len(askers), np.int32),
    )
    kernel.close_feed()
    kernel.advance(END_S)
    return kernel


def obedient(max_retries: int) -> Retry:
    """Whoever is told when to come back comes then, and at no other time."""
    return Retry(max_retries=max_retries, retry_after_limit_s=1e6, beyond_limit="give_up")


@st.composite
def askers(draw: st.DrawFn) -> list[Asker]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(2, 30))
    gaps = rng.geometric(draw(st.sampled_from([0.02, 0.1, 0.9])), n) - 1
    most = draw(st.sampled_from([1, 8, 64]))
    return [
        Asker(Fraction(int(at), GRID), int(rng.integers(1, most + 1)), int(rng.integers(1, 40)))
        for at in np.cumsum(gaps)
    ]


@st.composite
def quotas(draw: st.DrawFn) -> Quota:
    def per_min(*per_s: float) -> float:
        return 60.0 * draw(st.sampled_from([math.inf, math.inf, *per_s]))

    return Quota(
        requests_per_min=per_min(0.25, 1.0, 4.0),
        input_tokens_per_min=per_min(1.0, 8.0),
        output_tokens_per_min=per_min(1.0, 8.0),
        tokens_per_min=per_min(2.0, 16.0),
        burst_s=draw(st.sampled_from([0.25, 1.0, 8.0])),
        reserved_output_tokens=draw(st.sampled_from([0, 4, 32])),
    )


BOUGHT = st.sampled_from([None, None, Provisioned(2, 60.0, 2.0), Provisioned(1, 960.0, 4.0)])


def test_the_kernel_serves_and_rejects_as_the_oracle_does() -> None:
    seen: Counter[str] = Counter()

    @drawn_anew(134, askers(), quotas(), BOUGHT, st.sampled_from([0, 2, 10]))
    def same(
        asking: list[Asker], quota: Quota, units: Provisioned | None, max_retries: int
    ) -> None:
        oracle = Oracle(quota, units, max_retries)
        oracle.serve(asking)
        kernel = plane(quota, obedient(max_retries), asking, units)
        log, usage = kernel.requests(), kernel.close_bin().usage[0, 0]
        for column in ("status", "attempts", "dispatched_s", "finish_s"):
            expected = [getattr(asker, column) for asker in asking]
            np.testing.assert_array_equal(log[column], expected, column)
        bought = sum(asker.is_provisioned for asker in asking)
        assert usage[PROVISIONED].answers == bought
        assert usage[STANDARD].answers == oracle.seen["served"] - bought
        assert usage[STANDARD].rejections == oracle.seen["told"] + oracle.seen["rejected"]
        seen.update(oracle.seen, bought=bought)

    same()
    assert seen["served"] > 1_000
    assert seen["served when told"] > 300
    assert seen["rejected"] > 200
    assert seen["told"] > 800
    assert seen["bought"] > 200


def test_the_oracle_s_levels_are_those_of_a_bucket() -> None:
    # Two a second, ten at most: 10, 3 after a taking of 7 at 1, 7 at 3; of 9, -2; 10 at 20; with
    # 5 given back, 10 still.
    meter = Meter(Fraction(2), Fraction(10))
    assert meter.level(Fraction(1)) == 10
    meter.taken.append((Fraction(1), Fraction(7)))
    assert [meter.level(Fraction(t)) for t in (1, 3, 9)] == [3, 7, 10]
    meter.taken.append((Fraction(3), Fraction(9)))
    assert [meter.level(Fraction(t)) for t in (3, 4, 20)] == [-2, 0, 10]
    assert meter.missing_s(Fraction(4), Fraction(8)) == 4
    assert meter.missing_s(Fraction(4), Fraction(99)) == 5
    meter.taken.append((Fraction(20), Fraction(-5)))
    assert meter.level(Fraction(20)) == 10


@drawn_anew(100, st.integers(0, 2**32 - 1))
def test_who_comes_back_when_told_is_served_whatever_the_rounding(seed: int) -> None:
    """Rates and times are arbitrary. The first takes all there is; the second asks once too early,
    and its second attempt, at the told moment, is served.
    """
    rng = np.random.default_rng(seed)
    rate, burst_s = math.exp(rng.uniform(-3, 7)), rng.uniform(1, 100)
    capacity = rate * burst_s
    large = math.ceil(capacity) + 1
    small = int(rng.integers(1, large))
    needed_s = (min(small, capacity) - (capacity - large)) / rate  # from the first on
    began_s = rng.uniform(0, 1e5)
    early_s = began_s + rng.uniform(0, 0.999) * needed_s
    quota = Quota(input_tokens_per_min=60 * rate, burst_s=burst_s)
    asking = [Asker(Fraction(began_s), large, 1), Asker(Fraction(early_s), small, 1)]
    log = plane(quota, obedient(20), asking).requests()
    assert log.status.tolist() == [status.COMPLETED] * 2
    assert log.attempts.tolist() == [1, 2]
    np.testing.assert_allclose(log.dispatched_s, [began_s, began_s + needed_s], atol=1e-6)


def test_all_who_are_told_the_same_moment_come_and_the_first_to_be_told_is_served() -> None:
    # One request every 4 s: after A, B, C and D are all told 4, then C and D 8, then D 12.
    quota = Quota(requests_per_min=15, burst_s=1.0)
    asking = [Asker(Fraction(at, 4), 1, 1) for at in range(4)]
    log = plane(quota, obedient(9), asking).requests()
    assert log.dispatched_s.tolist() == [0, 4, 8, 12]
    assert log.attempts.tolist() == [1, 2, 3, 4]


def test_a_client_that_may_not_wait_so_long_gives_up_or_backs_off() -> None:
    # One every 4 s, told at 0.25: 3.75 s. Backing off by 0.5 and 1 s it is told 3.25, and 2.25.
    quota = Quota(requests_per_min=15, burst_s=1.0)
    asking = [Asker(Fraction(0), 1, 1), Asker(Fraction(1, 4), 1, 1)]
    for limit_s, beyond, attempts, dispatched_s in (
        (3.75, "give_up", 2, 4.0),
        (3.5, "give_up", 1, math.nan),
        (3.25, "back_off", 3, 4.0),
        (2.25, "back_off", 4, 4.0),
    ):
        retry = Retry(
            max_retries=9,
            base_s=0.5,
            jitter="none",
            retry_after_limit_s=limit_s,
            beyond_limit=beyond,
        )
        log = plane(quota, retry, asking).requests()
        assert log.attempts.tolist() == [1, attempts]
        np.testing.assert_array_equal(log.dispatched_s, [0, dispatched_s])
