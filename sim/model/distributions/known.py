"""Distributions that people know by a mean, a spread or percentiles.

``from_stats`` takes any two statistics that determine the family's two parameters. The names are
``mean``, ``sd``, ``cv`` (sd / mean) and the percentiles ``p5``, ``p50``, ``p90``, ``p95``, ``p99``.
"""

import math
from dataclasses import dataclass

import numpy as np

from sim.model import special
from sim.model.distributions.protocol import FloatArray
from sim.model.rule import require, require_finite

QUANTILES = {"p5": 0.05, "p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Normal:
    """The bell curve. It draws values below zero too: clip where they must not be."""

    mean_: float
    sd: float

    def __post_init__(self) -> None:
        require_finite(mean=self.mean_, sd=self.sd)
        require(self.sd >= 0, "sd", self.sd, "must be at least 0")

    @classmethod
    def from_stats(cls, **stats: float) -> "Normal":
        """Normal with two of: mean, sd, cv, percentiles.

        Examples
        --------
        >>> Normal.from_stats(mean=10, sd=2)
        Normal(mean_=10, sd=2)
        """
        percentiles = _two(stats)
        if len(percentiles) == 2:
            (low, z_low), (high, z_high) = percentiles
            sd = (high - low) / (z_high - z_low)
            return cls(low - z_low * sd, sd)
        if not percentiles:
            return cls(*_mean_sd(stats))
        ((value, z),) = percentiles
        if "cv" in stats:
            return _normal_from_cv(value, z, stats["cv"])
        if "sd" in stats:
            return cls(value - z * stats["sd"], stats["sd"])
        mean = stats["mean"]
        require(z != 0, "p50", value, "is the mean of a normal; give sd or another percentile")
        require((value - mean) * z >= 0, "mean", mean, f"is on the wrong side of {value}")
        return cls(mean, (value - mean) / z)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return rng.normal(self.mean_, self.sd, n)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        if self.sd == 0:
            return np.full(np.shape(u), float(self.mean_))
        return np.asarray(self.mean_ + self.sd * special.ndtri(u), dtype=np.float64)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        if self.sd == 0:
            return np.asarray(np.asarray(x) >= self.mean_, dtype=np.float64)
        return np.asarray(special.ndtr((np.asarray(x) - self.mean_) / self.sd), dtype=np.float64)

    def mean(self) -> float:
        """Expected value."""
        return float(self.mean_)

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        if self.sd == 0:
            return min(float(self.mean_), limit)
        z = (limit - self.mean_) / self.sd
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        below = float(special.ndtr(z))
        return self.mean_ * below - self.sd * density + limit * float(special.ndtr(-z))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """exp(mu + sigma Z): positive, skewed to the right, as token lengths and volumes are."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        require_finite(mu=self.mu, sigma=self.sigma)
        require(self.sigma >= 0, "sigma", self.sigma, "must be at least 0")

    @classmethod
    def from_stats(cls, **stats: float) -> "LogNormal":
        """Lognormal with two of: mean, sd, cv, percentiles (sd only beside the mean or the p50).

        Where two lognormals have the asked mean and percentile, the less skewed one is meant.

        Examples
        --------
        >>> chat = LogNormal.from_stats(mean=4000, p95=9000)
        >>> round(chat.mean(), 6), chat.ppf([0.95]).round(6).tolist()
        (4000.0, [9000.0])
        """
        percentiles = _two(stats)
        for subject, value in stats.items():
            spread = subject in ("sd", "cv")
            require(value > 0 or (spread and value == 0), subject, value, "must be above 0")
        if len(percentiles) == 2:
            (low, z_low), (high, z_high) = percentiles
            sigma = math.log(high / low) / (z_high - z_low)
            return cls(math.log(low) - z_low * sigma, sigma)
        if not percentiles:
            mean, sd = _mean_sd(stats)
            sigma = math.sqrt(math.log1p((sd / mean) ** 2))
            return cls(math.log(mean) - sigma**2 / 2, sigma)
        ((value, z),) = percentiles
        sigma = _lognormal_sigma(value, z, stats)
        return cls(math.log(value) - z * sigma, sigma)

    @classmethod
    def from_p50_p95(cls, p50: float, p95: float) -> "LogNormal":
        """Lognormal with this median and 95th percentile."""
        return cls.from_stats(p50=p50, p95=p95)

    @classmethod
    def from_mean_p95(cls, mean: float, p95: float) -> "LogNormal":
        """Lognormal with this mean and 95th percentile."""
        return cls.from_stats(mean=mean, p95=p95)

    @classmethod
    def from_p5_p95(cls, p5: float, p95: float) -> "LogNormal":
        """Lognormal with these 5th and 95th percentiles."""
        return cls.from_stats(p5=p5, p95=p95)

    @classmethod
    def from_mean_cv(cls, mean: float, cv: float) -> "LogNormal":
        """Lognormal with this mean and coefficient of variation."""
        return cls.from_stats(mean=mean, cv=cv)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        value = rng.standard_normal(n)
        value *= self.sigma
        value += self.mu
        return np.exp(value, out=value)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        if self.sigma == 0:
            return np.full(np.shape(u), math.exp(self.mu))
        return np.asarray(np.exp(self.mu + self.sigma * special.ndtri(u)), dtype=np.float64)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        if self.sigma == 0:
            return np.asarray(np.asarray(x) >= math.exp(self.mu), dtype=np.float64)
        with np.errstate(divide="ignore"):  # cdf(0) is 0
            z = (np.log(np.maximum(x, 0.0)) - self.mu) / self.sigma
        return np.asarray(special.ndtr(z), dtype=np.float64)

    def mean(self) -> float:
        """Expected value."""
        return math.exp(self.mu + self.sigma**2 / 2)

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        if limit <= 0:
            return limit
        if self.sigma == 0:
            return min(self.mean(), limit)
        z = (math.log(limit) - self.mu) / self.sigma
        below = self.mean() * float(special.ndtr(z - self.sigma))
        return below + limit * float(special.ndtr(-z))


@dataclass(frozen=True, slots=True)
class Gamma:
    """Sums of exponentials: positive, CV of 1 / sqrt(shape)."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        require_finite(shape=self.shape, scale=self.scale)
        require(self.shape > 0, "shape", self.shape, "must be above 0")
        require(self.scale > 0, "scale", self.scale, "must be above 0")

    @classmethod
    def from_stats(cls, **stats: float) -> "Gamma":
        """Gamma with a mean and one of: sd, cv, percentile."""
        percentiles = _two(stats)
        require("mean" in stats, "mean", "missing", "must be given for a gamma")
        for subject, value in stats.items():
            require(value > 0, subject, value, "must be above 0")
        mean = stats["mean"]
        if percentiles:
            (name,) = set(stats) - {"mean"}
            shape = _gamma_shape(QUANTILES[name], stats[name], mean)
        else:
            shape = (mean / _mean_sd(stats)[1]) ** 2
        return cls(shape, mean / shape)

    @classmethod
    def from_mean_cv(cls, mean: float, cv: float) -> "Gamma":
        """Gamma with this mean and coefficient of variation."""
        return cls.from_stats(mean=mean, cv=cv)

    @classmethod
    def from_mean_p95(cls, mean: float, p95: float) -> "Gamma":
        """Gamma with this mean and 95th percentile."""
        return cls.from_stats(mean=mean, p95=p95)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return rng.gamma(self.shape, self.scale, n)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        return np.asarray(special.gammaincinv(self.shape, u) * self.scale, dtype=np.float64)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        scaled = np.maximum(x, 0.0) / self.scale
        return np.asarray(special.gammainc(self.shape, scaled), dtype=np.float64)

    def mean(self) -> float:
        """Expected value."""
        return self.shape * self.scale

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        if limit <= 0:
            return limit
        x = limit / self.scale
        below = self.mean() * float(special.gammainc(self.shape + 1, x))
        return below + limit * float(special.gammaincc(self.shape, x))


def interval(p5: float, p95: float) -> Normal | LogNormal:
    """The distribution meant by an interval: lognormal where both ends are above 0, else normal.

    Examples
    --------
    >>> interval(200, 4000).ppf([0.05, 0.95]).round(6).tolist()
    [200.0, 4000.0]
    """
    if p5 > 0 and p95 > 0:
        return LogNormal.from_stats(p5=p5, p95=p95)
    return Normal.from_stats(p5=p5, p95=p95)


def _two(stats: dict[str, float]) -> list[tuple[float, float]]:
    """Check that two statistics are given; return (value, z) of the percentiles, lowest first."""
    known = ("mean", "sd", "cv", *QUANTILES)
    for name in stats:
        require(name in known, "statistic", name, f"must be one of {', '.join(known)}")
    require(len(stats) == 2, "statistics", ", ".join(stats) or "none", "must be two")
    require_finite(**stats)
    spread = [name for name in stats if name in ("sd", "cv")]
    require(len(spread) < 2, "statistics", "sd, cv", "must include a mean or a percentile")
    for name in spread:
        require(stats[name] >= 0, name, stats[name], "must be at least 0")
    names = [name for name in QUANTILES if name in stats]
    if len(names) == 2:
        low, high = names
        rule = f"must be above {low} ({stats[low]:.10g})"
        require(stats[high] > stats[low], high, f"{stats[high]:.10g}", rule)
    return [(stats[name], float(special.ndtri(QUANTILES[name]))) for name in names]


def _mean_sd(stats: dict[str, float]) -> tuple[float, float]:
    """Mean and sd from a mean and an sd or cv."""
    mean = stats["mean"]
    return mean, stats["sd"] if "sd" in stats else abs(mean) * stats["cv"]


def _normal_from_cv(value: float, z: float, cv: float) -> Normal:
    """Normal of positive mean with a percentile and a cv: value = mean (1 + z cv)."""
    mean = value / (1 + z * cv) if 1 + z * cv != 0 else math.inf
    require(0 < mean < math.inf, "cv", cv, f"admits no normal of positive mean through {value}")
    return Normal(mean, mean * cv)


def _lognormal_sigma(value: float, z: float, stats: dict[str, float]) -> float:
    """Sigma from one percentile and a cv, an sd (beside the p50) or a mean."""
    if "cv" in stats:
        return math.sqrt(math.log1p(stats["cv"] ** 2))
    if "sd" in stats:
        require(z == 0, "sd", stats["sd"], "goes with the mean or the p50; give cv instead")
        # (sd / p50)² = w (w - 1), where w = exp(sigma²)
        return math.sqrt(math.log((1 + math.sqrt(1 + 4 * (stats["sd"] / value) ** 2)) / 2))
    # ln(mean / value) = sigma²/2 - z sigma
    mean = stats["mean"]
    under_root = z * z + 2 * math.log(mean / value)
    most = math.exp(z * z / 2)
    rule = f"must be at least 1/{most:.4g} of the percentile ({value}) for a lognormal"
    require(under_root >= 0, "mean", mean, rule)
    root = math.sqrt(under_root)
    sigma = z - root if z - root >= 0 else z + root
    require(sigma >= 0, "mean", mean, f"must be above a percentile of at most 50 ({value})")
    return sigma


def _gamma_shape(level: float, value: float, mean: float) -> float:
    """Shape of the gamma with this quantile and mean; the less skewed one where there are two."""
    from scipy import optimize  # noqa: PLC0415 (a quarter of a second)

    def ratio(log_shape: float) -> float:  # quantile / mean depends on the shape alone
        shape = math.exp(log_shape)
        return float(special.gammaincinv(shape, level)) / shape

    narrow, wide = math.log(1e8), math.log(0.01)
    if level > 0.5:  # the ratio first grows with the skew, then falls to 0: take it up to its peak
        peak = optimize.minimize_scalar(lambda s: -ratio(s), bounds=(wide, 6), method="bounded")
        wide = float(peak.x)
    least, most = sorted((ratio(wide), ratio(narrow)))
    rule = f"must be between {least * mean:.6g} and {most * mean:.6g} for a gamma of mean {mean}"
    require(least <= value / mean <= most, f"p{100 * level:g}", value, rule)
    found = optimize.brentq(lambda s: ratio(s) - value / mean, wide, narrow, xtol=1e-13)
    return math.exp(float(found))
