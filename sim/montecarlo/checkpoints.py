"""Finished worlds, put on disk while a run goes on, so that a kill loses little.

How often is a matter of cost: after a second at first, so that a short run has something to resume
from; later after a twentieth of the time the run has taken, so that there are not thousands of
parts; never more often than that the writing takes a fiftieth of the time. And after half a minute
in any case, so that a kill never loses more than a minute.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from sim.montecarlo.result import Earlier
from sim.montecarlo.sample import Sample
from sim.montecarlo.storage.place import Tell

SHORTEST_S, LONGEST_S = 1.0, 30.0
SHARE_OF_RUN = 0.05
TIMES_COST = 50.0


class Keeper(Protocol):
    """What puts worlds on disk, such as ``store.Store``."""

    def keep(self, sample: Sample, found: Earlier) -> None:
        """Put worlds on disk; raises OSError if that is not possible."""
        ...


class Pace:
    """When it is time to put worlds on disk, of one run or of several after each other.

    Parameters
    ----------
    clock : callable
        Seconds from any moment on.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._begun_s = self._kept_s = self._last_s = clock()
        self._gap_s = 0.0  # between the last two worlds
        self._cost_s = 0.0  # of the last writing

    def take(self) -> None:
        """A world is finished."""
        now_s = self._clock()
        self._gap_s, self._last_s = now_s - self._last_s, now_s

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        now_s = self._clock()
        waited_s = now_s - self._kept_s
        interval_s = max(SHARE_OF_RUN * (now_s - self._begun_s), TIMES_COST * self._cost_s)
        # A world may take longer than that, and nobody looks before it is finished.
        next_look_s = waited_s + self._gap_s
        return waited_s >= min(max(interval_s, SHORTEST_S), LONGEST_S) or next_look_s > LONGEST_S

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While worlds are put on disk."""
        begun_s = self._clock()
        try:
            yield
        finally:
            self._kept_s = self._clock()
            self._cost_s = self._kept_s - begun_s


class Checkpoints:
    """The worlds of a run that are finished and not on disk yet.

    Parameters
    ----------
    keeper : Keeper
    tell : callable
        Told once if worlds cannot be put on disk. The run goes on: they may fit later.
    pace : Pace, optional
        One of its own by default.
    """

    def __init__(
        self, keeper: Keeper, tell: Tell = lambda _: None, pace: Pace | None = None
    ) -> None:
        self._keeper = keeper
        self._tell = tell
        self._pace = pace or Pace()
        self._waiting: list[int] = []
        self._files = Earlier(Sample())  # of world 0
        self._failed = False
        self._over = False

    @property
    def is_waiting(self) -> bool:
        """Whether there are any."""
        return bool(self._waiting)

    def take(
        self, world: int, sample: Sample, files: Earlier | None = None, last: bool = False
    ) -> None:
        """Take in a world that is finished.

        Parameters
        ----------
        world : int
        sample : Sample
            All finished worlds.
        files : Earlier, optional
            Those of world 0.
        last : bool
            Whether it is the last one: then the answer is next, and what writes worlds would take
            longer to import than the answer to be printed.
        """
        self._pace.take()
        self._waiting.append(world)
        if files is not None:
            self._files = files
        self._over = last
        self.look(sample)

    def look(self, sample: Sample, urgent: bool = False) -> None:
        """Put worlds on disk if it is time, or urgent."""
        if self._waiting and (urgent or (self._pace.is_due and not self._over)):
            self._write(sample)

    def _write(self, sample: Sample) -> None:
        with self._pace.writing():
            try:
                self._keeper.keep(sample.part(self._waiting), self._files)
            except OSError as error:
                if not self._failed:
                    reason = error.strerror or str(error)
                    self._tell(
                        f"finished worlds cannot be put on disk ({reason}); the work goes on"
                    )
                self._failed = True
            else:
                self._waiting, self._files = [], Earlier(Sample())
