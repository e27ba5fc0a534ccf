"""What the time of a pool's replicas went to: for whom, in vain, and to nothing at all.

A replica with one request is busy, and might serve a hundred. What its time went to is therefore
told by what the work of the hour would have taken at the replica's capacity, as
:mod:`sim.model.capacity` defines it, which is also what "work offered to capacity" means:

- **worked**: that time, used for those who waited for their answers or wasted on the others;
- **headroom**: somebody was in the batch of a ready replica, and more could have been;
- **idle**: the rest of what was rented: nobody there, starting, draining beyond the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome, Rental
from sim.engine.state.record import Records
from sim.model.capacity import Work, needed_s
from sim.model.design import Design, GpuPool
from sim.model.price import HOUR_S
from sim.model.profile import ServiceProfile
from sim.model.purchase import PayAsYouGo, PurchasePlan, fill
from sim.montecarlo.money.drawn import Drawn, drawn
from sim.montecarlo.money.periods import by_hour
from sim.montecarlo.money.usage import ANSWERED, in_shares, users_of
from sim.montecarlo.prompt_spread import prompt_cv2

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PoolWork:
    """Rented time of a pool, and what it went to.

    Attributes
    ----------
    start_s, end_s : (rentals,) float64
        Of each replica within the horizon, or of each node that is bought whole.
    stands_in : (rentals,) bool
        Whether it is rented on demand in the place of one on spot.
    gpus : int
        Of each.
    placed_share : (hours,) float64
        Of these GPUs, those of replicas: 1 but for nodes that are bought whole.
    busy_share : (hours,) float64
        Of the rented time, with somebody in the batch.
    worked_share, headroom_share : (hours,) float64
        Of the rented time; the rest is idle, the start among it.
    wasted_share : float
        Of what was worked: on tokens that nobody waited for.
    shares, wasted_shares : (workloads,) float64
        Of the workloads in the engine's time, and in what of it was wasted, adding up to 1.
    tokens : (4, hours) float64
        Of answers: their prompts, of these cached and written, and output.
    drawn : Drawn or None
        What the GPUs have drawn, where that is asked for, in each time bin.
    idle_j, active_j : (hours,) float64 or None
        The same by the hour; None where nobody asks.
    """

    start_s: FloatArray
    end_s: FloatArray
    stands_in: BoolArray
    gpus: int
    placed_share: FloatArray
    busy_share: FloatArray
    worked_share: FloatArray
    headroom_share: FloatArray
    wasted_share: float
    shares: FloatArray
    wasted_shares: FloatArray
    tokens: FloatArray
    drawn: Drawn | None = None
    idle_j: FloatArray | None = None
    active_j: FloatArray | None = None


def pool_work(outcome: Outcome, design: Design, index: int, hours_s: FloatArray) -> PoolWork:
    """Work of the pool with this number."""
    ledger, pool = outcome.ledger, design.pools[index]
    rentals = [r for r in outcome.rentals if r.pool == index]
    bought = outcome.bought(design, index)
    rented_s = rented_hours(*_ends(rentals), hours_s) * HOUR_S
    bought_s = rented_hours(*_ends(bought), hours_s) * HOUR_S
    booked, usage = ledger.pools[index], ledger.usage[:, index]
    spread = prompt_cv2(outcome, design, pool)
    worked_s = needed_s(pool.profile, work_booked(booked), spread)
    worked_s = np.minimum(worked_s, booked["serving_s"])
    # A bin that is longer than an hour is spread over hours with fewer replicas, too: at most all.
    busy, worked, headroom = (
        _over(by_hour(bins, ledger.edges_s, hours_s), rented_s).clip(0.0, 1.0)
        for bins in (booked["busy_s"], worked_s, headroom_s(booked, worked_s))
    )
    answered_s, wasted_s = work_s(pool, usage, booked)
    users = users_of(design, pool.name)
    tokens = np.stack([usage[name].sum(axis=(0, 1)) for name in ANSWERED])
    all_s = float(answered_s.sum() + wasted_s.sum())
    energy = drawn(pool, booked, bought, ledger.edges_s)
    return PoolWork(
        *_ends(bought),
        np.array([r.stands_in for r in bought], np.bool_),
        pool.unit_gpus,
        _over(rented_s * pool.gpus_per_replica, bought_s * pool.unit_gpus),
        busy_share=busy,
        worked_share=worked,
        headroom_share=np.minimum(headroom, 1.0 - worked),
        wasted_share=float(wasted_s.sum()) / all_s if all_s > 0 else 0.0,
        shares=in_shares(answered_s + wasted_s, users),
        wasted_shares=in_shares(wasted_s, users),
        tokens=by_hour(tokens, ledger.edges_s, hours_s),
        drawn=energy,
        idle_j=None if energy is None else by_hour(energy.idle_j, ledger.edges_s, hours_s),
        active_j=None if energy is None else by_hour(energy.active_j, ledger.edges_s, hours_s),
    )


def _ends(rentals: Sequence[Rental]) -> tuple[FloatArray, FloatArray]:
    """Beginnings and ends."""
    begins, ends = ([getattr(r, end) for r in rentals] for end in ("start_s", "end_s"))
    return np.array(begins, np.float64), np.array(ends, np.float64)


def work_booked(booked: Records) -> Work:
    """What the replicas of a pool have done in each bin."""
    return Work(*(booked[each.name] for each in fields(Work)))


def headroom_s(booked: Records, worked_s: FloatArray) -> FloatArray:
    """Time in which ready replicas had somebody in the batch, beyond what the work needed.

    A replica that drains is busy to its end; what it does not need of that time is idle.

    Parameters
    ----------
    booked : (bins,) POOL
    worked_s : (bins,) float64
        What the work needed.
    """
    busy_s = booked["busy_s"]
    draining_s = booked["serving_s"] - booked["ready_s"]
    ready_s = np.maximum(busy_s - draining_s, 0.0)
    spare_s: FloatArray = ready_s * (1.0 - _over(worked_s, busy_s)).clip(0.0, 1.0)
    return spare_s


def _over(top: FloatArray, bottom: FloatArray) -> FloatArray:
    share: FloatArray = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return share


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


def work_s(pool: GpuPool, usage: Records, booked: Records) -> tuple[FloatArray, FloatArray]:
    """Engine time of each workload's answers at a pool, and of its waste, up to a common factor.

    Prompts and answers are weighed by the pool's profile, at the mean batch of the horizon; of what
    was wasted the tokens that were made one by one like answers, the others like prompts. What
    preempted sequences prefill again is for their answers: a replica whose memory is full works so.

    Parameters
    ----------
    pool : GpuPool
    usage : (workloads, BILLINGS, bins) USAGE
    booked : (bins,) POOL

    Returns
    -------
    answered, wasted : (workloads,) float64
    """
    answers, prompt, cached, output, wasted, redone, made = (
        usage[name].sum(axis=(1, 2)).astype(np.float64) for name in _WEIGHED
    )
    total = max(answers.sum(), 1.0)
    held = (prompt.sum() + output.sum() / 2) / total
    token_s = _token_s(pool.profile, booked, held)
    prefill_s = _prefill_s(pool.profile, answers, prompt, cached)
    prefilled = prompt - cached
    of_prompt_s = np.divide(
        prefill_s,
        prefilled,
        out=np.full(len(prefilled), pool.profile.prefill_s_per_token),
        where=prefilled > 0,
    )
    in_vain = wasted - redone - made
    answered_s: FloatArray = output * token_s + prefill_s + redone * of_prompt_s
    return answered_s, made * token_s + in_vain * of_prompt_s


_WEIGHED = (
    "answers",
    "prompt_tokens",
    "cached_tokens",
    "output_tokens",
    "wasted_tokens",
    "redone_tokens",
    "wasted_output_tokens",
)


def _token_s(profile: ServiceProfile, booked: Records, held: float) -> float:
    """Engine time of a token of an answer, in the mean batch of sequences of a mean length."""
    busy_s = float(booked["busy_s"].sum())
    mean = float(booked["running_s"].sum()) / busy_s if busy_s > 0 else 1.0
    batch = min(max(round(mean / profile.data_parallel_ranks), 1), profile.max_num_seqs)
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
