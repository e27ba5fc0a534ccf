"""The process that draws, as the one that asks it sees it."""

import atexit
import json
import os
import subprocess
import sys
from contextlib import suppress
from threading import Lock

from sim.report.charts import drawing
from sim.report.charts.drawing import Picture


class Drawer:
    """Asks another process for pictures, which begins with the first and ends with this one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def draw(self, text: str) -> Picture:
        """Lay out a specification, one line of JSON: there or, where that cannot be, here.

        Raises
        ------
        ValueError
            If it is none.
        """
        with self._lock:
            try:
                return self._asked(text)
            except ValueError:
                raise
            except OSError:
                self._end()
            except BaseException:  # its answer would be taken for that of the next question
                self._end()
                raise
        return drawing.drawn(text)

    def _asked(self, text: str) -> Picture:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(text.encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise BrokenPipeError("the process that draws has ended")
        reply = json.loads(line)
        if "problem" in reply:
            raise ValueError(reply["problem"])
        svg, png = (process.stdout.read(reply[name]) for name in ("svg", "png"))
        if len(png) < reply["png"]:
            raise BrokenPipeError("the process that draws has ended")
        return Picture(svg, png)

    def _running(self) -> "subprocess.Popen[bytes]":
        """The process, begun if need be; a fork has none of its parent's."""
        if self._process is None or self._owner != os.getpid():
            command = [sys.executable or "", "-P", drawing.__file__]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
            self._owner = os.getpid()
            atexit.register(self._end)
        return self._process

    def _end(self) -> None:
        """Have it end, now or with its last picture."""
        atexit.unregister(self._end)
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):  # what could not be written before
                    stream.close()
        process.wait()


DRAWER = Drawer()
