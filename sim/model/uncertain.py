"""Numbers that nobody knows yet."""

from dataclasses import dataclass

from sim.model.distributions import Distribution


@dataclass(frozen=True, slots=True)
class UncertainInput:
    """One number of a scenario that differs between worlds.

    Attributes
    ----------
    path : str
        Where it stands in the scenario, such as ``workloads.chat.arrivals.requests_per_day``.
    distribution : Distribution
        What is believed about it, in the unit that its key names, else in SI units or USD.
    """

    path: str
    distribution: Distribution
