"""How often ``sim stress`` encloses the growth at which a fleet breaks.

Run with ``python benchmarks/enclosures.py [studies]``. The growth at which each world breaks is
drawn, lognormal, so that the true answer is known: the growth up to which the asked share of worlds
hold. Each row is so many studies (2,000 by default) with worlds of their own, looked at in the
steps 1, 2, 5, 10 and then in between, as the study does, with its own verdicts and its own search.
``right`` is the share of enclosures whose lower end holds and whose upper end breaks in truth; in
``to a tenth`` they are that narrow, and in the others the worlds leave a range open.
"""

import math
import sys
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sim.studies.stress.breaking import TOLERANCE, find_break, ratio
from sim.studies.stress.growth import Growth
from sim.studies.stress.outcome import Outcome
from sim.studies.stress.runs import FIRST_LOOK
from sim.studies.stress.verdict import Judge

STUDIES = 2_000
ASKED = ((0.75, 12), (0.75, 24), (0.75, 100), (0.9, 40), (0.95, 100))  # share of worlds, worlds
SPREADS = (0.05, 0.2, 0.5)  # of the logarithm of the growth at which a world breaks
STEPS = (1.0, 2.0, 5.0, 10.0)
MIDDLE = (1.5, 8.0)  # of the worlds: the growth at which half of them break


def look(limits: npt.NDArray[np.float64], judge: Judge, growth: Growth) -> Outcome:
    """What the worlds say of a fleet; the first of them, where these say that it breaks."""
    held = limits > growth.volume
    first = int(held[:FIRST_LOOK].sum())
    if judge.hopeless(first, FIRST_LOOK):
        held = held[:FIRST_LOOK]
    count, worlds = int(held.sum()), len(held)
    word = "breaks" if judge.hopeless(first, FIRST_LOOK) else judge.word(count, worlds)
    known = {"fleet": "fixed", "growth": growth, "word": word, "worlds": worlds, "held": count}
    money = {"over_budget_share": math.nan, "loses_share": 0.0}
    return Outcome(**(dict.fromkeys(Outcome.__dataclass_fields__) | known | money))  # type: ignore[arg-type]


def enclosed(
    probability: float, worlds: int, spread: float, rng: np.random.Generator
) -> tuple[bool, bool] | None:
    """Whether an enclosure is right, and to a tenth; None where there is none."""
    middle = math.exp(rng.uniform(*map(math.log, MIDDLE)))
    truth = middle * math.exp(spread * float(ndtri(1.0 - probability)))
    limits = middle * np.exp(spread * rng.standard_normal(worlds))
    looked = partial(look, limits, Judge(probability))
    found = find_break([looked(Growth(step)) for step in STEPS], looked)
    if found is None:
        return None
    low = found.held.volume if found.held else 0.0
    high = found.broken.growth
    narrow = found.held is not None and ratio(found.held, high) <= 1.0 + TOLERANCE
    return low <= truth <= high.volume, narrow


def main(studies: int) -> None:
    """Print the table."""
    print("asked  worlds  spread  enclosed   right  to a tenth")
    for probability, worlds in ASKED:
        for spread in SPREADS:
            rng = np.random.default_rng([worlds, round(100 * spread)])
            every = [enclosed(probability, worlds, spread, rng) for _ in range(studies)]
            found = [each for each in every if each is not None]
            right, narrow = np.mean(found, axis=0)
            print(
                f"{probability:5.0%}  {worlds:6}  {spread:6.2f}  {len(found) / studies:8.1%}"
                f"  {right:6.1%}  {narrow:10.1%}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES)
