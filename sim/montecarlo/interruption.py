"""Ctrl-C, in two steps: the first finishes what is under way, the second stops at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType


class Interruption:
    """Whether somebody asked to stop, while used as a context.

    The first SIGINT only sets ``requested``, so that nothing is left half done; the second raises
    KeyboardInterrupt. Outside the main thread, where no signal handler can be set, it never sets
    anything.

    Parameters
    ----------
    announce : callable, optional
        Called at the first SIGINT.
    """

    def __init__(self, announce: Callable[[], None] | None = None) -> None:
        self.requested = False
        self._announce = announce
        self._listens = threading.current_thread() is threading.main_thread()
        self._previous: object = None

    def __enter__(self) -> "Interruption":
        if self._listens:
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._listens:
            signal.signal(signal.SIGINT, self._previous)  # type: ignore[arg-type]

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        if self._announce is not None:
            self._announce()
