"""How often intervals and verdicts are right, over figures of ten shapes.

Run with ``python benchmarks/interval_shapes.py [repeats]``. Worlds are independent draws, 24, 64
and 200 of them, and each sample is estimated as a run or a comparison would:

- intervals of p50, p95, mean and a probability. Of the intervals that are printed 93 % at least
  must hold the truth, and of those of means 98 % at most (the others are exact by construction,
  and hold more often). In brackets how many have both ends, where not all have; the others have
  one, an "at least" or "at most". Means, and mean differences, have an interval from 72 worlds on;
  below that the difference's median has one.
- verdicts on two designs of the same mean: the share in which one is named the cheaper on average.
  Under common random numbers the difference has the shape; independently drawn, both designs have.
- power: how often a normal difference of one standard deviation, or of 0.3, is told.
- two APIs: the same with an uncertain volume that is known to the estimate.
- stopping: worlds are added until the interval is as narrow as ``--precision`` asks.

What happens in 1 of 100 worlds is in none of 64 more often than not, and in none of 200 in 13 % of
samples. These are, draw for draw, samples of the normal shape: what gives a normal its interval
gives them one too, and that is wrong. So for the disasters the samples that hold one are counted
apart as well: "seen".
"""

import math
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sim.model.distributions import LogNormal
from sim.model.uncertain import UncertainInput
from sim.montecarlo.controls import Controls
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.estimates import order_interval
from sim.montecarlo.means import FEWEST, FEWEST_FAR_OUT, influences_of, interval_ends
from sim.montecarlo.precision import Goal, looks
from sim.montecarlo.shares import share_interval
from sim.studies.compare.paired import FEWEST_WORLDS, REVEALING, STRICTER, paired

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Draw = Callable[[np.random.Generator, tuple[int, int]], FloatArray]

REPEATS = 4_000
WORLDS = (24, 64, 200)
CONFIDENCE = 0.95
KINDS = ("p50", "p95", "mean", "probability")
SPREAD = 0.1  # of the worlds without a disaster
MANY = 4_000_000  # draws, for quantiles without a formula


@dataclass(frozen=True, slots=True)
class Shape:
    """A distribution of figures over worlds.

    Attributes
    ----------
    name : str
    draw : callable
        Of so many samples of so many worlds.
    mean : float
    disaster : float
        The share of worlds with one; 0 where there is none.
    """

    name: str
    draw: Draw
    mean: float
    disaster: float = 0.0


def lognormal(ratio: float) -> Shape:
    """With a p95 of so many times the median, 1."""
    sigma = math.log(ratio) / float(ndtri(0.95))
    return Shape(
        f"lognormal, p95/p50 {ratio:g}",
        lambda rng, size: np.exp(sigma * rng.standard_normal(size)),
        math.exp(sigma**2 / 2),
    )


def disaster(share: float, cost: float) -> Shape:
    """A cost of 10 in most worlds, and of so much more in a share of them."""
    return Shape(
        f"{'disaster' if cost > 0.0 else 'windfall'} in {100 * share:g}%",
        lambda rng, size: (
            10.0 + np.where(rng.random(size) < share, cost, 0) + SPREAD * rng.standard_normal(size)
        ),
        10.0 + share * cost,
        share,
    )


def disaster_of_any_size(share: float, ratio: float) -> Shape:
    """A cost of 10 in most worlds, and of a lognormal of p50 50 more in a share of them."""
    size = lognormal(ratio)
    return Shape(
        f"disaster in {100 * share:g}%, lognormal",
        lambda rng, many: (
            10.0
            + np.where(rng.random(many) < share, 50.0 * size.draw(rng, many), 0)
            + SPREAD * rng.standard_normal(many)
        ),
        10.0 + share * 50.0 * size.mean,
        share,
    )


