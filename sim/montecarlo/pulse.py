"""A sign of life now and then, for who waits without a progress bar."""

from collections.abc import Callable
from time import monotonic

EVERY_S = 20.0


class Pulse:
    """Something that is said at most every 20 s, and not where all is done before.

    Parameters
    ----------
    say : callable
    clock : callable
        Seconds.

    Examples
    --------
    >>> times = iter([0.0, 10.0, 21.0, 21.0, 40.0])
    >>> pulse = Pulse(print, lambda: next(times))
    >>> for worlds in (1, 2, 3):
    ...     pulse.tell(lambda: f"{worlds} worlds")
    2 worlds
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = monotonic) -> None:
        self._say, self._clock = say, clock
        self._next_s = clock() + EVERY_S

    def tell(self, text: Callable[[], str]) -> None:
        """Say it, if it is time."""
        if self._clock() >= self._next_s:
            self._say(text())
            self._next_s = self._clock() + EVERY_S
