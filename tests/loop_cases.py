"""Cases that are drawn in which users wait for the end of a request before the next."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import strategies as st
from fleets import Case, cases_with_clients
from task_cases import cases_with_tasks, of_uneven_steps

from sim.model.closed import LoopRules
from sim.model.workload import OWN, Chains, Loop


@st.composite
def cases_with_sessions(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases in which many requests are one of up to eight of a user; some are tasks of calls."""
    case = _with_tasks_or_not(draw, verbs, hedges)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, most = len(case.arrival_s), draw(st.sampled_from([2, 4, 8]))
    first = rng.random(n) < 2 / most
    first[0] = True
    user = np.cumsum(first) - 1
    leads = np.flatnonzero(first)[user]
    user = np.where(np.isin(user, np.flatnonzero(rng.random(n) < 0.2)), -1, user)  # stand alone
    then_s = _thinking(draw, rng, n)
    then_s[np.append(np.diff(user) != 0, True) | (user < 0)] = math.nan
    return replace(
        case,
        arrival_s=np.where(user < 0, case.arrival_s, case.arrival_s[leads]),
        workload=np.where(user < 0, case.workload, case.workload[leads]),
        loop=Loop(user, then_s),
    )


@st.composite
def cases_with_populations(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases in which one workload, or both, are closed populations, of up to twenty users.

    Of their tasks all calls are of their own workload: no other can come after a population.
    """
    case = _with_tasks_or_not(draw, verbs, hedges)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = min(len(case.arrival_s), 20)
    case = _first_rows(case, n)
    both, ramps = draw(st.booleans()), draw(st.booleans())
    end_s = draw(st.sampled_from([2.0, 10.0])) + case.arrival_s[-1]
    closed: list[LoopRules | None] = [
        LoopRules(
            draw(st.sampled_from([None, 5, 40])),
            end_s,
            pause_s=rng.uniform(0.3, 3),
            in_order=draw(st.booleans()),
        )
        for _ in range(2)
    ]
    if not both:
        closed[1] = None
    is_closed = both | (case.workload == 0)
    return replace(
        case,
        arrival_s=case.arrival_s if ramps else np.full(n, case.arrival_s[0]),
        session=None if case.session is None else rng.integers(0, 6, n),
        chains=_of_their_own(case.chains) if case.session is not None else None,  # else by the feed
        loop=Loop(np.where(is_closed, np.arange(n), -1), _thinking(draw, rng, n)),
        closed=closed,
    )


def _with_tasks_or_not(draw: st.DrawFn, verbs: bool, hedges: bool) -> Case:
    """Of tasks one in three; the others with caches that often fill."""
    if draw(st.integers(0, 2)) == 0:
        case: Case = draw(cases_with_tasks(verbs, hedges))
    else:
        case = draw(cases_with_clients(draw(st.sampled_from([True, True, False])), verbs, hedges))
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        pools = [replace(each, profile=of_uneven_steps(each.profile, rng)) for each in case.pools]
        case = replace(case, pools=pools)
    return case


def _of_their_own(chains: Chains | None) -> Chains | None:
    return None if chains is None else chains._replace(workload=np.full_like(chains.workload, OWN))


def _first_rows(case: Case, n: int) -> Case:
    columns = case.piece(0, n)
    names = ("arrival_s", "prompt", "output", "workload", "patience_s", "session", "chains")
    return replace(case, **dict(zip(names, columns, strict=False)))


def _thinking(draw: st.DrawFn, rng: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
    """Times to think: continuous, or round ones, or none."""
    mean_s = draw(st.sampled_from([0.0, 0.1, 1.0]))
    then_s = rng.choice([0.0, 1.0, math.nan], n, p=[0.3, 0.1, 0.6])
    return np.where(np.isnan(then_s), mean_s * rng.exponential(1.0, n), then_s)
