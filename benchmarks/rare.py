"""What `sim risk` is worth: worlds against plain ones, and how often its interval holds the truth.

Worlds are free: nearness to a miss is a function of the inputs, luck of known size comes on top,
and the chance of a miss is an integral. The whole study is repeated, ranks and all, each time
with another seed.

    python benchmarks/rare.py [--repeats 100] [--worlds 512]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from rare_cases import Case, FreeBench, scenario  # noqa: E402

from sim.studies.risk import risk  # noqa: E402
from sim.studies.risk.chance import plain_worlds  # noqa: E402

CASES = [
    Case(kind, size, share)
    for kind, size, share in (
        ("normal", 0.05, 1e-3),
        ("normal", 0.15, 1e-3),
        ("normal", 0.15, 1e-2),
        ("normal", 0.3, 1e-3),
        ("logistic", 0.15, 1e-3),
        ("exponential", 0.15, 1e-3),
        ("logistic", 0.8, 1e-3),
    )
]
HEAD = "luck          beside the inputs  P(miss)  holds it  half-width  worlds  plain worlds  times"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--worlds", type=int, default=512)
    asked = parser.parse_args()
    print(f"{asked.repeats} repeats of each; half-width: median, over P(miss)")
    print(HEAD)
    for case in CASES:
        print(row(case, asked.repeats, asked.worlds), flush=True)


def row(case: Case, repeats: int, worlds: int) -> str:
    """A case."""
    found = [
        risk(scenario(), FreeBench(case), "e2e_p95_s<=30", worlds=worlds, seed=seed)  # type: ignore[arg-type]
        for seed in range(repeats)
    ]
    low, high = np.array([each.found.interval for each in found]).T
    held = float(np.mean((low <= case.share) & (case.share <= high)))
    half = float(np.median(high - low)) / 2.0
    used = float(np.mean([each.simulated for each in found]))
    plain = plain_worlds(case.share, half)
    drawn = np.mean([bool(each.plain) for each in found])
    said = f"  ({100 * drawn:.0f} % drew worlds as they come)" if drawn else ""
    return (
        f"{case.kind:12}  {case.size:17.2f}  {case.share:7g}  {100 * held:6.1f} %"
        f"  {half / case.share:10.2f}  {used:6.0f}  {plain:12,.0f}  {plain / used:5.1f}{said}"
    )


if __name__ == "__main__":
    main()
