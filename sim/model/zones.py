"""Zones that the replicas of a pool are spread over: an outage of one takes all that are there.

Pools of one design share their zones, and so their outages. A new replica goes to the zone with the
fewest of its pool of those that are there, the first of several; none is moved when a zone comes
back, as Kubernetes and the scaling groups of clouds have it.

A region is a zone of its own, of which each pool there has all its replicas.
"""

from dataclasses import dataclass

from sim.model.distributions import Distribution
from sim.model.rule import require


@dataclass(frozen=True, slots=True)
class Zones:
    """Where the replicas of a pool are.

    Attributes
    ----------
    names : tuple of str
        Of the zones that the pool is spread over.
    gap, duration : Distribution or None
        Seconds from the end of a zone's outage to its next, and how long it lasts; each zone has
        its own. None if there are no others than those planned.
    planned : tuple of (str, float, float)
        Zone, beginning and end of further outages, in seconds from the start of the horizon; those
        of other zones too.
    takes_gateway : bool
        Whether the gateway of a pool is lost with the last of its zones, and what it holds: these
        are regions, and who comes there meanwhile is turned away.
    """

    names: tuple[str, ...]
    gap: Distribution | None = None
    duration: Distribution | None = None
    planned: tuple[tuple[str, float, float], ...] = ()
    takes_gateway: bool = False

    def __post_init__(self) -> None:
        require(len(self.names) > 0, "zones", len(self.names), "must be at least one")
        distinct = len(set(self.names))
        require(distinct == len(self.names), "zones", self.names, "must differ from each other")
