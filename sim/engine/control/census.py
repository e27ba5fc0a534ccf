"""The replicas of a pool, counted as they come, change and go."""

from collections.abc import Iterator

from sim.engine.control.replica import Replica
from sim.model.lifecycle import Stage


class Census:
    """The replicas that are not gone, in the order of launching, and how many are where.

    Stages change here only, so that a count costs nothing, however many replicas there are.

    Attributes
    ----------
    starting : int
        On their way to serving.
    on_standby : int
        On standby, or on their way there.
    """

    def __init__(self) -> None:
        self.starting = self.on_standby = 0
        self._replicas: dict[str, Replica] = {}  # by label
        self._in_stage = dict.fromkeys(Stage, 0)

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._replicas.values())

    def count(self, stage: Stage) -> int:
        """Replicas in a stage of their lives."""
        return self._in_stage[stage]

    def add(self, replica: Replica) -> None:
        """Count a new replica."""
        self._replicas[replica.label] = replica
        self._count(replica, 1)

    def put(self, replica: Replica, stage: Stage, standby: bool = False) -> None:
        """Bring a replica into a stage; ``standby`` if it is on standby or on its way there."""
        self._count(replica, -1)
        replica.stage, replica.standby = stage, standby
        self._count(replica, 1)

    def remove(self, replica: Replica) -> None:
        """A replica is gone, from whatever stage."""
        self._count(replica, -1)
        del self._replicas[replica.label]
        replica.stage = Stage.GONE

    def _count(self, replica: Replica, change: int) -> None:
        self._in_stage[replica.stage] += change
        self.starting += change * replica.starting
        self.on_standby += change * replica.standby
