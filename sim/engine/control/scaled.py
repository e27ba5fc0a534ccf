"""What an autoscaler sees and moves: the fleet of a pool, or those of several as one."""

from typing import TYPE_CHECKING, Protocol

import simpy

if TYPE_CHECKING:
    from sim.engine.plane.pool_view import PoolView


class Scaled(Protocol):
    """Replicas that are counted, and asked for.

    Attributes
    ----------
    env : simpy.Environment
    desired : int
        Replicas that there should be.
    """

    env: simpy.Environment

    @property
    def desired(self) -> int:
        """Replicas that there should be, ready or starting."""
        ...

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        ...

    @property
    def view(self) -> "PoolView":
        """Counts at this instant."""
        ...

    @property
    def concurrency(self) -> int:
        """Requests at the gateway and on replicas."""
        ...

    def saturation(self, full_queue: float, full_kv: float) -> float:
        """How full the ready replicas are, summed."""
        ...

    def request_held(self) -> simpy.Event:
        """The event that a request has to wait because no replica is ready."""
        ...

    def scale_to(self, replicas: int) -> None:
        """Have so many replicas, within the limits."""
        ...
