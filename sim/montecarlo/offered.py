"""The work that is offered to a pool, and what the pool can do.

A pool that hands its prompts to another has the work of prompts only, one to which they are handed
that of the answers, and of a token of each prompt. A pool that is a variant has that of the
requests that its router gave it; what joins them has all that comes, of which each variant can do
so much in a second as its replicas could of nothing else.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.engine.state.record import Records
from sim.model.capacity import Offered, decode_only, needed_s, prefill_only, work_offered
from sim.model.design import Design, GpuPool
from sim.model.price import HOUR_S
from sim.montecarlo.deadline import spread
from sim.montecarlo.prompt_spread import prompt_cv2

FloatArray = npt.NDArray[np.float64]

_OFFERED = ("prompt_tokens", "prompt_squares", "output_tokens", "context")


def work_and_capacity_s(
    outcome: Outcome, design: Design, index: int
) -> tuple[FloatArray, FloatArray]:
    """Work that arrives at a pool, and what it can do at its largest size.

    Capacity is that of :mod:`sim.model.capacity`: with more work than that the pool cannot keep up,
    whatever its scheduler and autoscaler do. What a cache answers is no work; retries are none that
    anybody asked for. Every request is taken to be like the mean one of the horizon; those of a
    batch are spread evenly over the time until their deadline.

    Returns
    -------
    (bins,) float64, (bins,) float64
        In replica-seconds.
    """
    able_s = _able_s(outcome, design, index)
    work_s = np.zeros(len(able_s))
    for source in _sources(design, index):
        work_s += _work_s(outcome, design, index, source)
    return work_s, able_s


def of_variants(outcome: Outcome, design: Design, number: int) -> tuple[FloatArray, FloatArray]:
    """The same of a backend that joins several pools, by its number among such.

    Had the m-th pool all requests of a bin, they would take it W_m, and it can do A_m: together
    they can do the sum of A_m / W_m of them. Work is 1 where any request comes, capacity that sum.

    Returns
    -------
    (bins,) float64, (bins,) float64
    """
    joined, names = design.variants[number], [pool.name for pool in design.pools]
    source, able = len(design.backends) + number, np.zeros(len(outcome.ledger.edges_s) - 1)
    comes = np.zeros(len(able))
    for index in map(names.index, joined.pools):
        work_s = _work_s(outcome, design, index, source)
        able += _over(_able_s(outcome, design, index), work_s)
        comes = np.maximum(comes, (work_s > 0).astype(np.float64))
    return comes, able


def _over(top: FloatArray, bottom: FloatArray) -> FloatArray:
    return np.divide(top, bottom, out=np.zeros(len(top)), where=bottom > 0)


def _sources(design: Design, index: int) -> Iterator[int]:
    """Pools where requests come to, that are worked on at the pool: itself, and who hands on."""
    yield index
    for other, pool in enumerate(design.pools):
        if pool.handoff is not None and pool.handoff.to == design.pools[index].name:
            yield other


def _work_s(outcome: Outcome, design: Design, index: int, source: int) -> FloatArray:
    """Work at a pool of the requests that come to another, or to itself."""
    pool, first = design.pools[index], (*design.backends, *design.variants)[source]
    mine = [i for i, w in enumerate(design.workloads) if first.name in w.route.backends]
    booked, usage = outcome.ledger.workloads[mine], outcome.ledger.usage[mine, source]
    is_variant = design.joined(first.name) is not None
    part = _part(
        booked, usage["handed_on"] if is_variant else usage["attempts"] - usage["handed_on"]
    )
    arrived, hits = part * booked["requests"], part * booked["response_hits"]
    if arrived.sum() == 0:
        return np.zeros(arrived.shape[1])
    to_do = arrived - hits
    for row, workload in zip(to_do, (design.workloads[i] for i in mine), strict=True):
        if workload.has_deadline:
            row[:] = spread(row, outcome.ledger.edges_s, workload.slo.e2e_s)
    answered = outcome.ledger.usage[mine, index]
    fields = ("cached_tokens", "prompt_tokens")
    cached, prefilled = (float(answered[field].sum()) for field in fields)
    sums = {name: float((part * booked[f"offered_{name}"]).sum()) for name in _OFFERED}
    offered = Offered(
        float(arrived.sum()), cached_share=cached / prefilled if prefilled > 0 else 0.0, **sums
    )
    if source != index and source < len(design.pools):
        offered = decode_only(offered)
    elif pool.handoff is not None:
        offered = prefill_only(offered)
    work = work_offered(pool.profile, offered)
    all_s = needed_s(pool.profile, work, prompt_cv2(outcome, design, pool))
    all_s = all_s * _step_factor(design, mine, pool)
    work_s: FloatArray = to_do.sum(axis=0) * all_s / arrived.sum()
    return work_s


def _step_factor(design: Design, workloads: list[int], pool: GpuPool) -> float:
    """How many times as long steps take in full batches, which need adapters of all slots."""
    needed = [design.workloads[index].adapters for index in workloads]
    count = sum(each.count for each in needed if each is not None)
    if pool.adapters is None or count == 0:
        return 1.0
    return pool.adapters.step_factor(min(count, pool.adapters.slots))


def _part(booked: Records, came: npt.NDArray[np.int64]) -> FloatArray:
    """Share of the requests of each workload and bin that come to a backend, on whatever way.

    Attempts there are counted against those that did not go on from another backend. What a pool is
    handed when its prompt has been computed elsewhere comes there.

    Parameters
    ----------
    booked : (workloads, bins) WORKLOAD
    came : (workloads, BILLINGS, bins) int64
        Attempts that came to the backend.
    """
    there = came.sum(axis=1)
    asked = booked["attempts"] - booked["fallbacks"] - booked["escalations"]
    part: FloatArray = np.divide(there, asked, out=np.ones(there.shape), where=asked > 0)
    return part


def _able_s(outcome: Outcome, design: Design, index: int) -> FloatArray:
    """Replica-seconds of each bin: of those that are ready, or of the most that there can be.

    A slow one counts as the part of a replica that it is.
    """
    pool, booked = design.pools[index], outcome.ledger.pools[index]
    if not pool.moves:
        able_s: FloatArray = np.maximum(booked["able_s"], 0.0)
        return able_s
    ready_s = booked["ready_s"].sum()
    speed = booked["able_s"].sum() / ready_s if ready_s > 0 else 1.0
    return design.most_replicas(pool) * speed * np.diff(outcome.ledger.edges_s)


def load(work_s: FloatArray, able_s: FloatArray) -> FloatArray:
    """Work over capacity in each bin; infinite where there is work and no replica."""
    idle = np.where(work_s > 0, np.inf, 0.0)
    loads: FloatArray = np.divide(work_s, able_s, out=idle, where=able_s > 0)
    return loads


def hours_over_capacity(work_s: FloatArray, able_s: FloatArray, edges_s: FloatArray) -> float:
    """Hours of the horizon in which more work arrives than a pool can do.

    An hour begins where a bin does that is the first in an hour of the horizon; longer bins, and a
    shorter horizon, count as one.

    Examples
    --------
    >>> work_s, able_s = np.array([3.0, 0.5, 1.5]), np.array([1.0, 1.0, 1.0])
    >>> hours_over_capacity(work_s, able_s, np.array([0.0, 1800.0, 3600.0, 7200.0]))
    2.0
    >>> hours_over_capacity(work_s[:2], 2 * able_s[:2], np.array([0.0, 1800.0, 3600.0]))
    0.0
    """
    hours = np.unique(edges_s[:-1] // HOUR_S, return_inverse=True)[1]
    return float(np.sum(np.bincount(hours, work_s) > np.bincount(hours, able_s)))
