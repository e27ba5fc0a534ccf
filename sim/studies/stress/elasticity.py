"""Elasticity of cost: by which power of the growth it grows."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.montecarlo.estimates import Estimate, estimate
from sim.montecarlo.means import fewest_of_difference
from sim.studies.stress.growth import Growth
from sim.studies.stress.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Elasticity:
    """d log cost / d log growth between two steps.

    Attributes
    ----------
    fleet : str
    since, until : Growth
    overall : bool
        Over all steps that did not break, rather than from one to the next.
    broken : bool
        Whether the fleet broke at either: the cost is then not that of the service asked for.
    value : Estimate
        Over worlds, paired; its ``middle`` is the answer.
    """

    fleet: str
    since: Growth
    until: Growth
    overall: bool
    broken: bool
    value: Estimate


def elasticities(outcomes: list[Outcome], steps: list[Growth]) -> list[Elasticity]:
    """Of cost to growth: from each step to the next, and over all steps that did not break."""
    found = []
    for fleet in dict.fromkeys(outcome.fleet for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.fleet == fleet]
        pairs = [(one, other, False) for one, other in pairwise(own)]
        sound = [outcome for outcome in own if outcome.word != "breaks"]
        if len(sound) > 1:
            pairs.append((sound[0], sound[-1], True))
        for one, other, overall in pairs:
            factor = extent(other.growth, steps) / extent(one.growth, steps)
            if factor > 1:
                broken = "breaks" in (one.word, other.word)
                value = _elasticity(one, other, factor)
                found.append(Elasticity(fleet, one.growth, other.growth, overall, broken, value))
    return found


def extent(growth: Growth, steps: list[Growth]) -> float:
    """How far a step goes: its volume, or where that never changes the product of all factors."""
    if len({step.volume for step in steps}) > 1:
        return growth.volume
    return float(np.prod([growth.prompt, growth.miss, growth.retry]))


def _elasticity(one: Outcome, other: Outcome, factor: float) -> Estimate:
    """Of cost to growth by a factor, d log cost / d log growth, paired over worlds."""
    common = min(one.worlds, other.worlds)
    costs = (each.result.sample.values("cost_usd")[:common] for each in (one, other))
    before, after = costs
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log(after / before)
    ratios[~np.isfinite(ratios)] = np.nan
    known = one.result.sample.controls().first(common)
    return estimate(ratios / np.log(factor), controls=known, fewest=fewest_of_difference(known))
