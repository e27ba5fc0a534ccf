"""How often ``sim size`` names a fleet, and how often a wrong one, by the size of the fleet.

Run with ``python benchmarks/sizing.py [studies]``. The least fleet of each world is drawn, so that
the true answer is known; each row is so many searches (1,000 by default) with seeds of their own.
``open`` is how many smaller fleets a search leaves open, and ``worlds`` how many it simulates, in
multiples of the most for one fleet.
"""

import sys
from pathlib import Path

import numpy as np

from sim.studies.size.evidence import Rule

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from drawn_fleets import searched, wrong

STUDIES = 1_000
ASKED = ((0.95, 200), (0.95, 1_000), (0.9, 64), (0.95, 83))  # share of worlds, worlds
SIZES = (3, 12, 60, 200)
SPREADS = (0.1, 0.35)


def main(studies: int) -> None:
    """Print the table."""
    print("fleet  spread  asked  worlds   named   wrong   open  worlds")
    for least in SIZES:
        for spread in SPREADS:
            for asked, worlds in ASKED:
                rng = np.random.default_rng([least, worlds])
                rule = Rule.of(asked, 0.05, worlds)
                found = [searched(least, spread, rule, rng) for _ in range(studies)]
                named = np.mean([each.sure is not None for each, _ in found])
                failed = np.mean([wrong(each, least) for each, _ in found])
                left = np.mean([len(each.open) for each, _ in found])
                taken = np.mean([board.taken for _, board in found]) / worlds
                print(
                    f"{least:5}  {spread:6.0%}  {asked:5.0%}  {worlds:6,}  {named:6.1%}"
                    f"  {failed:6.1%}  {left:5.1f}  {taken:6.1f}"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES)
