"""One clock for two planes: SimPy's, with the data plane drawn along.

The data plane is advanced exactly to the time of SimPy's next event, or returns early with a signal
that a process waits for. Then SimPy steps, and its processes act on the data plane.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import simpy

from sim.engine.plane.feed import Feed, Numbers
from sim.engine.plane.plane import DataPlane
from sim.engine.state.status import DRAINED, NEED_REQUESTS, NEED_SEQUELS, REACHED, REQUEST_HELD

Further = Callable[[int, Numbers, Numbers], Feed]


class Clock:
    """SimPy's environment and the data plane, in step.

    Parameters
    ----------
    plane : DataPlane
    feeds : iterator of Feed
        The requests to come.
    further : callable, optional
        Requests of a workload's users by their numbers: those of closed populations.

    Attributes
    ----------
    env : simpy.Environment
        Where control processes live; its time is that of the data plane.
    drained : bool
        Whether the plane, asked to end when it is empty, has ended: nothing more happens.
    """

    def __init__(
        self, plane: DataPlane, feeds: Iterator[Feed], further: Further | None = None
    ) -> None:
        self.env = simpy.Environment(initial_time=plane.now)
        self.plane = plane
        self.drained = False
        self._feeds, self._further = feeds, further
        self._when_gone: dict[int, simpy.Event] = {}
        self._when_held: dict[int, simpy.Event] = {}

    def gone(self, replica: int) -> simpy.Event:
        """The event that a drained replica has finished its last request."""
        event = self.env.event()
        if self.plane.gone_s[replica] <= self.plane.now:
            return event.succeed()
        self._when_gone[replica] = event
        return event

    def request_held(self, pool: int) -> simpy.Event:
        """The event that a request has to wait at the gateway: no replica of its pool is ready.

        It happens once for all who wait, when a request is the first to wait there.
        """
        return self._when_held.setdefault(pool, self.env.event())

    def run(self, until_s: float) -> None:
        """Simulate up to and at ``until_s``, or to the end of the plane."""
        while True:
            next_s = min(float(self.env.peek()), until_s)
            self._advance(next_s)
            if self.drained or self.env.peek() > until_s:
                return
            self.env.step()

    def run_before(self, time_s: float) -> None:
        """Simulate up to ``time_s``; all that happens at that very instant is yet to come."""
        self.run(math.nextafter(time_s, -math.inf))
        self.plane.now = time_s

    def _advance(self, until_s: float) -> None:
        """Bring the data plane to ``until_s``, or to the instant of an event that is waited for."""
        while (signal := self.plane.advance(until_s)) != REACHED:
            if signal == NEED_REQUESTS:
                self._feed()
            elif signal == NEED_SEQUELS:
                self._lengthen()
            elif signal == DRAINED:
                self.drained = True
                return
            elif self._announce(self._awaited(signal)):
                return

    def _awaited(self, signal: int) -> simpy.Event | None:
        if signal == REQUEST_HELD:
            return self._when_held.pop(self.plane.held, None)
        return self._when_gone.pop(self.plane.emptied, None)

    def _feed(self) -> None:
        feed = next(self._feeds, None)
        if feed is None:
            self.plane.close_feed()
        else:
            present = {name: col for name, col in feed._asdict().items() if col is not None}
            self.plane.feed(**present)

    def _lengthen(self) -> None:
        """Users in a closed loop need more requests to send."""
        assert self._further is not None
        wanted = self.plane.wanted
        self.plane.lengthen(wanted.row, self._further(wanted.workload, wanted.user, wanted.number))

    def _announce(self, event: Any) -> bool:
        """Schedule the event that somebody waits for, if anybody does, at the plane's time."""
        if event is None:
            return False
        event._ok, event._value = True, None
        self.env.schedule(event, delay=max(0.0, self.plane.now - float(self.env.now)))
        return True
