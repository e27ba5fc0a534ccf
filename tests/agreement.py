"""Whether the compiled kernel does what the naive simulator does, and how much happened there."""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn import checked
from fleets import END_S, Case, Operator, Verb, kernel_run, run
from naive.data_plane import NaiveDataPlane
from naive.tiers import Tier
from strategies import Strategy

from sim.engine.state import status
from sim.engine.state.state import State

EQUAL = ("status", "replica", "rank", "attempts", "preemptions", "workload", "task")
EQUAL += ("cached_tokens",)
COUNTS = (
    "attempts",
    "retries",
    "retries_withheld",
    "hedges",
    "response_hits",
    "wasted_tokens",
)
COUNTS += ("prompt_tokens", "output_tokens", "cached_tokens")
COUNTS += ("found_later_tokens", "found_again_tokens", "shed")
COUNTS_OF_ROUTES = ("fallbacks", "escalations", "degraded")
WORK = ("decoded", "context", "prompts", "prefilled", "prefill_s")
ROUNDS = 6  # of cases that are drawn
MOVED = ("transfers", "moved_bytes", "handoff_s")
ADAPTERS = ("asked", "found", "loads", "fetches", "evictions", "load_s")
CLOSE = ("arrival_s", "dispatched_s", "ready_s", "admitted_s", "first_token_s", "finish_s")


def assert_agreement(case: Case, until_s: float = END_S) -> Counter[str]:
    """Kernel and naive simulator agree on the case; how often what happened in it.

    Left out are cases in which two replicas end a step at the same moment and one of these ends
    matters elsewhere, if times are rounded: the last bit of a sum decides which of them is the
    first.
    """
    naive = case.naive()
    run(case, naive, until_s)
    if naive.seen["photo finish"] and not case.on_grid:
        return Counter(left_out=1)
    plane = kernel_run(case, until_s)
    log = plane.requests()
    assert len(log) == len(naive.everyone)
    for column in EQUAL:
        np.testing.assert_array_equal(log[column], naive.column(column), column)
    for column in ("prompt", "output"):
        np.testing.assert_array_equal(log[f"{column}_tokens"], naive.column(column), column)
    for column in CLOSE:
        np.testing.assert_allclose(
            log[column], naive.column(column), rtol=1e-9, atol=1e-12, err_msg=column
        )
    if case.managed is not None or case.variants is not None:
        sent = log.attempts > 0
        np.testing.assert_array_equal(log.backend[sent], naive.column("backend")[sent])
    assert_same_books(case, naive, plane.close_bin(), until_s == END_S)
    return happenings(naive)


def assert_same_books(
    case: Case, naive: NaiveDataPlane, state: State, is_over: bool = True
) -> None:
    """What is counted for workloads, and for the bill, is the same.

    What goes down to a tier the kernel books when it is looked for: by the end at the latest.
    """
    for index, counts in enumerate(state.workloads):
        booked = naive.books.counts[index]
        names = COUNTS if case.managed is None else COUNTS_OF_ROUTES + COUNTS
        assert {name: int(counts[name]) for name in names} == {name: booked[name] for name in names}
    for p, pool in enumerate(state.pools[: len(case.pools)]):
        replicas = [
            replica for replica, of in zip(naive.replicas, naive.pool_of, strict=True) if of == p
        ]
        worked = {name: math.fsum(replica.work[name] for replica in replicas) for name in WORK}
        worked |= {name: naive.gateways[p].moved[name] for name in MOVED}
        worked["frontend_s"] = math.fsum(replica.front.work_s for replica in replicas)
        assert {name: float(pool[name]) for name in worked} == pytest.approx(worked, rel=1e-9)
        assert_same_tiers(naive.tiers[p], state.tiers[p], is_over)
        for name in ADAPTERS if len(state.adapter_pools) else ():
            counted = math.fsum(replica.shelf.counts[name] for replica in replicas)
            assert float(state.adapter_pools[p][name]) == pytest.approx(counted, rel=1e-9), name
        for name in ("looked_up", "found_above"):
            assert int(pool[name]) == sum(replica.looked[name] for replica in replicas), name
    if case.managed is None and case.variants is None:
        return
    for place in np.ndindex(state.usage.shape):
        booked, used = naive.books.usage[place], state.usage[place]
        names = used.dtype.names
        assert {name: int(used[name]) for name in names} == {name: booked[name] for name in names}
    assert state.pools.rejected.tolist() == [backend.rejected for backend in naive.backends]
    assert state.pools.outstanding.tolist() == [backend.outstanding for backend in naive.backends]


