"""The work that is offered to a pool, and what the pool can do.

A pool that hands its prompts to another has the work of prompts only, one to which they are handed
that of the answers, and of a token of each prompt.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.engine.state.record import Records
from sim.model.capacity import Offered, decode_only, needed_s, prefill_only, work_offered
from sim.model.design import Design, GpuPool
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


def _sources(design: Design, index: int) -> Iterator[int]:
    """Pools where requests come to, that are worked on at the pool: itself, and who hands on."""
    yield index
    for other, pool in enumerate(design.pools):
        if pool.handoff is not None and pool.handoff.to == design.pools[index].name:
            yield other


def _work_s(outcome: Outcome, design: Design, index: int, source: int) -> FloatArray:
    """Work at a pool of the requests that come to another, or to itself."""
    pool, first = design.pools[index], design.pools[source]
    mine = [i for i, w in enumerate(design.workloads) if first.name in w.route.backends]
    booked, usage = outcome.ledger.workloads[mine], outcome.ledger.usage[mine, source]
    part = _part(booked, usage)
    arrived, hits = part * booked["requests"], part * booked["response_hits"]
    if arrived.sum() == 0:
        return np.zeros(arrived.shape[1])
    to_do = arrived - hits
    for row, workload in zip(to_do, (design.workloads[i] for i in mine), strict=True):
        if workload.has_deadline:
            row[:] = spread(row, outcome.ledger.edges_s, workload.slo.e2e_s)
    cached, prefilled = (float(usage[field].sum()) for field in ("cached_tokens", "prompt_tokens"))
    sums = {name: float((part * booked[f"offered_{name}"]).sum()) for name in _OFFERED}
    offered = Offered(
        float(arrived.sum()), cached_share=cached / prefilled if prefilled > 0 else 0.0, **sums
    )
    if source != index:
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


def _part(booked: Records, usage: Records) -> FloatArray:
    """Share of the requests of each workload and bin that come to a backend, on whatever way.

    Attempts there are counted against those that did not go on from another backend. What a pool is
    handed when its prompt has been computed elsewhere comes there.

    Parameters
    ----------
    booked : (workloads, bins) WORKLOAD
    usage : (workloads, BILLINGS, bins) USAGE
        Of the backend.
    """
    there = (usage["attempts"] - usage["handed_on"]).sum(axis=1)
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
