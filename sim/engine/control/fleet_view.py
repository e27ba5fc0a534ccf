"""The replicas of a pool as an autoscaler sees them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import simpy

from sim.engine.clock import Clock
from sim.engine.control.census import Census
from sim.engine.control.spread import Spread
from sim.engine.control.supply import Supply
from sim.model.design import GpuPool
from sim.model.lifecycle import Stage

if TYPE_CHECKING:
    from sim.engine.plane.pool_view import PoolView


class FleetView:
    """What can be seen of a fleet.

    Attributes
    ----------
    env : simpy.Environment
        For processes of one's own: ``yield fleet.env.timeout(15)``.
    desired : int
        Replicas that there should be, ready or starting.
    """

    env: simpy.Environment
    pool: GpuPool
    desired: int
    _clock: Clock
    _index: int
    _start: datetime
    _replicas: Census
    _own: Supply
    _spread: Spread
    _on_demand: Supply

    @property
    def moment(self) -> datetime:
        """The time of the calendar."""
        return self._start + timedelta(seconds=float(self.env.now))

    @property
    def view(self) -> "PoolView":
        """Counts of the pool at this instant."""
        return self._clock.plane.view(self._index)

    def count(self, stage: Stage) -> int:
        """Replicas in a stage of their lives."""
        return self._replicas.count(stage)

    @property
    def zones(self) -> list[str]:
        """Those that are there, where the next replica goes first."""
        return self._spread.there

    def claims(self) -> list[tuple[simpy.Event, bool]]:
        """Claims of its replicas that were granted, of what is missed least first.

        And whether each will soon be gone.
        """
        holders = self._own.holders(self._replicas)
        return [(r.claim, r.stage is Stage.DRAINING) for r in holders if r.claim is not None]

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return self._replicas.count(Stage.READY)

    @property
    def starting(self) -> int:
        """Replicas that are on their way; with stand-ins, places that none of either serves."""
        return self.desired - self.ready if self.pool.falls_back else self._replicas.starting

    @property
    def draining(self) -> int:
        """Replicas that finish their requests and are then gone."""
        return self._replicas.count(Stage.DRAINING)

    @property
    def vacating(self) -> int:
        """Of what is bought as a whole, replicas or nodes, how many will soon be given back."""
        return self._own.vacating(self.draining)

    @property
    def queue(self) -> int:
        """Requests at the gateway and on replicas that are in no batch."""
        view = self.view
        return view.held + view.waiting

    @property
    def concurrency(self) -> int:
        """Requests at the gateway and on replicas."""
        view = self.view
        return view.held + view.waiting + view.running

    def saturation(self, full_queue: float, full_kv: float) -> float:
        """How full the ready replicas are, summed: by what waits, or by the KV cache."""
        return self._clock.plane.saturation(self._index, full_queue, full_kv)

    def request_held(self) -> simpy.Event:
        """The event that a request has to wait because no replica is ready."""
        return self._clock.request_held(self._index)

    def rentals(self, stand_ins: bool = False) -> Iterator[tuple[float, float]]:
        """From when to when each replica, or each stand-in, was or still is on the bill."""
        there = [replica for replica in self._replicas if replica.stands_in == stand_ins]
        return (self._on_demand if stand_ins else self._own).rentals(there)

    def bought(self, stand_ins: bool = False) -> Iterator[tuple[float, float]]:
        """From when to when each node that is bought whole, or else each replica, was paid."""
        there = [replica for replica in self._replicas if replica.stands_in == stand_ins]
        return (self._on_demand if stand_ins else self._own).bought(there)