def assert_same_tiers(ever: list[list[Tier]], rows: Any, is_over: bool) -> None:
    """What tiers have taken and given."""
    for at in range(max(map(len, ever), default=0)):
        tiers = {id(stack[at]): stack[at] for stack in ever}.values()
        for name in ("read", "loads", *["written"] * bool(is_over)):
            assert int(rows[name][at]) == sum(getattr(tier, name) for tier in tiers), (at, name)


def happenings(naive: NaiveDataPlane) -> Counter[str]:
    """What happened in a run, for tests that ask for a population in which enough did."""
    fates = Counter(status.NAMES[request.status] for request in naive.everyone)
    long_tasks = [task for task in naive.tasks if len(task.calls) > 1]
    ends = Counter(f"long task {status.NAMES[task.status]}" for task in long_tasks)
    return (
        naive.seen
        + fates
        + ends
        + Counter(
            {
                "compared": 1,
                "preempted": int(naive.column("preemptions").sum()),
                "prompts found": int((naive.column("cached_tokens") > 0).sum()),
                "adapters loaded": sum(it.shelf.counts["loads"] for it in naive.replicas),
                "adapters found": sum(it.shelf.counts["found"] for it in naive.replicas),
                "adapters evicted": sum(it.shelf.counts["evictions"] for it in naive.replicas),
                "adapters fetched": sum(it.shelf.counts["fetches"] for it in naive.replicas),
                "passed over": sum(it.shelf.counts["passed over"] for it in naive.replicas),
                "out of turn": int((np.diff(naive.column("admitted_s")) < 0).sum()),
                "shed": sum(counts["shed"] for counts in naive.books.counts.values()),
                "gave way": sum(replica.gave_way for replica in naive.replicas),
                "beyond the limit": sum(gateway.beyond_limit for gateway in naive.gateways),
                "written": sum(tier.written > 0 for tier in all_tiers(naive)),
                "loads": sum(tier.loads for tier in all_tiers(naive)),
                "evicted": sum(replica.cache.evicted for replica in naive.replicas),
                "shared": sum(replica.cache.shared for replica in naive.replicas),
            }
        )
    )


def all_tiers(naive: NaiveDataPlane) -> list[Tier]:
    """Of all replicas that there ever were; a store once for each of these."""
    return [tier for pool in naive.tiers for stack in pool for tier in stack]


def missing(seen: Counter[str], least: dict[str, int]) -> dict[str, int]:
    """What happened less often than it should have."""
    return {what: seen[what] for what, count in least.items() if seen[what] < count}


def assert_population(cases: Strategy[Case], examples: int, least: dict[str, int]) -> None:
    """Kernel and naive simulator agree on drawn cases, in which enough happened.

    Parameters
    ----------
    cases : strategy
    examples : int
        Cases to draw: three in five where all that must have happened did by then. Where it did
        not, more are drawn, and at most `ROUNDS` times as many: how often something rare is in so
        few cases is a matter of chance.
    least : dict of str to int
        What must have happened, and how often at least, for the agreement to mean something.
    """
    seen: Counter[str] = Counter()

    def agreement(case: Case) -> None:
        seen.update(assert_agreement(case))

    fewest = -(-3 * examples // 5)
    for drawn in range(ROUNDS * examples):
        checked(drawn, agreement, cases)
        if drawn + 1 >= fewest and not missing(seen, least):
            return
    assert missing(seen, least) == {}


def looked_at(case: Case, seed: int) -> Case:
    """The same case, with the kernel entered at more times: arbitrary ones, and arrivals."""
    rng = np.random.default_rng(seed)
    extra_s = np.append(rng.uniform(0, case.arrival_s[-1] + 20, 50), case.arrival_s)
    looks = tuple(Verb(at_s, "look", 0) for at_s in extra_s.tolist())
    verbs = sorted((*case.verbs, *looks), key=lambda verb: verb.at_s)
    return replace(case, verbs=tuple(verbs))


def log_fed_in_pieces(case: Case, size: int) -> Any:
    """The kernel's log when it is fed a few requests at a time, each time when it asks for more."""
    plane = case.kernel()
    operator = Operator(case, plane)
    begin = 0
    while begin < len(case.arrival_s):
        end = _end_of_user(case, begin + size)
        plane.feed(*case.piece(begin, end))
        operator.advance(END_S)
        begin = end
    plane.close_feed()
    operator.advance(END_S)
    return plane.requests()


def _end_of_user(case: Case, end: int) -> int:
    """The first place from ``end`` on at which the requests of a user are not taken apart."""
    if case.loop is not None:
        user = case.loop.user
        while end < len(user) and user[end] == user[end - 1] >= 0:
            end += 1
    return end
