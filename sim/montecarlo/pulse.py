"""A sign of life now and then, for who waits without a progress bar."""

from collections.abc import Callable
from time import monotonic

FIRST_S, EVERY_S = 2.0, 5.0
SHARE, SELDOM_S = 0.1, 30.0  # of the time so far between two lines, and at most: an hour has 140


class Pulse:
    """Something that is said first after 2 s, then at most every 5 s; not where all is done before.

    What takes long is told of more seldom: from a minute on after a further tenth of the time so
    far, from five minutes on every 30 s, so that logs are not flooded.

    Parameters
    ----------
    say : callable
    clock : callable
        Seconds.
    first_s, every_s : float, optional
        In place of the 2 and 5 s.

    Examples
    --------
    >>> times = iter([0.0, 1.0, 2.1, 2.1, 6.0])
    >>> pulse = Pulse(print, lambda: next(times), 2.0, 5.0)
    >>> for worlds in (1, 2, 3):
    ...     pulse.tell(lambda: f"{worlds} worlds")
    2 worlds
    """

    def __init__(
        self,
        say: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
        first_s: float | None = None,
        every_s: float | None = None,
    ) -> None:
        self._say, self._clock = say, clock
        self._every_s = EVERY_S if every_s is None else every_s
        self._began_s = clock()
        self._next_s = self._began_s + (FIRST_S if first_s is None else first_s)

    def tell(self, text: Callable[[], str]) -> None:
        """Say it, if it is time."""
        if self._clock() >= self._next_s:
            self._say(text())
            now_s = self._clock()
            backed_off_s = min(SHARE * (now_s - self._began_s), SELDOM_S)
            self._next_s = now_s + max(self._every_s, backed_off_s)
