"""How far an engine may be from its profile: uncertain inputs of their own."""

import math

from sim.model.distributions import LogNormal, Normal
from sim.model.profile import ServiceProfile
from sim.scenario.values.numbers import Number, Quantity, Spread, Uncertain
from sim.scenario.values.problems import Path


def of_coefficients(profile: ServiceProfile, path: Path) -> tuple[Uncertain, ...]:
    """How far the coefficients are off along each direction of their joint error."""
    error = profile.joint_error
    count = 0 if error is None else error.directions.shape[1]
    law = Normal(0.0, 1.0)
    spread = Spread("normal", {"mean": 0.0, "sd": 1.0}, fixed=law)
    quantity = Quantity("count")
    return tuple(
        Uncertain(".".join(map(str, (*path, f"error_{at}"))), spread, quantity, law)
        for at in range(1, count + 1)
    )


def of_fit(fit_error: float, path: Path) -> Number:
    """How far an engine may be from its profile: lognormal of median 1.

    ``fit_error`` is a mean absolute deviation, which for a normal is sigma·sqrt(2/pi).
    """
    if fit_error == 0:
        return 1.0
    sigma = fit_error * math.sqrt(math.pi / 2)
    law = LogNormal(0.0, sigma)
    spread = Spread("lognormal", {"p50": 1.0, "sigma": sigma}, fixed=law)
    quantity = Quantity("factor", above=0, most=1e6)
    return Uncertain(".".join(map(str, path)), spread, quantity, law)
