"""How far the coefficients of a profile may be off, together.

Errors are of logarithms: a coefficient is its value times exp(e), with e jointly normal, so that
none turns negative. What measurements leave undetermined, such as whether steps are long because of
the batch or because of what is in its caches, shows as a correlation near -1: each of the two may
be far off, but not in the same direction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.rule import require

FloatArray = npt.NDArray[np.float64]

SLIGHT = 0.002  # of a logarithm: a direction that moves nothing by more is left out


@dataclass(frozen=True, slots=True)
class JointError:
    """How far the coefficients of a profile may be off, together.

    Attributes
    ----------
    names : tuple of str
    relative_sd : tuple of float
        Standard deviations of the logarithms.
    correlations : tuple of tuple of float
        Below the diagonal, row by row: the second coefficient with the first, and so on.
    """

    names: tuple[str, ...]
    relative_sd: tuple[float, ...]
    correlations: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        count = len(self.names)
        require(count > 0, "coefficients", count, "must be at least one")
        require(len(self.relative_sd) == count, "standard deviations", len(self.relative_sd),
                f"must be as many as the coefficients ({count})")  # fmt: skip
        lengths = tuple(len(row) for row in self.correlations)
        require(lengths == tuple(range(1, count)), "correlations", lengths,
                "must be the rows below the diagonal, with 1, 2, ... entries")  # fmt: skip
        within = all(0 <= sd < math.inf for sd in self.relative_sd)
        require(within, "standard deviations", self.relative_sd, "must be finite and at least 0")
        within = all(-1 <= each <= 1 for row in self.correlations for each in row)
        require(within, "correlations", "beyond 1", "must be between -1 and 1")
        least = float(np.linalg.eigvalsh(self.correlation)[0])
        require(least > -0.05, "correlations", f"eigenvalue {least:.2g}", "contradict each other")

    @classmethod
    def of(cls, names: Sequence[str], covariance: FloatArray, digits: int = 4) -> "JointError":
        """From a covariance of logarithms: (n, n)."""
        sd = np.sqrt(np.diag(covariance))
        ratio = covariance / np.outer(sd, sd)
        rows = tuple(
            tuple(float(np.clip(round(each, digits), -1, 1)) for each in ratio[row, :row])
            for row in range(1, len(names))
        )
        return cls(tuple(names), tuple(float(f"{each:.{digits}g}") for each in sd), rows)

    @property
    def correlation(self) -> FloatArray:
        """The whole matrix: (n, n)."""
        matrix = np.eye(len(self.names))
        for at, row in enumerate(self.correlations, 1):
            matrix[at, :at] = matrix[:at, at] = row
        return matrix

    @property
    def directions(self) -> FloatArray:
        """Independent directions of error, the widest first, each one standard deviation long.

        Returns
        -------
        (n, m) float64
            Of column j, what one standard deviation along it adds to each logarithm. Of the two
            signs that where the largest entry is positive, so that a draw is the same on any
            machine. Those that hardly matter are left out.
        """
        sd = np.array(self.relative_sd)
        values, vectors = np.linalg.eigh(self.correlation)
        order = np.argsort(-values, kind="stable")
        values, vectors = np.maximum(values[order], 0.0), vectors[:, order]
        largest = np.abs(vectors).argmax(axis=0)
        vectors = vectors * np.sign(vectors[largest, np.arange(len(values))])
        along = sd[:, None] * vectors * np.sqrt(values)
        return np.asarray(along[:, np.abs(along).max(axis=0) > SLIGHT])


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedError:
    """How far simulations of the measured runs with this very profile are from what was measured.

    Mean absolute relative errors over the runs below saturation, never below what repeats of one
    run differ by where there are any; NaN where nothing was measured.
    """

    ttft: float = math.nan
    tpot: float = math.nan
    e2e: float = math.nan
    throughput: float = math.nan

    @property
    def known(self) -> tuple[float | None, ...]:
        """The four, None for what was not measured."""
        errors = (self.ttft, self.tpot, self.e2e, self.throughput)
        return tuple(None if math.isnan(each) else each for each in errors)

    def __eq__(self, other: object) -> bool:
        """Equal errors, of which the same were not measured: NaN does not equal itself."""
        return isinstance(other, SimulatedError) and self.known == other.known

    def __hash__(self) -> int:
        return hash(self.known)
