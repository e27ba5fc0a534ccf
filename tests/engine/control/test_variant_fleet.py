"""Variants under one autoscaler: who gains a replica, who loses one, and who stands in."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from fleets import pool, profile
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.control.variant_fleet import SLACK, shares
from sim.engine.simulation import Outcome, simulate
from sim.model.autoscaler import Hpa, Joint
from sim.model.design import Design, GpuPool, Horizon
from sim.model.distributions import Constant
from sim.model.gateway import Gateway
from sim.model.lifecycle import Alternation, ColdStart, Lifecycle
from sim.model.routing import to_one
from sim.model.streams import Streams
from sim.model.variants import Variants
from sim.model.workload import RequestBlock, Slo, Workload
from sim.montecarlo.metrics import metrics

PARTS = st.tuples(st.floats(1, 5), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))


@given(st.lists(PARTS, min_size=1, max_size=4), st.floats(0, 40))
def test_enough_is_asked_for_wherever_there_is_enough(
    drawn: list[tuple[float, int, int, int]], wanted: float
) -> None:
    parts = [
        (weight, min(max(n, low), low + more), 0, low, low + more) for weight, n, low, more in drawn
    ]
    counts = shares(wanted, parts)
    has = sum(weight * count for (weight, *_), count in zip(parts, counts, strict=True))
    for (_, _, _, fewest, most), count in zip(parts, counts, strict=True):
        assert fewest <= count <= most
    assert has >= min(wanted, sum(weight * most for weight, _, _, _, most in parts)) - SLACK
    again = [(w, n, 0, low, most) for (w, _, _, low, most), n in zip(parts, counts, strict=True)]
    counts = shares(wanted, again)  # now nobody is added, and whoever is too many goes
    has = sum(weight * count for (weight, *_), count in zip(parts, counts, strict=True))
    for (weight, _, _, fewest, _), count in zip(parts, counts, strict=True):
        assert count == fewest or has - weight < wanted + SLACK
    again = [(w, n, 0, low, most) for (w, _, _, low, most), n in zip(parts, counts, strict=True)]
    assert shares(wanted, again) == counts


class Steps:
    """So many requests a second, one after the other, as a function of the time."""

    def __init__(self, rate: Callable[[float], float]) -> None:
        self.rate = rate

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        times, now_s = [], start_s
        while now_s < end_s:
            times.append(now_s)
            now_s += 1.0 / self.rate(now_s)
        ones = np.ones(len(times), np.int32)
        yield RequestBlock(np.array(times), ones, np.full(len(times), 10, np.int32))


def design(cheap: Lifecycle, rate: Callable[[float], float]) -> Design:
    """A cheap variant of weight 1 with two replicas at most, and a dear one of weight 3.

    A replica of weight 1 is to have four requests a second.
    """
    policy = Hpa(target=4.0, metric="requests_per_s", min_replicas=1, max_replicas=11)
    gateway = Gateway(holds=True)
    started = Lifecycle(cold_start=ColdStart(Constant(10.0), (Constant(20.0),)))

    def part(name: str, speed: float, least: int, most: int, life: Lifecycle) -> GpuPool:
        engine = profile(step_base_s=(0.1 / speed,), max_num_seqs=int(8 * speed))
        fleet = pool(engine, least, "least_loaded", name, gateway)
        return replace(fleet, autoscaler=Joint(most, least), lifecycle=life)

    parts = (part("cheap", 1.0, 1, 2, cheap), part("dear", 3.0, 0, 3, started))
    joined = Variants("all", ("cheap", "dear"), (1.0, 3.0), gateway=gateway, autoscaler=policy)
    work = Workload("w", Steps(rate), "all", Slo(), routing=to_one("all"))
    onward = replace(work.route, onward=("cheap", "dear"))
    horizon = Horizon(datetime(2026, 11, 23), 3600.0, 0.0, 60.0)
    return Design("d", horizon, (replace(work, routing=onward),), parts, variants=(joined,))


def ready(outcome: Outcome, at: int, from_s: float, to_s: float) -> float:
    """Replicas of a variant that serve, in the mean of a time."""
    bins = slice(int(from_s // 60), int(to_s // 60))
    return float(outcome.ledger.pools[at]["ready_s"][bins].mean() / 60)


PLAIN = Lifecycle(cold_start=ColdStart(Constant(10.0), (Constant(20.0),)))


def test_the_cheap_variant_comes_first_and_the_dear_one_goes_first() -> None:
    """7 a second want 2 of weight 1, and 20 want 5: two cheap ones and a dear one."""

    def rate(at_s: float) -> float:
        return 7.0 if at_s < 900 else 20.0 if at_s < 1800 else 3.0

    outcome = simulate(design(PLAIN, rate), Streams(1, 0))
    assert (ready(outcome, 0, 300, 900), ready(outcome, 1, 300, 900)) == (2.0, 0.0)
    assert (ready(outcome, 0, 1200, 1800), ready(outcome, 1, 1200, 1800)) == (2.0, 1.0)
    assert (ready(outcome, 0, 3000, 3600), ready(outcome, 1, 3000, 3600)) == (1.0, 0.0)


def test_what_is_not_to_be_had_is_stood_in_for_until_it_is() -> None:
    """Of the cheap variant nothing is to be had for the first 30 minutes."""
    spells = Alternation(on=Constant(1e-3), off=Constant(1800.0))
    out = replace(PLAIN, capacity_outages=spells)
    outcome = simulate(design(out, lambda _: 7.0), Streams(1, 0))
    assert (ready(outcome, 0, 300, 1500), ready(outcome, 1, 300, 1500)) == (1.0, 1.0)


def test_what_adds_up_adds_up() -> None:
    """Requests, dollars and GPU-hours of the variants are those of the backend, and of all."""
    made = design(PLAIN, lambda at_s: 16.0 if 900 < at_s < 1800 else 6.0)
    outcome = simulate(made, Streams(1, 0))
    figures = metrics(outcome, made)
    for name in ("cost_usd", "gpu_hours", "answers", "ready_replicas_mean", "queue_mean"):
        parts = math.fsum(figures[f"backends.{part}.{name}"] for part in ("cheap", "dear"))
        assert figures[f"backends.all.{name}"] == pytest.approx(parts, rel=1e-12), name
    assert figures["backends.all.cost_usd"] == pytest.approx(figures["cost_usd"], rel=1e-12)
    assert figures["backends.all.answers"] == figures["completed"]
    assert figures["backends.all.attempts"] == figures["attempts"] == figures["requests"]
    routed = sum(figures[f"backends.{part}.attempts"] for part in ("cheap", "dear"))
    assert routed == figures["requests"]  # none was held at the end, or sent anew
