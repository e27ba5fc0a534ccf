"""How a run is ended from outside: a first signal finishes what is under way, a second does not.

SIGINT is what Ctrl-C sends; SIGTERM comes from ``kill``, a batch system or a container that is shut
down, SIGHUP from a terminal that is closed. All mean the same here.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Handler = Callable[[int, FrameType | None], Any]


class Interruption:
    """Whether somebody asked to stop, while used as a context.

    The first signal only sets ``requested``, so that nothing is left half done; the second raises
    KeyboardInterrupt. Outside the main thread, where no signal handler can be set, it never sets
    anything.

    Parameters
    ----------
    announce : callable, optional
        Called at the first signal.
    is_over : callable, optional
        Whether the end is asked for otherwise.
    """

    def __init__(
        self,
        announce: Callable[[], None] | None = None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._signalled = False
        self._announce = announce
        self._is_over = is_over
        self._heard = heard(self._handle)

    @property
    def requested(self) -> bool:
        """Whether to send nothing more, and to finish what is under way."""
        return self._signalled or self._is_over()

    def __enter__(self) -> "Interruption":
        self._heard.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._heard.__exit__(kind, error, trace)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._signalled:
            raise KeyboardInterrupt
        self._signalled = True
        if self._announce is not None:
            with suppress(OSError):  # a terminal that is closed hears nothing
                self._announce()


@contextmanager
def heard(handler: Handler) -> Iterator[None]:
    """Have the signals that end a run handled, in the main thread.

    SIGTERM and SIGHUP stay ignored where they are, as ``nohup`` has it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listened = [
        each
        for each in ENDING
        if each == signal.SIGINT or signal.getsignal(each) is not signal.SIG_IGN
    ]
    before = {each: signal.signal(each, handler) for each in listened}
    try:
        yield
    finally:
        for each, previous in before.items():
            signal.signal(each, signal.SIG_DFL if previous is None else previous)


def stop_at_once(signum: int, frame: FrameType | None) -> None:
    """What Python does at Ctrl-C, for any of these signals."""
    raise KeyboardInterrupt
