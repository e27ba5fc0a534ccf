"""What can be learned: an uncertain input, or several that are learned together.

The joint error of a measured law is written as errors along its directions, a dozen or so. Nobody
learns one of them: a benchmark tells all, so they are one factor, whose index is that of the group
(Saltelli and others 2008, Global Sensitivity Analysis, section 1.2.15).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sim.model.uncertain import UncertainInput
from sim.montecarlo.draws import FloatArray
from sim.studies.inputs import OF_A_LAW

LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9  # quantiles of the tornado


@dataclass(frozen=True, slots=True)
class Factor:
    """One input, or the errors of a law.

    Attributes
    ----------
    path : str
        Of the input; of errors that of what they are errors of.
    inputs : tuple of UncertainInput
    """

    path: str
    inputs: tuple[UncertainInput, ...]

    @property
    def levels(self) -> tuple[float, float]:
        """The p10 and the p90; NaN of several inputs, which have none together."""
        if len(self.inputs) > 1:
            return np.nan, np.nan
        low, high = self.inputs[0].distribution.ppf(np.array([LOW, HIGH])).tolist()
        return low, high


def factors(inputs: Iterable[UncertainInput]) -> list[Factor]:
    """Inputs as they are learned, in their order."""
    groups: dict[str, list[UncertainInput]] = {}
    for each in inputs:
        groups.setdefault(OF_A_LAW.sub("", each.path), []).append(each)
    return [
        Factor(path if len(parts) > 1 else parts[0].path, tuple(parts))
        for path, parts in groups.items()
    ]


def columns(learned: Iterable[Factor]) -> list[tuple[int, ...]]:
    """Which columns of a matrix each factor has, where its inputs follow each other."""
    found: list[tuple[int, ...]] = []
    for each in learned:
        begin = found[-1][-1] + 1 if found else 0
        found.append(tuple(range(begin, begin + len(each.inputs))))
    return found


def ends(medians: FloatArray, drawn: FloatArray, decision: bool) -> tuple[FloatArray, FloatArray]:
    """How far several inputs together move a measure, world by world.

    Parameters
    ----------
    medians, drawn : (worlds,) float64
        The measure with these inputs at their medians, and as they are drawn for each world, with
        the same luck; NaN where it is undefined.
    decision : bool

    Returns
    -------
    two of (worlds,) float64
        The measure as it is in one draw of ten, and in nine of ten; a decision with the inputs at
        their medians, and drawn.
    """
    if decision:
        return medians, drawn
    moved = drawn - medians
    moved = moved[np.isfinite(moved)]
    if not len(moved):
        return np.full_like(medians, np.nan), np.full_like(medians, np.nan)
    low, high = np.quantile(moved, (LOW, HIGH))
    return medians + low, medians + high
