"""A replication: one world of a scenario, simulated, as a row of figures and a verdict."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.engine.state import status
from sim.model.closed import ClosedSource
from sim.model.design import Design
from sim.model.streams import Streams
from sim.montecarlo.ending import is_job
from sim.montecarlo.exports.files import files
from sim.montecarlo.fidelity.world import simulate_world
from sim.montecarlo.metrics import metrics
from sim.montecarlo.timeline_columns import padded, timeline

if TYPE_CHECKING:
    from sim.scenario import Scenario

FloatArray = npt.NDArray[np.float64]

STABLE, OVERLOADED = "stable", "overloaded"

BACKLOG_SHARE = (
    0.01  # of the horizon's requests, left waiting at its end: a fleet that falls behind
)


@dataclass(frozen=True, slots=True)
class Replication:
    """One simulated world.

    Attributes
    ----------
    world : int
    draws : dict of str to float
        The world's uncertain inputs by path.
    metrics : dict of str to float
    verdict : {"stable", "overloaded"}
    timeline : dict of str to (bins,) float64
    requests : dict of str to (n,) arrays, or None
        Columns of ``requests.parquet``.
    exports : dict of str to str, or None
        Text of each file in the formats of others by its name; of world 0 only.
    """

    world: int
    draws: dict[str, float]
    metrics: dict[str, float]
    verdict: str
    timeline: dict[str, FloatArray]
    requests: dict[str, npt.NDArray[np.generic]] | None
    exports: dict[str, str] | None = None


def replicate(
    scenario: "Scenario",
    seed: int,
    world: int,
    draws: Mapping[str, float],
    record_requests: bool = False,
) -> Replication:
    """Simulate one world of a scenario."""
    design = scenario.design(draws)
    simulated = simulate_world(scenario.fidelity, design, Streams(seed, world), record_requests)
    outcome = simulated.outcome
    bins, arriving_s = len(design.horizon.edges_s) - 1, design.horizon.duration_s
    design = outcome.lived(design)
    figures = metrics(outcome, design) | simulated.figures
    return Replication(
        world=world,
        draws=dict(draws),
        metrics=figures,
        verdict=verdict(outcome, figures, arriving_s, waiting_users(design)),
        timeline=padded(timeline(outcome, design), bins),
        requests=_request_columns(outcome, design) if record_requests else None,
        exports=files(outcome, design, seed, world) if world == 0 else None,
    )


def waiting_users(design: Design) -> float:
    """Users who wait for answers: the most that closed populations add to a backlog.

    Infinite where all requests are theirs: no such backlog grows on and on.
    """
    closed = [w.source for w in design.workloads if isinstance(w.source, ClosedSource)]
    if len(closed) == len(design.workloads):
        return math.inf
    return float(sum(source.users for source in closed))


def verdict(
    outcome: Outcome, figures: Mapping[str, float], arriving_s: float, users: float = 0.0
) -> str:
    """Whether the fleet kept up over the horizon.

    A fleet is overloaded if one of its pools was offered more work than it can do while requests
    arrived (the metric ``offered_load``, but for the time in which the last answers are awaited),
    or if the requests waiting at the end are more than at the start by 1 % of all that arrived and
    by three times their square root, which chance alone hardly ever leaves behind. A job, whose
    requests have all come before the first is answered, asks for no pace: it overloads only if it
    does not come to its end. ``users`` who wait for answers take up what there is to have, and ask
    for more as soon as there is more: only a backlog that grows beyond their number counts.
    """
    if outcome.is_drained and is_job(outcome):
        return STABLE
    waited = outcome.end_s / min(outcome.end_s, arriving_s)
    if not users and figures["offered_load"] * waited > 1.0:
        return OVERLOADED
    arrived = float(outcome.ledger.workloads["requests"].sum())
    waiting_at_end = outcome.ledger.pools["waiting"][:, -1]
    grown = float((waiting_at_end - outcome.waiting_at_start).sum()) - users
    return OVERLOADED if grown > BACKLOG_SHARE * arrived + 3 * math.sqrt(arrived) else STABLE


def _request_columns(outcome: Outcome, design: Design) -> dict[str, npt.NDArray[np.generic]]:
    log = outcome.requests
    workloads = np.array([workload.name for workload in design.workloads], dtype=object)
    named = (*design.backends, *design.variants)
    backends = np.array([backend.name for backend in named], dtype=object)
    statuses = np.array([status.NAMES[code] for code in sorted(status.NAMES)], dtype=object)
    has_ranks = any(pool.profile.data_parallel_ranks > 1 for pool in design.pools)
    return {
        "request_id": np.arange(len(log)),
        "task": log["task"],
        "workload": workloads[log["workload"]],
        "backend": backends[log["backend"]],
        "replica": log["replica"],
        **({"rank": log["rank"]} if has_ranks else {}),
        "attempt": log["attempts"],
        "arrival_s": log["arrival_s"],
        "dispatched_s": log["dispatched_s"],
        "admitted_s": log["admitted_s"],
        "first_token_s": log["first_token_s"],
        "finish_s": log["finish_s"],
        "input_tokens": log["prompt_tokens"],
        "cached_tokens": log["cached_tokens"],
        "output_tokens": log["output_tokens"],
        "preemptions": log["preemptions"],
        "status": statuses[log["status"]],
    }
