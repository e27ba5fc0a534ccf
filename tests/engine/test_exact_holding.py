"""What a gateway holds back and lets go agrees with the naive simulator, whatever else happens."""

from dataclasses import replace

import numpy as np
import strategies as st
from agreement import assert_agreement
from drawn import drawn_anew
from fleets import Case, Verb, cases, kernel_log

from sim.engine.state import status


def held_back(case: Case, seed: int) -> Case:
    """The case with gateways that hold back and let go, some at a time, and in the end all."""
    rng = np.random.default_rng(seed)
    last_s = float(case.arrival_s[-1])
    times_s = np.sort(rng.uniform(0, last_s + 5, 12))
    verbs = [
        Verb(at_s, str(rng.choice(["hold_back", "let_go"])), int(rng.integers(100)), float(most))
        for at_s, most in zip(times_s.tolist(), rng.integers(1, 6, 12), strict=True)
    ]
    ends_s = last_s + 6.0
    verbs += [Verb(ends_s, "let_go", at, 1e6) for at in range(len(case.pools))]
    both = sorted((*case.verbs, *verbs), key=lambda verb: verb.at_s)
    return replace(case, verbs=tuple(both))


def test_the_kernel_agrees_under_gateways_that_hold_back() -> None:
    waited, finished = 0, 0

    @drawn_anew(150, cases(verbs=True), st.integers(0, 2**32 - 1))
    def agreement(case: Case, seed: int) -> None:
        nonlocal waited, finished
        held = held_back(case, seed)
        assert_agreement(held)
        log = kernel_log(held)
        waited += int((log.dispatched_s > log.arrival_s).sum())
        finished += int((log.status == status.COMPLETED).sum())

    agreement()
    assert waited > 500
    assert finished > 1_000


@drawn_anew(60, cases(tight=True, verbs=True), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_it_agrees_at_any_moment_where_memory_is_short(case: Case, seed: int, share: float) -> None:
    assert_agreement(held_back(case, seed), until_s=share * (case.arrival_s[-1] + 2))
