"""What the page is to show, newest first come: one message of each kind, for any number of readers.

Who comes late, or was away, gets the last of each kind and nothing that it replaced.
"""

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """Something to show."""

    number: int
    kind: str
    content: dict[str, Any]


class Board:
    """The last message of each kind."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: dict[str, Message] = {}
        self._count = 0
        self._closed = False

    def put(self, kind: str, **content: Any) -> None:
        """Put a message in place of the last of its kind."""
        with self._changed:
            self._count += 1
            self._messages[kind] = Message(self._count, kind, content)
            self._changed.notify_all()

    def close(self) -> None:
        """Let all readers go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def after(self, number: int, wait_s: float) -> list[Message] | None:
        """Messages that are newer than a number, in order; none after a wait; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count > number, wait_s)
            if self._closed:
                return None
            newer = [each for each in self._messages.values() if each.number > number]
            return sorted(newer, key=lambda each: each.number)
