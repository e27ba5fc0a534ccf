"""What a world is to keep, whether it does, and how near it comes to missing it."""

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import is_latency
from sim.montecarlo.verdict import served
from sim.studies.measure import SLO_MET, Measure

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LITTLE = 0.01  # of the requests that may be outside: what is less is as good as none
LEAST = 1e-6  # of the requests, where none may be outside
LOAD = "offered_load_peak"


def target_of(metric: str) -> Measure:
    """What is to be kept, from ``slo_met`` or a limit such as ``e2e_p95_s<=30``."""
    found = Measure.parse(metric)
    if not found.decision:
        raise PeakfleetError(
            f"metric ({metric}) must be kept or missed in a world: a limit, such as"
            f" {metric or 'e2e_p95_s'}<=30, or {SLO_MET}"
        )
    return found


def missed(target: Measure, result: RunResult) -> BoolArray:
    """In which worlds it is missed: (worlds,) bool.

    What is undefined is not kept, nor is a limit upon the latency of a world that falls behind,
    whose answers so far say nothing of the rest: as of an SLO.
    """
    kept = target.of(result) == 1.0
    if target.sign == "<=" and is_latency(target.metric):
        kept &= ~result.sample.overloaded()
    return np.asarray(~kept)


def nearness(target: Measure, result: RunResult) -> dict[str, FloatArray]:
    """Figures that grow towards a miss, by name: (worlds,) float64 each."""
    found: dict[str, FloatArray] = {}
    if target.metric == SLO_MET:
        stated = [each for each in served(result.sample, result.design) if each.slo.is_stated]
        outside = [
            (1.0 - result.sample.values(f"workloads.{each.name}.slo_attainment"))
            / max(1.0 - each.slo.attainment, LEAST)
            for each in stated
        ]
        found["the share of requests outside of the SLO"] = np.log(
            LITTLE + np.max(outside, axis=0).clip(0.0)
        )
        found["the latency over its threshold"] = _log(
            np.max([each.keys[1] for each in stated], axis=0)
        )
    else:
        values = result.sample.values(target.metric)
        sign = 1.0 if target.sign == "<=" else -1.0
        name = Measure(target.metric, target.metric).words()
        found[name] = sign * (_log(values) if (values[np.isfinite(values)] > 0.0).all() else values)
    found["the work offered over what the fleet can do"] = _log(result.sample.values(LOAD))
    return found


def _log(values: FloatArray) -> FloatArray:
    """Logarithms; NaN of what has none."""
    usable = np.isfinite(values) & (values > 0.0)
    return np.log(np.where(usable, values, np.nan))
