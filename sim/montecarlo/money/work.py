"""What the time of a pool's engine went to: for whom, in vain, and to nothing at all."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.engine.state.record import Records
from sim.model.design import Design, GpuPool
from sim.model.price import HOUR_S
from sim.model.profile import ServiceProfile
from sim.model.purchase import PayAsYouGo, PurchasePlan, fill
from sim.montecarlo.money.periods import by_hour
from sim.montecarlo.money.usage import ANSWERED, in_shares, users_of

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PoolWork:
    """Rented time of a pool, and what it went to.

    Attributes
    ----------
    start_s, end_s : (rentals,) float64
        Of each replica, within the horizon.
    busy_share : (hours,) float64
        Of the rented time, with somebody in the batch; the rest is idle, the start among it.
    wasted_share : float
        Of the busy time: that of all the tokens worked on that nobody waited for.
    shares : (workloads,) float64
        Of the workloads in the engine's time, adding up to 1.
    tokens : (4, hours) float64
        Of answers: their prompts, of these cached and written, and output.
    """

    start_s: FloatArray
    end_s: FloatArray
    busy_share: FloatArray
    wasted_share: float
    shares: FloatArray
    tokens: FloatArray


def pool_work(outcome: Outcome, design: Design, index: int, hours_s: FloatArray) -> PoolWork:
    """Work of the pool with this number."""
    ledger = outcome.ledger
    rentals = [(r.start_s, r.end_s) for r in outcome.rentals if r.pool == index]
    start_s, end_s = np.array(rentals, dtype=np.float64).reshape(-1, 2).T
    rented_s = rented_hours(start_s, end_s, hours_s) * HOUR_S
    busy_s = by_hour(ledger.pools[index]["busy_s"], ledger.edges_s, hours_s)
    share = np.divide(busy_s, rented_s, out=np.zeros_like(busy_s), where=rented_s > 0)
    pool, usage = design.pools[index], ledger.usage[:, index]
    tokens = np.stack([usage[name].sum(axis=(0, 1)) for name in ANSWERED])
    prompt, cached, _, output = (float(row.sum()) for row in tokens)
    wasted = float(usage["wasted_tokens"].sum())
    worked = prompt - cached + output + wasted
    return PoolWork(
        start_s,
        end_s,
        # A bin that is longer than an hour is spread over hours with fewer replicas, too.
        share.clip(0.0, 1.0),
        wasted / worked if worked > 0 else 0.0,
        in_shares(work_s(pool, usage, ledger.pools[index]), users_of(design, pool.name)),
        by_hour(tokens, ledger.edges_s, hours_s),
    )


def rented_hours(start_s: FloatArray, end_s: FloatArray, hours_s: FloatArray) -> FloatArray:
    """Replica-hours in each hour.

    Examples
    --------
    >>> hours = np.array([0.0, 3600.0, 7200.0])
    >>> rented_hours(np.array([0.0, 1800.0]), np.array([7200.0, 3600.0]), hours)
    array([1.5, 1. ])
    """
    (every,) = fill(PurchasePlan((PayAsYouGo(0.0),)), start_s, end_s, 1, hours_s)
    return every.used


def work_s(pool: GpuPool, usage: Records, booked: Records) -> FloatArray:
    """Engine time of each workload at a pool, up to a common factor.

    Prompts and answers are weighed by the pool's profile, at the mean batch of the horizon; wasted
    tokens like the others of their workload.

    Parameters
    ----------
    pool : GpuPool
    usage : (workloads, BILLINGS, bins) USAGE
    booked : (bins,) POOL

    Returns
    -------
    (workloads,) float64
    """
    answers, prompt, cached, output, wasted = (
        usage[name].sum(axis=(1, 2)).astype(np.float64)
        for name in ("answers", "prompt_tokens", "cached_tokens", "output_tokens", "wasted_tokens")
    )
    total = max(answers.sum(), 1.0)
    held = (prompt.sum() + output.sum() / 2) / total
    each_s = output * _token_s(pool.profile, booked, held)
    each_s += _prefill_s(pool.profile, answers, prompt, cached)
    tokens = prompt - cached + output
    mean_s = each_s.sum() / tokens.sum() if tokens.sum() > 0 else 1.0
    token_s = np.divide(each_s, tokens, out=np.full(len(tokens), mean_s), where=tokens > 0)
    worked_s: FloatArray = each_s + wasted * token_s
    return worked_s


def _token_s(profile: ServiceProfile, booked: Records, held: float) -> float:
    """Engine time of a token of an answer, in the mean batch of sequences of a mean length."""
    busy_s = float(booked["busy_s"].sum())
    mean = float(booked["running_s"].sum()) / busy_s if busy_s > 0 else 1.0
    batch = min(max(round(mean), 1), profile.max_num_seqs)
    return profile.step_s(batch, batch * held) / batch


def _prefill_s(
    profile: ServiceProfile, answers: FloatArray, prompt: FloatArray, cached: FloatArray
) -> FloatArray:
    """Engine time of the prompts of each workload, as if all of a workload were of one length."""
    squares = np.divide(
        prompt**2 - cached**2, answers, out=np.zeros_like(prompt), where=answers > 0
    )
    return (
        profile.prefill_s_per_request * answers
        + profile.prefill_s_per_token * (prompt - cached)
        + profile.prefill_s_per_token_context * squares / 2
    )