SHAPES = (
    Shape("normal", lambda rng, size: 10 + rng.standard_normal(size), 10.0),
    Shape("uniform", lambda rng, size: rng.random(size), 0.5),
    Shape(
        "bimodal",
        lambda rng, size: np.where(rng.random(size) < 0.5, 5, 7) + 0.3 * rng.standard_normal(size),
        6.0,
    ),
    Shape(
        "bimodal, 1 in 5",
        lambda rng, size: np.where(rng.random(size) < 0.2, 8, 3) + rng.standard_normal(size),
        4.0,
    ),
    Shape("exponential", lambda rng, size: rng.exponential(size=size), 1.0),
    Shape("Student, 3", lambda rng, size: 10 + rng.standard_t(3, size), 10.0),
    lognormal(3.0),
    lognormal(12.0),
    disaster(0.05, 20.0),
    disaster(0.01, 100.0),
)
OTHERS = (  # whose figures no rule was made by
    disaster(0.005, 100.0),
    disaster(0.02, 50.0),
    disaster(0.03, 50.0),
    disaster(0.02, -50.0),
    disaster_of_any_size(0.02, 3.0),
    disaster_of_any_size(0.05, 3.0),
    lognormal(6.0),
    lognormal(24.0),
    Shape("Pareto, 3", lambda rng, size: 1.0 + rng.pareto(3.0, size), 1.5),
)


@dataclass(frozen=True, slots=True)
class Held:
    """Of intervals of one kind.

    Attributes
    ----------
    printed, one_end : float
        Share of samples with both ends, and with one.
    right : float
        Of those printed, the share that is right.
    """

    printed: float
    one_end: float
    right: float

    @classmethod
    def of(cls, low: FloatArray, high: FloatArray, truth: float) -> "Held":
        """From ends: (repeats,) float64, NaN where there is none."""
        ends = np.isfinite(low).astype(int) + np.isfinite(high)
        right = ~(low > truth) & ~(high < truth)
        said = ends > 0
        share = float(right[said].mean()) if said.any() else math.nan
        return cls(float((ends == 2).mean()), float((ends == 1).mean()), share)

    def text(self) -> str:
        """Share that is right, and of samples with both ends if they are not all."""
        if self.printed + self.one_end == 0.0:
            return "–"
        return f"{self.right:.1%}" + ("" if self.printed == 1.0 else f" ({self.printed:.0%})")


