"""What backends did for workloads, hour by hour, and how their cost is shared by it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.state.record import Records
from sim.model.design import Design
from sim.montecarlo.money.periods import by_hour

FloatArray = npt.NDArray[np.float64]

ANSWERED = ("prompt_tokens", "cached_tokens", "written_tokens", "output_tokens")
WASTED = tuple(f"wasted_{name}" for name in ANSWERED)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a managed backend did, hour by hour.

    Attributes
    ----------
    answered, wasted : (4, workloads, BILLINGS, hours) float64
        Tokens of prompts, of these cached and written, and of answers; those of attempts that
        nobody waited for apart.
    accepted : (workloads, hours) float64
        Attempts that were taken in.
    """

    answered: FloatArray
    wasted: FloatArray
    accepted: FloatArray


def usage_of(booked: Records, bins_s: FloatArray, hours_s: FloatArray) -> Usage:
    """Usage from what is booked.

    Parameters
    ----------
    booked : (workloads, BILLINGS, bins) USAGE
    bins_s, hours_s : arrays of float64
        Edges of the bins and the hours.
    """
    taken = booked["attempts"] - booked["errors"] - booked["rejections"]
    return Usage(
        by_hour(np.stack([booked[name] for name in ANSWERED]), bins_s, hours_s),
        by_hour(np.stack([booked[name] for name in WASTED]), bins_s, hours_s),
        np.maximum(by_hour(taken.sum(axis=1), bins_s, hours_s), 0.0),
    )


def in_shares(weights: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Weights as shares of 1; those of ``otherwise`` where there are none.

    Examples
    --------
    >>> in_shares(np.zeros(2), np.array([3.0, 1.0]))
    array([0.75, 0.25])
    """
    chosen = weights if weights.sum() > 0 else otherwise
    shares: FloatArray = chosen / chosen.sum()
    return shares


def users_of(design: Design, backend: str) -> FloatArray:
    """1 for each workload that may come to a backend, else 0; all 1 if none may.

    Whoever may come pays for a backend that nobody came to.
    """
    may = np.array([float(backend in workload.route.backends) for workload in design.workloads])
    return may if may.any() else np.ones(len(may))
