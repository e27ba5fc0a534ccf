"""What prompts find in tiers, and how long they read it, in closed form."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fleets import END_S, Case, kernel_log, kernel_run, pool, profile, requests_of, run
from hypothesis import given
from hypothesis import strategies as st
from task_cases import LONG_TALKS, conversations

from sim.engine.plane.found import Tiers
from sim.engine.plane.plane import DataPlane
from sim.model.cache import Load, PrefixCache, Tier
from sim.model.workload import Prefixes

BLOCK = 64
ENGINE = profile(
    step_base_s=(0.01,), prefill_s_per_token=1e-3, kv_capacity_tokens=1 << 16, kv_block_tokens=16
)


def tier(blocks: int, s_per_block: float, kind: Any = "host", **changes: Any) -> Tier:
    """Of so many blocks, of a byte a token."""
    rate = BLOCK / s_per_block
    return Tier(kind, blocks * BLOCK, rate, rate, **changes)


def with_tiers(case: Case, blocks: int, *tiers: Tier, load: Load = "always") -> Case:
    """The same where each replica keeps so many blocks above tiers."""
    cache = PrefixCache(BLOCK, blocks * BLOCK, False, tiers, bytes_per_token=1.0, load=load)
    return replace(case, pools=[replace(case.pools[0], prefix_cache=cache)])


def named(case: Case, *prompts: range) -> Case:
    """The same with names of the leading blocks of each prompt."""
    count = np.array([len(prompt) for prompt in prompts], np.int32)
    return replace(case, prefixes=Prefixes(count, np.concatenate([*map(np.array, prompts)])))


def ttft_s(case: Case) -> Any:
    log = kernel_log(case)
    return log.first_token_s - log.arrival_s


# How long it takes

TOKENS = 10 * BLOCK + 1  # ten blocks, and the token that is always computed
FIRST = (0.0, TOKENS, 1)
OTHER = (50.0, TOKENS, 1)  # it takes the place of the first in a cache of ten blocks
REST_S = 0.01 + 1e-3  # of a step that computes the last token


def one_after_another(*more: tuple[float, int, int]) -> Case:
    case = requests_of(ENGINE, FIRST, OTHER, *more)
    return named(case, range(10), range(100, 110), *[range(10)] * len(more))


def test_who_reads_alone_waits_for_its_bytes_and_the_latency() -> None:
    case = with_tiers(one_after_another((100.0, TOKENS, 1)), 10, tier(99, 0.02, latency_s=0.005))
    assert ttft_s(case)[2] == pytest.approx(10 * 0.02 + 0.005 + REST_S)


def test_two_that_read_at_once_share_the_link() -> None:
    """Both have half of it, and are through after twice the time; then one step is theirs."""
    case = one_after_another((100.0, TOKENS, 1), (100.0, TOKENS, 1))
    times_s = ttft_s(with_tiers(case, 10, tier(99, 0.02)))[2:]
    assert times_s == pytest.approx(2 * 10 * 0.02 + 0.01 + 2e-3, rel=1e-9)


def test_tiers_are_read_one_after_the_other() -> None:
    """The host has the first four blocks, as it was full; the drive has the others."""
    tiers = tier(4, 0.02), tier(99, 0.05, "nvme", latency_s=0.001)
    case = requests_of(ENGINE, FIRST, (100.0, TOKENS, 1))
    case = with_tiers(named(case, range(10), range(10)), 1, *tiers)
    # Above lies one block; the host keeps the first four that were written, the drive all.
    expected_s = 3 * 0.02 + 6 * 0.05 + 0.001 + REST_S
    assert ttft_s(case)[1] == pytest.approx(expected_s)


@pytest.mark.parametrize(("s_per_block", "reads"), [(0.063, True), (0.065, False)])
def test_what_is_computed_sooner_is_not_read(s_per_block: float, reads: bool) -> None:
    """A block of 64 tokens is computed in 64 ms."""
    case = one_after_another((100.0, TOKENS, 1))
    case = with_tiers(case, 10, tier(99, s_per_block), load="faster")
    took_s = 10 * s_per_block + REST_S if reads else 0.01 + 1e-3 * TOKENS
    assert ttft_s(case)[2] == pytest.approx(took_s)
    found = Tiers.of(kernel_run(case).close_bin())
    assert found.loads.sum() == reads


def test_others_go_on_while_somebody_reads() -> None:
    """Who came later and finds nothing has its answer first."""
    late = (100.0, TOKENS, 1), (100.01, 20, 1)
    case = requests_of(ENGINE, FIRST, OTHER, *late)
    case = named(case, range(10), range(100, 110), range(10), range(0))
    log = kernel_log(with_tiers(case, 10, tier(99, 1.0)))
    assert log.finish_s[3] == pytest.approx(100.01 + 0.01 + 0.02)
    assert log.finish_s[2] == pytest.approx(110.0 + REST_S)


def test_what_a_replica_had_is_lost_with_it_and_a_store_is_not() -> None:
    def found_after_a_loss(kind: str) -> int:
        case = requests_of(ENGINE, FIRST, (100.0, TOKENS, 1))
        case = with_tiers(named(case, range(10), range(10)), 10, tier(99, 0.01, kind))
        plane = case.kernel()
        plane.feed(*case.requests)
        plane.close_feed()
        plane.advance(50.0)
        plane.kill(0)
        plane.add(0)
        plane.advance(END_S)
        return int(plane.requests().cached_tokens[1])

    assert [found_after_a_loss(kind) for kind in ("host", "nvme", "shared")] == [0, 0, 10 * BLOCK]


# How much is found


def che(weights: Any, room: int) -> Any:
    """Che's approximation: the chance that each of independent references is in a cache by LRU.

    Each is there if it was asked for in the last T, with sum(1 - exp(-w T)) = room.
    """
    low, high = 0.0, 1e12
    for _ in range(200):
        middle = math.sqrt(low * high) if low > 0 else high / 2
        there = (1 - np.exp(-weights * middle)).sum()
        low, high = (middle, high) if there < room else (low, middle)
    return 1 - np.exp(-weights * low)


@pytest.mark.parametrize(("above", "below"), [(20, 100), (50, 300), (5, 400)])
def test_two_caches_by_lru_find_what_che_says(above: int, below: int) -> None:
    """Independent references with Zipf's law; a tier that writes through sees all of them.

    Of 40,000 requests a share of 0.5 has a standard error of 0.0025; Che's own error is of the
    order of 0.005. The bound of 0.015 is beyond five errors: no false alarm in a million.
    """
    rng = np.random.default_rng(above)
    count, kinds = 40_000, 500
    weights = 1.0 / np.arange(1, kinds + 1) ** 0.8
    weights /= weights.sum()
    asked = rng.choice(kinds, count, p=weights)
    requests = [(10.0 * at, BLOCK + 1, 1) for at in range(count)]
    case = replace(
        requests_of(ENGINE, *requests),
        prefixes=Prefixes(np.ones(count, np.int32), asked.astype(np.int64)),
    )
    plane = kernel_run(with_tiers(case, above, tier(below, 0.01)))
    found = Tiers.of(plane.close_bin())
    asked_tokens = found.looked_up[0]
    upper, lower = che(weights, above), che(weights, below)
    assert asked_tokens == count * (BLOCK + 1)
    hits = found.found_above[0] / (count * BLOCK), found.read[0, 0] / count
    assert hits[0] == pytest.approx((weights * upper).sum(), abs=0.015)
    assert hits[1] == pytest.approx((weights * np.maximum(lower - upper, 0)).sum(), abs=0.015)


# Conservation


def plane_of(case: Case, until_s: float = END_S) -> DataPlane:
    plane = case.kernel()
    plane.feed(*case.requests)
    plane.close_feed()
    run(case, plane, until_s)
    return plane


@given(st.booleans(), st.booleans(), st.sampled_from([5, 40, 400]))
def test_tokens_found_are_those_above_and_those_read(
    shares: bool, through: bool, blocks: int
) -> None:
    """Of requests of which nobody hangs up or is preempted; and no tier holds more than it may."""
    engine = replace(LONG_TALKS, kv_capacity_tokens=400_000)
    capacity = 400_000 if shares else 10_000
    tiers = (
        Tier("host", 128 * blocks, 1e9, 1e9, writes_through=through),
        Tier("shared", 4 * 128 * blocks, 1e9, 1e9, latency_s=1e-3),
    )
    cache = PrefixCache(128, capacity, shares, tiers, bytes_per_token=1e4, load="always")
    case = conversations(engine, "least_loaded", cache)
    state = plane_of(case).close_bin()
    found = Tiers.of(state)
    assert (plane_of(case).requests().preemptions == 0).all()
    cached = int(state.workloads.cached_tokens.sum())
    assert found.looked_up[0] == state.workloads.prompt_tokens.sum()
    assert cached == found.found_above[0] + 128 * found.read[0].sum()
    assert (found.loads <= found.read).all()
    replicas = len(state.replicas)
    own, store = state.caches[replicas : replicas * 3], state.caches[replicas * 3 :]
    assert own.blocks.max(initial=0) <= blocks
    assert store.blocks.max() <= 4 * blocks
    assert found.written[0, 0] >= own.blocks.sum() > 0 or (shares and not through)
    assert found.written[0, 1] >= store.blocks.sum() > 0


def test_a_router_that_sees_tiers_goes_where_the_prompt_lies() -> None:
    """The first of two replicas has it on its host; it would be the turn of the second."""

    def last_goes_to(sees: bool) -> int:
        case = requests_of(ENGINE, FIRST, OTHER, OTHER, (100.0, TOKENS, 1), replicas=2)
        case = named(case, range(10), range(100, 110), range(200, 210), range(10))
        cache = PrefixCache(
            BLOCK, 0, False, (tier(99, 0.02),), 1.0, "always", router_sees_tiers=sees
        )
        fleet = replace(pool(ENGINE, 2, "prefix"), prefix_cache=cache)
        log = kernel_log(replace(case, pools=[fleet]))
        assert log.replica[:3].tolist() == [0, 1, 0]
        return int(log.replica[3])

    assert (last_goes_to(True), last_goes_to(False)) == (0, 1)
