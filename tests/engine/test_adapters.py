"""Adapters in closed form: how long loads take, who waits for whom, and how many are found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from adapter_cases import cases_with_adapters
from drawn import drawn_anew
from fleets import Case, kernel_log, kernel_run, profile, requests_of
from naive.adapters import drawn
from test_tiers import che

from sim.engine.plane.found import AdapterCounts
from sim.model.adapters import Adapters, AdapterSlots, zipf

STEP_S = 0.01
ENGINE = profile(step_base_s=(STEP_S,), max_num_seqs=8)
LOAD_S, FETCH_S = 0.5, 2.0
ALIKE = zipf(2, 0.0)


def slots(count: int, host: int = 100, **changes: Any) -> AdapterSlots:
    """Of adapters of one byte, which take a second or several to come."""
    held = AdapterSlots(count, host, 1.0, 1.0 / LOAD_S, fetch_bytes_per_s=1.0 / FETCH_S)
    return replace(held, **changes)


def asking(case: Case, held: AdapterSlots, *wanted: int) -> Case:
    """The same where requests need the one or the other of two adapters, by their sessions."""
    needed = [Adapters(1, ALIKE)]
    key = np.uint64(case.key)
    sessions = [
        next(who for who in range(100) if drawn(needed, key, 0, who) == one) for one in wanted
    ]
    pools = [replace(case.pools[0], adapters=held)]
    return replace(case, pools=pools, adapters=needed, session=np.array(sessions))


def ttft_s(case: Case) -> Any:
    log = kernel_log(case)
    return log.first_token_s - log.arrival_s


# How long it takes


def test_a_step_waits_for_the_adapter_that_it_needs() -> None:
    """From afar the first time, from the host once it has lost its slot, and else not at all."""
    times = [(at, 5, 1) for at in (0.0, 10.0, 20.0, 30.0, 40.0)]
    case = asking(requests_of(ENGINE, *times), slots(1), 0, 0, 1, 0, 0)
    afar, near, there = FETCH_S + LOAD_S + STEP_S, LOAD_S + STEP_S, STEP_S
    assert ttft_s(case) == pytest.approx([afar, there, afar, near, there])


def test_a_host_with_room_for_the_slots_only_keeps_none_that_has_lost_its_own() -> None:
    times = [(at, 5, 1) for at in (0.0, 10.0, 20.0)]
    case = asking(requests_of(ENGINE, *times), slots(1, 1), 0, 1, 0)
    assert ttft_s(case) == pytest.approx([FETCH_S + LOAD_S + STEP_S] * 3)


def test_those_that_run_wait_as_well() -> None:
    """The second load falls into the steps of the first answer."""
    case = asking(requests_of(ENGINE, (0.0, 5, 100), (3.0, 5, 1)), slots(2), 0, 1)
    log = kernel_log(case)
    assert log.finish_s[0] == pytest.approx(2 * (FETCH_S + LOAD_S) + 100 * STEP_S)


def test_steps_are_longer_by_a_share_and_by_the_adapters_in_them() -> None:
    held = slots(2, step_overhead=0.5, step_overhead_per_adapter=0.25, load_bytes_per_s=np.inf)
    held = replace(held, fetch_bytes_per_s=np.inf)
    case = asking(requests_of(ENGINE, (0.0, 5, 100), (0.0, 5, 50)), held, 0, 1)
    log = kernel_log(case)
    assert log.finish_s[1] == pytest.approx(50 * 2.0 * STEP_S)
    assert log.finish_s[0] == pytest.approx(50 * 2.0 * STEP_S + 50 * 1.75 * STEP_S)


# Who waits for whom

LONG = (0.0, 5, 1000)  # which holds the only slot
OTHER, SAME = (3.0, 5, 1), (3.1, 5, 1)
FREE_S = FETCH_S + LOAD_S + 1000 * STEP_S


def test_who_finds_no_slot_is_passed_over_and_waits_for_it() -> None:
    log = kernel_log(asking(requests_of(ENGINE, LONG, OTHER, SAME), slots(1), 0, 1, 0))
    assert log.first_token_s[2] < 3.2
    assert log.first_token_s[1] == pytest.approx(FREE_S + FETCH_S + LOAD_S + STEP_S)


def test_who_finds_no_slot_holds_up_others_where_the_engine_blocks() -> None:
    held = slots(1, blocks=True)
    log = kernel_log(asking(requests_of(ENGINE, LONG, OTHER, SAME), held, 0, 1, 0))
    after_s = FREE_S + FETCH_S + LOAD_S + STEP_S
    assert log.first_token_s[1] == pytest.approx(after_s)
    assert log.first_token_s[2] == pytest.approx(after_s + LOAD_S + STEP_S)


# What it is like without


@drawn_anew(6, cases_with_adapters(verbs=True, hedges=True))
def test_slots_for_all_that_cost_nothing_change_nothing(case: Case) -> None:
    """As if nobody needed any: but for caches of prompts, which adapters do not share."""
    plain = [replace(each, adapters=None, prefix_cache=None) for each in case.pools]
    free = AdapterSlots(100, 100, 0.0, np.inf)
    given = [replace(each, adapters=free) for each in plain]
    log = kernel_log(replace(case, pools=given))
    assert log.tobytes() == kernel_log(replace(case, pools=plain, adapters=None)).tobytes()


@drawn_anew(6, cases_with_adapters())
def test_one_adapter_for_all_is_a_slower_engine(case: Case) -> None:
    """Steps that take half as long again are those of a profile with such times.

    One for each workload, for the calls of a task may be of several.
    """
    alike = [Adapters(1, (1.0,)) for _ in case.workload_pool]
    held = AdapterSlots(100, 100, 0.0, np.inf, step_overhead=0.5)
    plain = [replace(each, adapters=None, prefix_cache=None) for each in case.pools]
    slowed = [replace(each, profile=each.profile.sped_up(1 / 1.5)) for each in plain]
    given = [replace(each, adapters=held) for each in plain]
    ours = kernel_log(replace(case, pools=given, adapters=alike))
    theirs = kernel_log(replace(case, pools=slowed, adapters=None))
    np.testing.assert_allclose(ours.finish_s, theirs.finish_s, rtol=1e-9, atol=1e-12)


@drawn_anew(6, cases_with_adapters(verbs=True, hedges=True))
def test_what_is_loaded_is_still_there_has_given_its_slot_or_went_with_its_replica(
    case: Case,
) -> None:
    counts = AdapterCounts.of(kernel_run(case).close_bin())
    assert counts is not None
    assert counts.loads.tolist() == (counts.evictions + counts.held + counts.lost).tolist()
    assert counts.asked.tolist() == (counts.found + counts.loads).tolist()


# How many are found


@pytest.mark.parametrize(("count", "room", "exponent"), [(200, 8, 1.0), (1000, 64, 1.2)])
def test_slots_by_lru_find_what_che_says(count: int, room: int, exponent: float) -> None:
    """Requests that never meet draw adapters independently by Zipf's law.

    Of 40,000 a share of 0.5 has a standard error of 0.0025; Che's own error is of the order of
    1 / slots of the share that is missed, at most 0.005 here: a bound of four and that.
    """
    n, weights = 40_000, np.array(zipf(count, exponent))
    case = requests_of(ENGINE, *((0.1 * at, 5, 1) for at in range(n)))
    held = AdapterSlots(room, count, 0.0, np.inf)
    needed = [Adapters(1, tuple(weights.tolist()))]
    case = replace(case, pools=[replace(case.pools[0], adapters=held)], adapters=needed)
    counts = AdapterCounts.of(kernel_run(case).close_bin())
    assert counts is not None
    weights /= weights.sum()
    expected = float((weights * che(weights, room)).sum())
    assert counts.found[0] / counts.asked[0] == pytest.approx(expected, abs=0.015)