def mean_ends(
    samples: FloatArray,
    confidence: float = CONFIDENCE,
    fewest: int = FEWEST,
    verdict: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Ends of the intervals of the means: from (repeats, worlds), two of (repeats,)."""
    worlds, mean = samples.shape[-1], samples.mean(axis=-1)
    if worlds < fewest:
        return np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    tail = FEWEST_FAR_OUT if verdict else 0
    low, high = interval_ends(influences_of(samples), worlds - 1, confidence, not verdict, tail)
    return mean + low, mean + high


def quantile_ends(ordered: FloatArray, p: float) -> tuple[FloatArray, FloatArray]:
    """Ends of the intervals of a quantile."""
    none = np.full(len(ordered), np.nan)
    low, high = (
        none if end is None else ordered[:, end] for end in order_interval(ordered.shape[1], p)
    )
    return low, high


def share_ends(holds: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Ends of the intervals of a probability."""
    worlds = holds.shape[1]
    ends = np.array([share_interval(count, worlds) for count in range(worlds + 1)])
    low, high = ends[holds.sum(axis=1)].T
    return low, high


def named(differences: FloatArray) -> BoolArray:
    """Whether a design is named the cheaper one on average, as by ``paired``: (repeats,)."""
    worlds = differences.shape[1]
    low, high = mean_ends(differences, 1.0 - STRICTER * (1.0 - CONFIDENCE), 2, verdict=True)
    told = (low > 0.0) | (high < 0.0)
    agreed = (differences > 0.0).all(axis=1) | (differences < 0.0).all(axis=1)
    return np.asarray(told & ~(agreed & (worlds < REVEALING)) & (worlds >= FEWEST_WORLDS))


def coverage(shape: Shape, worlds: int, repeats: int, seed: int = 0) -> dict[str, Held]:
    """Of the intervals of the mean, the p50, the p95 and a probability."""
    rng = np.random.default_rng((seed, worlds))
    samples = shape.draw(rng, (repeats, worlds))
    ordered = np.sort(samples, axis=1)
    level = true_quantile(shape, 0.9)
    return {
        "mean": Held.of(*mean_ends(samples), shape.mean),
        "p50": Held.of(*quantile_ends(ordered, 0.5), true_quantile(shape, 0.5)),
        "p95": Held.of(*quantile_ends(ordered, 0.95), true_quantile(shape, 0.95)),
        "probability": Held.of(*share_ends(samples <= level), 0.9),
    }


def seen_coverage(shape: Shape, worlds: int, repeats: int, seed: int = 0) -> tuple[float, Held]:
    """Share of samples that hold a disaster, and the intervals of the mean of those."""
    rng = np.random.default_rng((seed, worlds))
    samples = shape.draw(rng, (repeats, worlds))
    seen = np.abs(samples - 10.0).max(axis=1) > 10.0 * SPREAD
    return float(seen.mean()), Held.of(*mean_ends(samples[seen], fewest=2), shape.mean)


def false_winners(shape: Shape, worlds: int, repeats: int, seed: int = 0) -> tuple[float, float]:
    """Share of verdicts upon equal means: common random numbers, and independent draws."""
    rng = np.random.default_rng((seed, worlds, 1))
    one, other = (shape.draw(rng, (repeats, worlds)) for _ in range(2))
    return float(named(one - shape.mean).mean()), float(named(one - other).mean())


def power(distance: float, worlds: int, repeats: int, seed: int = 0) -> tuple[float, float]:
    """How often a normal difference is told: on average; so, or in every world."""
    rng = np.random.default_rng((seed, worlds, 2))
    differences = distance + rng.standard_normal((repeats, worlds))
    told = named(differences)
    return float(told.mean()), float((told | (differences > 0.0).all(axis=1)).mean())


def stopped(shape: Shape, p: float, relative: float, repeats: int) -> tuple[float, float]:
    """Of studies that stop when the interval is narrow: those that are right, worlds on average."""
    goal = Goal.parse(relative, "figure")
    most = 2_048
    samples = shape.draw(np.random.default_rng(3), (repeats, most))
    open_ones = np.ones(repeats, np.bool_)
    right, used = np.zeros(repeats, np.bool_), np.zeros(repeats)
    truth = true_quantile(shape, p)
    for worlds in looks(most, goal):
        ordered = np.sort(samples[:, :worlds], axis=1)
        low, high = quantile_ends(ordered, p)
        width = (high - low) / 2.0 / np.abs(np.quantile(ordered, p, axis=1))
        ends = open_ones & ((width <= relative) | (worlds == most))
        right[ends], used[ends] = ((low <= truth) & (truth <= high))[ends], worlds
        open_ones &= ~ends
    return float(right.mean()), float(used.mean())


def two_apis(worlds: int, repeats: int) -> tuple[float, float]:
    """Share of intervals of a mean difference of two APIs that hold it, and of winners at a tie.

    The volume is uncertain, a lognormal with a p50 of 100k and a p95 of 300k; luck is small beside
    it, and by one per cent is the one dearer than the other.
    """
    path = "workloads.chat.arrivals.requests_per_day"
    volume = UncertainInput(path, LogNormal.from_stats(p50=1e5, p95=3e5))
    held = tied = 0
    for seed in range(repeats):
        draws = draw_worlds([volume], seed, worlds)
        luck = 1.0 + 0.02 * np.random.default_rng(seed).standard_normal((2, worlds))
        one, other = draws[path] * 0.01 * luck
        controls = Controls.of([volume], draws)
        low, high = paired(one * 1.01, other, controls=controls).mean_ci
        held += low <= 1e-4 * volume.distribution.mean() <= high
        tied += paired(one, other, controls=controls).sign != 0
    return held / repeats, tied / repeats


def true_quantile(shape: Shape, p: float) -> float:
    """From so many draws that its error does not count."""
    if shape not in _DRAWN:
        draws = shape.draw(np.random.default_rng(12345), (1, MANY))[0]
        _DRAWN[shape] = np.quantile(draws, [0.5, 0.9, 0.95])
    return float(_DRAWN[shape][(0.5, 0.9, 0.95).index(p)])


_DRAWN: dict[Shape, FloatArray] = {}


def rows(repeats: int) -> Iterator[str]:
    """The table: a line per shape and number of worlds."""
    yield (
        "| shape | worlds | p50 | p95 | mean, mean difference | probability"
        " | false winners: common, independent |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for shape in SHAPES:
        for worlds in WORLDS:
            found = coverage(shape, worlds, repeats)
            common, apart = false_winners(shape, worlds, repeats)
            cells = (found[kind].text() for kind in KINDS)
            yield (f"| {shape.name} | {worlds} | {' | '.join(cells)} | {common:.1%}, {apart:.1%} |")


def extremes(repeats: int) -> Iterator[str]:
    """The table in short: a line per number of worlds and kind of shape."""
    yield (
        "| worlds | shapes | p50 | p95 | mean, mean difference | probability"
        " | false winners at most |"
    )
    yield "|---:|---|---:|---:|---:|---:|---:|"
    plain = [shape for shape in SHAPES if not shape.disaster]
    groups = {"the other eight": plain} | {
        shape.name: [shape] for shape in SHAPES if shape.disaster
    }
    for worlds in WORLDS:
        for name, shapes in groups.items():
            found = [coverage(shape, worlds, repeats) for shape in shapes]
            wrong = max(max(false_winners(shape, worlds, repeats)) for shape in shapes)
            cells = {kind: _range([each[kind] for each in found]) for kind in KINDS}
            if worlds >= FEWEST and shapes[0].disaster:
                seen = seen_coverage(shapes[0], worlds, repeats)[1].right
                cells["mean"] += f"; {100 * seen:.1f} % where seen"
            yield f"| {worlds} | {name} | {' | '.join(cells.values())} | {wrong:.1%} |"


def _range(held: list[Held]) -> str:
    """The least and the most often that intervals are right; with how many are printed."""
    if not any(each.printed + each.one_end for each in held):
        return "–"
    right = [100 * each.right for each in held]
    low, high = f"{min(right):.1f}", f"{max(right):.1f}"
    text = low if low == high else f"{low} … {high}"
    least = min(each.printed for each in held)
    return f"{text} %" + ("" if least == 1.0 else f" (both ends: {least:.0%})")


def main() -> None:
    """Print all tables."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    print(f"{platform.machine()}, Python {platform.python_version()}, {repeats:,} repeats")
    for row in (*extremes(repeats), "", *rows(repeats)):
        print(row, flush=True)
    for shape in (*SHAPES, *OTHERS):
        for worlds in WORLDS if shape.disaster else ():
            seen, held = seen_coverage(shape, worlds, repeats)
            print(
                f"{shape.name}, {worlds} worlds: seen in {seen:.1%} of samples; of these the mean's"
                f" interval is right in {held.right:.1%}"
            )
    for shape in OTHERS:
        right = coverage(shape, WORLDS[-1], repeats)["mean"].right
        wrong = max(max(false_winners(shape, worlds, repeats)) for worlds in WORLDS)
        print(
            f"{shape.name}, {WORLDS[-1]} worlds: the mean's interval is right in {right:.1%};"
            f" a cheaper of equal means is named in {wrong:.1%} at most"
        )
    for distance, worlds in ((1.0, 24), (0.3, 200)):
        average, either = power(distance, worlds, repeats)
        print(
            f"difference of {distance:g} sd, {worlds} worlds: named on average in {average:.1%},"
            f" on average or in every world in {either:.1%}"
        )
    for worlds in (16, 40, 200):
        held, tied = two_apis(worlds, repeats)
        print(f"two APIs, {worlds} worlds: held in {held:.1%}, a cheaper at a tie in {tied:.1%}")
    for shape, p, relative in ((SHAPES[0], 0.5, 0.01), (lognormal(3.0), 0.95, 0.15)):
        right, used = stopped(shape, p, relative, repeats)
        print(
            f"{shape.name}, stopped at {relative:.0%} of p{100 * p:.0f}: right in {right:.1%},"
            f" after {used:,.0f} worlds"
        )


if __name__ == "__main__":
    main()
