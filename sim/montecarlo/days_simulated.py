"""What of a long horizon was simulated, as figures of a world and of a run."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.model.design import Design
from sim.model.price import DAY_S
from sim.montecarlo.fidelity.days import DAYS, REQUESTS
from sim.montecarlo.fidelity.memory import why_exact
from sim.montecarlo.lower_bounds import DAYS_SHARE
from sim.montecarlo.shares import percent

if TYPE_CHECKING:
    from sim.montecarlo.sample import Sample


def as_json(sample: "Sample", design: Design) -> dict[str, Any] | None:
    """Days and requests that were simulated, the means over worlds; None where all were to be.

    ``worlds_in_full``: worlds of which every day was simulated, for queues that hardly clear.
    ``why_exact``: why that is so in all of them.
    """
    days, share = sample.values(DAYS), sample.values(DAYS_SHARE)
    if np.isnan(days).any():
        return None
    return {
        "days": math.ceil(design.horizon.duration_s / DAY_S - 1e-9),
        "simulated_days": float(days.mean()),
        "simulated_share": float(sample.values(REQUESTS).sum() / sample.values("requests").sum()),
        "worlds_in_full": int((share >= 1.0).sum()),
        "why_exact": why_exact(design),
    }


def sentence(told: dict[str, Any]) -> str:
    """What was simulated, in a sentence, of :func:`as_json`."""
    if told["why_exact"]:
        return f"every day is simulated, as with 'fidelity: exact': {told['why_exact']}"
    return (
        f"of {told['days']:,} days about {told['simulated_days']:.0f} are simulated in each world"
        f" ({percent(told['simulated_share'])} of the requests) and stand for the others, here and"
        " in what follows; 'fidelity: exact' simulates all"
    )


def requests_of(sample: "Sample", world: int) -> float:
    """Requests of a world that were simulated."""
    simulated = sample.figure(world, REQUESTS)
    return sample.figure(world, "requests") if math.isnan(simulated) else simulated
