"""Links share their bandwidth among all that is sent: as a naive one does, and as theory has it."""

import math
from typing import Any

import numba
import numpy as np
import pytest
import strategies as st
from drawn import drawn_anew
from fleets import pool, profile
from naive.link import Link

from sim.engine.plane.growth import with_open_links, with_slots
from sim.engine.plane.setup import empty_state
from sim.engine.replica import link
from sim.engine.state.inlined import EntryCompiler
from sim.engine.state.record import NONE
from sim.engine.state.state import State
from sim.engine.state.thin import numbered, thin

STOP = -1  # instead of a link: what is sent in the slot is broken off


@numba.njit(pipeline_class=EntryCompiler, error_model="numpy")  # links what the kernel calls
def _play(
    numbers: Any, at_s: Any, where: Any, slots: Any, work_s: Any, air_s: Any, out: Any
) -> int:
    """Begin and break off what is told, at its times; who arrives, and when."""
    s = thin(numbers)
    arrived = 0
    for i in range(len(at_s) + 1):
        until_s = at_s[i] if i < len(at_s) else np.inf
        while s.clock[0].link_s <= until_s and s.clock[0].link_s < np.inf:
            now_s = s.clock[0].link_s
            slot = link.end_next(s, link.first(s), now_s)
            if slot != NONE:
                out[arrived, 0], out[arrived, 1] = slot, now_s
                arrived += 1
        if i == len(at_s):
            break
        if where[i] != STOP:
            link.start(s, where[i], slots[i], work_s[i], air_s[i], at_s[i])
        elif s.transfers[slots[i]].stage in (2, 3):  # under way
            link.stop(s, slots[i], at_s[i])
    return arrived


def a_state(slots: int, pools: int) -> State:
    fleet = [pool(profile(), name=str(index)) for index in range(pools)]
    state = empty_state(fleet, (), 1, 0.0)
    state.clock.has_transfers = 1
    return with_slots(with_open_links(state), max(slots, len(state.slots)))


def play(*columns: Any, links: int) -> list[tuple[int, float]]:
    count = len(columns[0])
    state, out = a_state(count, links), np.zeros((count, 2))
    arrived = _play(numbered(state), *columns, out)
    assert (state.links.sending[:links] == 0).all()
    assert np.isinf(state.clock[0].link_s)
    return [(int(slot), at_s) for slot, at_s in out[:arrived]]


def play_naively(*columns: Any, links: int) -> list[tuple[int, float]]:
    these = [Link() for _ in range(links)]
    arrived = []
    under_way: dict[int, Link] = {}

    def run(until_s: float) -> None:
        while (now_s := min(each.next_s for each in these)) <= until_s and now_s < math.inf:
            slot = min(these, key=lambda each: each.next_s).end_next(now_s)
            if slot is not None:
                arrived.append((slot, now_s))
                del under_way[slot]

    for at_s, where, slot, work_s, air_s in zip(*columns, strict=True):
        run(at_s)
        if where != STOP:
            under_way[slot] = these[where]
            these[where].start(slot, work_s, air_s, at_s)
        elif slot in under_way:
            under_way.pop(slot).stop(slot, at_s)
    run(math.inf)
    return arrived


@drawn_anew(150, st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_all_arrives_when_a_naive_link_says(seed: int, links: int, bursts: bool) -> None:
    """Slots are fresh, or of what was begun before and is broken off; some work is none at all."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 120))
    gaps_s = rng.exponential(1.0, n) * (rng.random(n) >= (0.6 if bursts else 0.0))
    where = rng.integers(0, links, n)
    slots = np.arange(n)
    stops = rng.random(n) < rng.choice([0.0, 0.3])
    stops[0] = False
    where[stops] = STOP
    slots[stops] = rng.integers(0, n, int(stops.sum()))
    work_s = rng.exponential(links * rng.choice([0.3, 0.9, 3.0]), n) * (rng.random(n) > 0.1)
    work_s[rng.random(n) < 0.2] = 1.0
    air_s = rng.choice([0.0, 0.0, 0.7, rng.uniform(0, 3)], n)
    columns = np.cumsum(gaps_s), where, slots, work_s, air_s
    arrived, told = play(*columns, links=links), play_naively(*columns, links=links)
    times_s = [at_s for _, at_s in arrived]
    np.testing.assert_allclose(times_s, [at_s for _, at_s in told], rtol=1e-9, atol=1e-12)
    apart = min(np.diff(times_s), default=1.0) > 1e-9
    if apart:
        assert [slot for slot, _ in arrived] == [slot for slot, _ in told]
    assert sorted(slot for slot, _ in arrived) == sorted(slot for slot, _ in told)


def mean_sojourn_s(work_s: Any, load: float, seed: int) -> tuple[float, float]:
    """Mean time on the link, and mean of the time over the work, of Poisson arrivals."""
    rng = np.random.default_rng(seed)
    n = len(work_s)
    at_s = np.cumsum(rng.exponential(work_s.mean() / load, n))
    columns = at_s, np.zeros(n, np.int64), np.arange(n), work_s, np.zeros(n)
    state, out = a_state(n, 1), np.zeros((n, 2))
    assert _play(numbered(state), *columns, out) == n
    took_s = np.empty(n)
    took_s[out[:, 0].astype(int)] = out[:, 1]
    took_s -= at_s
    later = slice(n // 10, None)
    return float(took_s[later].mean()), float((took_s / work_s)[later].mean())


@pytest.mark.parametrize(("load", "deviation"), [(0.5, 0.008), (0.8, 0.02)])
def test_processor_sharing_takes_as_long_as_theory_says_whatever_the_sizes(
    load: float, deviation: float
) -> None:
    """M/G/1-PS: E[T] = E[w] / (1 - load), and E[T | w] / w = 1 / (1 - load) for every size w.

    Within four standard deviations, as they were over 20 other seeds: false alarms in 6e-5.
    """
    rng = np.random.default_rng(1)
    n = 200_000
    sizes = rng.exponential(1.0, n), np.where(rng.random(n) < 0.9, 0.2, 8.2), np.ones(n)
    for number, work_s in enumerate(sizes):
        mean_s, slowdown = mean_sojourn_s(work_s, load, seed=number + 2)
        assert mean_s == pytest.approx(work_s.mean() / (1 - load), rel=4 * deviation)
        assert slowdown == pytest.approx(1 / (1 - load), rel=4 * deviation)
