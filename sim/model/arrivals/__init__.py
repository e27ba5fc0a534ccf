"""When requests arrive: a non-homogeneous, doubly stochastic renewal process.

The expected rate is a curve (mean x day shape x growth x special events). Each world multiplies it
by a slowly varying random factor (`Dispersion`), because counts of real traffic vary far more than
Poisson counts do. Gaps between requests have a mean of one in *operational time*, the integral of
that rate, with a chosen coefficient of variation (`Renewal`); the inverse of the integral puts them
on the clock.

A request's time depends on the window that is asked for in no way: horizons of 7 and of 14 days
share their first week bit for bit, and so do warm-ups of different lengths. Everything random is
drawn outward from time 0, forward and backward, each block of requests from its own named stream.
"""

from sim.model.arrivals.clock import BLOCK_REQUESTS, arrival_blocks
from sim.model.arrivals.curve import YEAR_S, RateCurve, SpecialEvent, rate_curve, spliced
from sim.model.arrivals.dispersion import Dispersion
from sim.model.arrivals.renewal import Renewal
from sim.model.arrivals.shape import FLAT, DayShape

__all__ = [
    "BLOCK_REQUESTS",
    "FLAT",
    "YEAR_S",
    "DayShape",
    "Dispersion",
    "RateCurve",
    "Renewal",
    "SpecialEvent",
    "arrival_blocks",
    "rate_curve",
    "spliced",
]
