"""How many tokens requests carry.

Prompt and output lengths are drawn from distributions of real numbers, and rounded half up to whole
tokens: the mean stays the same to well under a token as long as the distribution is smooth on the
scale of one. Real prompts and outputs are nearly uncorrelated (-0.11 and 0.00 in the Azure 2023
traces); where they are not, a Gaussian copula ties their ranks.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model import special
from sim.model.distributions import Clipped, Distribution, FloatArray, LogNormal
from sim.model.rule import require

MAX_TOKENS = 1_000_000_000  # a prompt and its output still add up within 32 bits


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths in tokens of the prompts or the outputs of a workload.

    Attributes
    ----------
    distribution : Distribution
        Of the length, in tokens.
    minimum, maximum : int
        Lengths outside are moved to the limit.
    """

    distribution: Distribution
    minimum: int = 1
    maximum: int = MAX_TOKENS

    def __post_init__(self) -> None:
        require(self.minimum >= 1, "minimum", self.minimum, "must be at least 1 token")
        rule = f"must be at least the minimum ({self.minimum})"
        require(self.maximum >= self.minimum, "maximum", self.maximum, rule)
        rule = f"must be at most {MAX_TOKENS} tokens"
        require(self.maximum <= MAX_TOKENS, "maximum", self.maximum, rule)

    def mean_tokens(self) -> float:
        """Expected length, limits included, rounding left aside."""
        return Clipped(self.distribution, self.minimum, self.maximum).mean()

    def in_tokens(self, lengths: FloatArray) -> npt.NDArray[np.int32]:
        """Whole tokens, half up, within the limits: (n,) int32."""
        shifted = lengths + 0.5
        np.clip(shifted, self.minimum, self.maximum, out=shifted)
        return shifted.astype(np.int32)  # towards zero


def draw_lengths(
    prompt: Distribution,
    output: Distribution,
    rank_correlation: float,
    prompt_rng: np.random.Generator,
    output_rng: np.random.Generator,
    n: int,
) -> tuple[FloatArray, FloatArray]:
    """Prompt and output lengths of n requests, before rounding.

    Parameters
    ----------
    rank_correlation : float
        Spearman's, within (-1, 1). Independent lengths cost least: a correlated pair goes through
        the inverse cdf, which is quick for the lognormal and about 0.4 µs for the gamma.

    Returns
    -------
    prompt, output : (n,) float64
    """
    if rank_correlation == 0:
        return prompt.sample(prompt_rng, n), output.sample(output_rng, n)
    r = 2 * math.sin(math.pi / 6 * rank_correlation)  # Pearson's of the normals (Pearson 1907)
    z = prompt_rng.standard_normal(n)
    tied = r * z + math.sqrt(1 - r * r) * output_rng.standard_normal(n)
    return _from_normal(prompt, z), _from_normal(output, tied)


def _from_normal(distribution: Distribution, z: FloatArray) -> FloatArray:
    """Value of the same rank as a standard normal's."""
    if isinstance(distribution, LogNormal):
        return np.asarray(np.exp(distribution.mu + distribution.sigma * z), dtype=np.float64)
    return distribution.ppf(np.asarray(special.ndtr(z), dtype=np.float64))
