"""One step in flight or two: by the engine's version, and by what the runs say.

With two, a request that comes during a step waits for one step more before its prompt is run. That
shows in times to the first token where requests come to a busy engine, and there the two laws fit
runs differently well: the same coefficients cannot make up for a step that is short among decodes
and long behind a prompt.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.studies.calibration.certainty import weighed
from sim.studies.calibration.fitting import descended, fitted_near
from sim.studies.calibration.problem import Fit, Problem

FloatArray = npt.NDArray[np.float64]

# Versions since which engines have two by default. vLLM: asynchronous scheduling (pull request
# 27614, 0.14.0). SGLang: the overlap scheduler (blog of 0.4). TensorRT-LLM: the overlap scheduler
# of its PyTorch backend (manual, "Overlap Scheduler"), which is the default since 1.0.
SINCE = {"vllm": (0, 14), "sglang": (0, 4), "trtllm": (1, 0)}
DECISIVE = 6.0  # of the sum of squares: odds of 20 to 1, since 2 ln 20 is 6
STEPS = 3  # of the descent to the other law's best fit, which is near
_VERSION = re.compile(r"(\d+)\.(\d+)")


class Verdict(NamedTuple):
    """What the runs say: the better fit, and in words."""

    fit: Fit
    words: str


def by_version(engine: str, versions: Iterable[str]) -> int | None:
    """Steps in flight that an engine has by default; None where its version is not known."""
    since = SINCE.get(engine.casefold())
    found = [_VERSION.search(version) for version in versions]
    known = [(int(each[1]), int(each[2])) for each in found if each is not None]
    if since is None or not known:
        return None
    return 2 if min(known) >= since else 1


def judged(fit: Fit, is_known: bool) -> Verdict:
    """Whether the other number of steps in flight fits the runs better.

    Where nobody has said how many there are (``is_known`` is false) the better fit is taken, if it
    is better beyond doubt.
    """
    start = fit.problem.start
    if start.scheduler != "chunked":
        return Verdict(fit, "")
    here, there = start.steps_in_flight, 3 - start.steps_in_flight
    plain = fit.problem.unweighed
    laws = [replace(plain, start=replace(start, steps_in_flight=each)) for each in (here, there)]
    own, other = _costs(laws, fit.x)
    if own - other > DECISIVE:
        if is_known:
            said = f"{_counted(here)} in flight, as is said, but the runs fit better with {there}"
            return Verdict(fit, f"{said} (--steps-in-flight {there})")
        near = fitted_near(laws[1], fit.x, STEPS)
        return Verdict(near, f"{_counted(there)} in flight, as the runs show")
    if other - own > DECISIVE:
        return Verdict(fit, f"{_counted(here)} in flight, as the runs show")
    return Verdict(fit, f"the runs cannot tell {_counted(here)} in flight from {there}")


def _costs(laws: Sequence[Problem], x: FloatArray) -> list[float]:
    """Sums of squares of fits near a point, figures weighed as the better one shows them.

    The worse one takes for noise what its law cannot say.
    """
    points = [descended(law, x, STEPS) for law in laws]
    better = min(range(len(laws)), key=lambda at: points[at].cost)
    figures = weighed(laws[better], points[better].x).figures
    pairs = zip(laws, points, strict=True)
    return [descended(replace(law, figures=figures), each.x, STEPS).cost for law, each in pairs]


def _counted(steps: int) -> str:
    return "one step" if steps == 1 else "two steps"
