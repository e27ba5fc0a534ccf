"""Sobol indices of a decision: how often one input turns it.

A decision is 1 or 0 at A, at B, and at the mixture, which has one input from B and all others from
A. Where it holds with the probability m, of the odds o = m / (1 - m), its variance is m (1 - m),
and with r(x, y) the probability that it holds at the mixture if it is x at A and y at B,

    total = P(A != mixture) / 2 m (1 - m)
          = (o (1 - r(1,1)) + (1 - r(1,0)) + r(0,1) + r(0,0) / o) / 2,
    first = 1 - P(B != mixture) / 2 m (1 - m)
          = 1 - (o (1 - r(1,1)) + r(1,0) + (1 - r(0,1)) + r(0,0) / o) / 2,

for A and B are independent. So all there is to know are five counts, and no variance is divided by
that could be 0. A bootstrap says that a decision which no row turns is never turned; counts do not.
Their limits are drawn together: those of m from Jeffreys' posterior, those of each r from it, too,
except where no row, or every row, is of one kind: there the limits are those of Clopper and Pearson
(Brown, Cai and DasGupta 2001, Interval estimation for a binomial proportion, section 4.1).
"""

import numpy as np
import numpy.typing as npt

from sim.studies.sensitivity.sobol import Indices, settled, within

FloatArray = npt.NDArray[np.float64]

DRAWS = 2000
TAILS = (0.025, 0.975)
CELLS = ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))  # of the decision at A and at B
# Whether the lower limit of an index comes of the lower one of each r; all others of the upper.
FIRST_RISES = (True, False, True, False)
TOTAL_RISES = (False, False, True, True)


def decision_indices(
    a: FloatArray, b: FloatArray, mixed: FloatArray, rng: np.random.Generator
) -> Indices:
    """Indices of each factor, with intervals of 95 %; NaN where the decision never changes.

    Parameters
    ----------
    a, b : (n,) float64
        The decision at the rows of A and B, 1 or 0.
    mixed : (factors, n) float64
        At those of each mixture.
    rng : numpy.random.Generator
        Draws limits of counts.
    """
    rows, held = len(a), float(a.sum() + b.sum())
    failed = 2.0 * rows - held
    if held == 0.0 or failed == 0.0:
        return Indices.of_nothing(len(mixed))
    cells = [(a == x) & (b == y) for x, y in CELLS]
    of = np.array([[float(cell.sum())] for cell in cells])
    held_in = np.array([mixed[:, cell].sum(axis=1) for cell in cells])  # (cells, factors)
    share = np.divide(held_in, of, out=np.full(held_in.shape, 0.5), where=of > 0.0)
    share, odds = share[..., None], np.array([held / failed])
    first, total = settled(_first(share, odds)[:, 0], _total(share, odds)[:, 0])
    chance = rng.beta(held + 0.5, failed + 0.5, DRAWS)
    odds, limits = chance / (1.0 - chance), _limits(held_in, of, rng)
    firsts = [_first(_chosen(limits, FIRST_RISES, upper), odds) for upper in (False, True)]
    totals = [_total(_chosen(limits, TOTAL_RISES, upper), odds) for upper in (False, True)]
    leads = [low[:, None] - high[None, :] for low, high in (firsts, reversed(firsts))]
    return Indices(
        first=first,
        total=total,
        first_ci=within(_ends(firsts), first),
        total_ci=within(_ends(totals), total),
        leads_ci=_ends(leads),
        variance=held * failed / (2.0 * rows) ** 2,
        flips=np.sum(mixed != a, axis=1),
    )


def _total(r: FloatArray, odds: FloatArray) -> FloatArray:
    """Total indices: (factors, draws) from (cells, factors, draws)."""
    return np.asarray((odds * (1.0 - r[0]) + 1.0 - r[1] + r[2] + r[3] / odds) / 2.0)


def _first(r: FloatArray, odds: FloatArray) -> FloatArray:
    """First-order indices: (factors, draws) from (cells, factors, draws)."""
    return np.asarray(1.0 - (odds * (1.0 - r[0]) + r[1] + 1.0 - r[2] + r[3] / odds) / 2.0)


def _limits(
    held: FloatArray, of: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Drawn lower and upper limits of shares: (cells, factors, draws) each.

    Parameters
    ----------
    held : (cells, factors) float64
    of : (cells, 1) float64
        Rows of each cell.
    """
    failed = of - held

    def drawn(above: FloatArray, below: FloatArray) -> FloatArray:
        return rng.beta(above[..., None], below[..., None], (*held.shape, DRAWS))

    middle = drawn(held + 0.5, failed + 0.5)
    least = drawn(np.maximum(held, 0.5), failed + 1.0)
    most = drawn(held + 1.0, np.maximum(failed, 0.5))
    none, every = (held == 0.0)[..., None], (failed == 0.0)[..., None]
    low = np.where(none, 0.0, np.where(every, least, middle))
    high = np.where(every, 1.0, np.where(none, most, middle))
    return low, high


def _chosen(
    limits: tuple[FloatArray, FloatArray], rises: tuple[bool, ...], upper: bool
) -> FloatArray:
    """The limits of each cell that make an index least, or greatest."""
    low, high = limits
    return np.stack([(high if up == upper else low)[i] for i, up in enumerate(rises)])


def _ends(draws: list[FloatArray]) -> FloatArray:
    """The lower end of the lower draws, the upper end of the upper ones: (2, ...)."""
    return np.array(
        [np.quantile(each, tail, axis=-1) for each, tail in zip(draws, TAILS, strict=True)]
    )
