"""Designs compared until it is sure: how many worlds that takes, and how often a verdict is wrong.

Differences world by world are drawn, of several shapes and sizes (in standard deviations of a
difference), and looked at as `sim compare --stop-when-sure` does, and once at the end as it does
without. Then `sim size` likewise: fleets whose share of worlds with the SLO kept is known.

    python benchmarks/sequential.py [--repeats 500]
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent.parent)]

from sim.studies.compare.looks import confidence_at, looks  # noqa: E402
from sim.studies.compare.paired import paired  # noqa: E402
from sim.studies.size.evidence import Rule, Verdict  # noqa: E402

FloatArray = npt.NDArray[np.float64]
SHAPES: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "skewed": lambda rng, n: (rng.lognormal(0.0, 0.8, n) - np.exp(0.32)) / 1.31,
    "heavy tails": lambda rng, n: rng.standard_t(5, n) / 1.29,
}
MOST = 256
ASKED, ERROR = 0.95, 0.05


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=500)
    repeats = parser.parse_args().repeats
    print(f"compare: at most {MOST} worlds, {repeats} repeats; in % of repeats")
    print(
        "difference   shape        |  until sure: told  wrong  worlds  |  all worlds: told  wrong"
    )
    for size in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6):
        for name, shape in SHAPES.items():
            print(compared(name, shape, size, repeats), flush=True)
    print(f"\nsize: a fleet is to keep the SLO in {ASKED:.0%} of worlds, error {ERROR:.0%}")
    print("keeps it in   |  decided   wrong  worlds of 400")
    for share in (0.7, 0.85, 0.9, 0.93, 0.95, 0.97, 0.99, 1.0):
        print(sized(share, repeats), flush=True)


def compared(
    name: str, shape: Callable[[np.random.Generator, int], FloatArray], size: float, repeats: int
) -> str:
    """One shape and size."""
    rng = np.random.default_rng(11)
    early, whole = [], []
    for _ in range(repeats):
        one = 10.0 - size + shape(rng, MOST)
        early.append(ended(one, looks(MOST, True)))
        whole.append(ended(one, looks(MOST, False)))
    (signs, worlds), (at_end, _) = (np.array(each).T for each in (early, whole))
    right = 0 if size == 0.0 else -1
    told = [100.0 * np.mean(each != 0) for each in (signs, at_end)]
    wrong = [100.0 * np.mean((each != 0) & (each != right)) for each in (signs, at_end)]
    return (
        f"{size:10.1f}   {name:12} |  {told[0]:16.1f}  {wrong[0]:5.1f}  {worlds.mean():6.0f}"
        f"  |  {told[1]:16.1f}  {wrong[1]:5.1f}"
    )


def ended(one: FloatArray, planned: tuple[int, ...]) -> tuple[int, int]:
    """The sign that is told, and the worlds that it took."""
    for look in planned:
        found = paired(one[:look], np.full(look, 10.0), confidence=confidence_at(look, planned, 2))
        if found.sign or found.throughout:
            return found.sign or found.throughout, look
    return 0, planned[-1]


def sized(share: float, repeats: int) -> str:
    """A fleet that keeps the SLO in a share of worlds."""
    rng, rule = np.random.default_rng(12), Rule.of(ASKED, ERROR, 400)
    right = Verdict.KEEPS if share >= ASKED else Verdict.MISSES
    took, told = [], []
    for _ in range(repeats):
        kept = rng.random(400) < share
        verdict, worlds = Verdict.OPEN, 0
        for worlds in rule.looks:
            verdict = rule.verdict(int(kept[:worlds].sum()), worlds)
            if verdict is not Verdict.OPEN:
                break
        told.append(verdict)
        took.append(worlds)
    decided = 100.0 * np.mean([each is not Verdict.OPEN for each in told])
    wrong = 100.0 * np.mean([each not in (Verdict.OPEN, right) for each in told])
    return f"{share:11.2f}   |  {decided:5.1f} %  {wrong:4.1f} %  {np.mean(took):13.0f}"


if __name__ == "__main__":
    main()
