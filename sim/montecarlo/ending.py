"""How a horizon that waits for the last answers came to its end.

A **job** is a crowd: all requests have come before the first is answered, as when a file of them is
worked off overnight. Nobody asks for a pace, and what counts is the time until the last answer
(``makespan_s``), the machine time and the cost. A **batch** is a workload with a deadline, beside
others that go before it.
"""

import numpy as np

from sim.engine.simulation import Outcome
from sim.engine.state.histogram import edges_s
from sim.engine.state.record import E2E
from sim.model.design import Design


def is_job(outcome: Outcome) -> bool:
    """Whether the last request had come before the first was answered."""
    answered = np.flatnonzero(outcome.ledger.histograms[:, E2E].sum(axis=0))
    earliest_s = float(edges_s()[answered[0]]) if len(answered) else outcome.end_s
    return outcome.arrived_s <= earliest_s


def of_batch(outcome: Outcome, index: int) -> dict[str, float]:
    """When the last answer of a workload came, to the end of a bin of the timeline.

    ``makespan_s`` is a lower bound where some of its requests are unanswered at the end, and
    undefined where none is answered.
    """
    if bool((outcome.in_flight["workload"] == index).any()):
        return {"makespan_s": outcome.end_s}
    answered = np.flatnonzero(outcome.ledger.workloads[index]["completed"])
    last = float(outcome.ledger.edges_s[answered[-1] + 1]) if len(answered) else float("nan")
    return {"makespan_s": last}


def ending(outcome: Outcome, design: Design) -> dict[str, float]:
    """Figures of a drained horizon; none of one that is cut.

    ``makespan_s`` is the time from the start until nothing was left to answer: a lower bound where
    ``drained`` is 0, for then the limit in time ended the horizon before.
    """
    if not design.horizon.is_drained:
        return {}
    return {
        "makespan_s": outcome.end_s,
        "drained": float(outcome.is_drained),
        "all_at_once": float(is_job(outcome)),
    }
