"""The families of distributions that a scenario may name, with what each is given by."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sim.model.distributions import (
    Beta,
    Choice,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Normal,
    Pareto,
    Triangular,
    Uniform,
    interval,
)

Role = Literal["scale", "shape", "scales", "weights", "parts"]
"""What a parameter is: a value in the unit of its key (``scale``), a plain positive number
(``shape``), lists of them, or the components of a mixture."""

HIGH: Final = ("p90", "p95", "p99")

Builder = Callable[[Mapping[str, Any]], Distribution]


@dataclass(frozen=True, slots=True)
class Family:
    """A family of distributions.

    Attributes
    ----------
    parameters : dict
        The keys it may be given by and their roles.
    forms : tuple of frozenset
        The combinations of keys that determine it; empty where ``pairs`` of any two keys do.
    build : callable
        Distribution of a mapping of parameters; raises ValueError where there is none.
    description : str
        For the schema.
    """

    parameters: dict[str, Role]
    forms: tuple[frozenset[str], ...]
    build: Builder
    description: str

    def expected(self) -> str:
        """What it is given by, in words."""
        if not self.forms:
            return f"two of {', '.join(self.parameters)}"
        return " or ".join(", ".join(k for k in self.parameters if k in f) for f in self.forms)

    def determined_by(self, keys: Sequence[str]) -> bool:
        """Whether these keys make one distribution."""
        return frozenset(keys) in self.forms if self.forms else len(keys) == 2


def _forms(*forms: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(form.split()) for form in forms)


def _lognormal(given: Mapping[str, float]) -> Distribution:
    mean = given.get("mean")
    for key in HIGH:  # the mean may lie beyond it, with a sigma of 2.6 or more, which nobody means
        if mean is not None and given.get(key, math.inf) <= mean:
            raise ValueError(f"{key} ({given[key]:g}) must be above the mean ({mean:g})")
    if mean is not None and given.get("p50", 0.0) > mean:
        raise ValueError(f"p50 ({given['p50']:g}) must be at most the mean ({mean:g})")
    if "sigma" not in given:
        return LogNormal.from_stats(**given)
    sigma = given["sigma"]
    if "p50" in given:
        return LogNormal(math.log(given["p50"]), sigma)
    if "mean" in given:
        return LogNormal(math.log(given["mean"]) - sigma**2 / 2, sigma)
    raise ValueError("sigma goes with the p50 or the mean")


def _beta(given: Mapping[str, float]) -> Distribution:
    return Beta(**given) if "a" in given else Beta.from_mean_sd(**given)


def _pareto(given: Mapping[str, float]) -> Distribution:
    return Pareto(**given) if "alpha" in given else Pareto.from_minimum_mean(**given)


def _table(given: Mapping[str, Any], kind: type[Empirical]) -> Distribution:
    return kind(tuple(given["values"]), tuple(given.get("weights", ())))


def _mixture(given: Mapping[str, Any]) -> Distribution:
    weights, components = zip(*given["parts"], strict=True)
    return Mixture(weights, components)


_PERCENTILES: Final[dict[str, Role]] = dict.fromkeys(("p5", "p50", "p90", "p95", "p99"), "scale")
_STATS: Final[dict[str, Role]] = {"mean": "scale", **_PERCENTILES, "sd": "scale", "cv": "shape"}

INTERVAL: Final = Family(
    {"p5": "scale", "p95": "scale"},
    _forms("p5 p95"),
    lambda given: interval(given["p5"], given["p95"]),
    "90 % interval: lognormal where both ends are above 0, else normal",
)

FAMILIES: Final[dict[str, Family]] = {
    "lognormal": Family(
        {**_STATS, "sigma": "shape"}, (), _lognormal, "positive, skewed to the right"
    ),
    "normal": Family(_STATS, (), lambda given: Normal.from_stats(**given), "the bell curve"),
    "gamma": Family(
        _STATS, (), lambda given: Gamma.from_stats(**given), "positive; a mean and a spread"
    ),
    "beta": Family(
        {"mean": "scale", "sd": "scale", "a": "shape", "b": "shape"},
        _forms("mean sd", "a b"),
        _beta,
        "a share between 0 and 1",
    ),
    "triangular": Family(
        {"low": "scale", "mode": "scale", "high": "scale"},
        _forms("low mode high"),
        lambda given: Triangular(**given),
        "least, most likely and greatest value",
    ),
    "uniform": Family(
        {"low": "scale", "high": "scale"},
        _forms("low high"),
        lambda given: Uniform(**given),
        "anything between two values",
    ),
    "exponential": Family(
        {"mean": "scale"},
        _forms("mean"),
        lambda given: Exponential(given["mean"]),
        "memoryless",
    ),
    "pareto": Family(
        {"minimum": "scale", "alpha": "shape", "mean": "scale"},
        _forms("minimum alpha", "minimum mean"),
        _pareto,
        "a power tail above a minimum",
    ),
    "choice": Family(
        {"values": "scales", "weights": "weights"},
        _forms("values", "values weights"),
        lambda given: _table(given, Choice),
        "one of a few values",
    ),
    "empirical": Family(
        {"values": "scales", "weights": "weights"},
        _forms("values", "values weights"),
        lambda given: _table(given, Empirical),
        "one of a table of values, here or in a CSV file",
    ),
    "mixture": Family(
        {"parts": "parts"}, _forms("parts"), _mixture, "one of several distributions"
    ),
}


def family(name: str) -> Family:
    """The family of a name, ``interval`` among them."""
    return INTERVAL if name == "interval" else FAMILIES[name]
