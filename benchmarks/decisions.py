"""How often intervals of the Sobol indices of a decision hold, by decision and rows.

Run with ``python benchmarks/decisions.py [studies]``: so many studies (1,000 by default) of each
decision, whose indices are known in closed form. ``told`` is the share of studies that do not say
that they cannot tell; of these, the least coverage of any index, and the mean width of intervals.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from known_decisions import DECISIONS, holding, studied

STUDIES = 1_000
ROWS = (64, 256)


def main(studies: int) -> None:
    """Print the table."""
    print(f"{'':24}  rows    told  held, alone  in all  wide, alone  in all")
    for name, decision in DECISIONS.items():
        for rows in ROWS:
            rng = np.random.default_rng(rows)
            found = [studied(decision, rows, rng) for _ in range(studies)]
            told = [each for each in found if each is not None]
            held = np.mean([holding(each, decision) for each in told], axis=0).min(axis=1)
            wide = [
                np.mean([np.ptp(ends, axis=0) for ends in kind])
                for kind in ([e.first_ci for e in told], [e.total_ci for e in told])
            ]
            print(
                f"{name:24}  {rows:4}  {len(told) / studies:6.1%}  {held[0]:11.1%}  {held[1]:6.1%}"
                f"  {wide[0]:11.2f}  {wide[1]:6.2f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES)
