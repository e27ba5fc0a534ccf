"""JSON arrays and indented objects as lines of objects, a piece of the file at a time."""

import io

import numpy as np
import numpy.typing as npt

from sim.model.input_file import InputFileError

PIECE = 1 << 20
QUOTE, BACKSLASH, COMMA, BLANK = 34, 92, 44, 32
BRACE, BRACKET, BRACE_END, BRACKET_END = 123, 91, 125, 93
LINE_ENDS = (10, 13)
NEWLINE = LINE_ENDS[0]

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

_MARKS = np.zeros(256, np.bool_)  # bytes that tell texts, depth and rows
_MARKS[[QUOTE, COMMA, BRACE, BRACKET, BRACE_END, BRACKET_END, *LINE_ENDS]] = True
_STEP = np.zeros(256, np.int64)  # of the depth
_STEP[[BRACE, BRACKET]], _STEP[[BRACE_END, BRACKET_END]] = 1, -1


class JsonAsLines(io.RawIOBase):
    """Bytes of JSON in which each object of an array, or each indented one, is a line.

    Only single bytes are replaced: the brackets and commas of the array by line feeds and blanks,
    line feeds within an object by blanks. What is no JSON stays none.

    Parameters
    ----------
    raw : io.BufferedReader
    level : int
        1 for the objects of an array, 0 for objects one after the other.
    """

    def __init__(self, raw: io.BufferedReader, level: int) -> None:
        self._raw, self._level = raw, level
        self._depth = self._backslashes = 0
        self._in_text, self._left = False, b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Some bytes, as many as there are of a piece."""
        if not self._left:
            piece = self._raw.read(PIECE)
            if not piece and (self._depth or self._in_text):
                raise InputFileError("cannot be read: its JSON has no end")
            self._left = self._lines(np.frombuffer(piece, np.uint8)) if piece else b""
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def close(self) -> None:
        """Close what is read as well."""
        if not self.closed:
            self._raw.close()
        super().close()

    def _lines(self, piece: Bytes) -> bytes:
        place = np.flatnonzero(_MARKS[piece])
        mark = piece[place]
        quotes = mark == QUOTE
        quotes[quotes] = ~self._escaped(piece, place[quotes])
        within = (np.cumsum(quotes) + self._in_text) % 2 == 1
        outside = ~within & (mark != QUOTE)
        place, mark = place[outside], mark[outside]
        if len(quotes):
            self._in_text = bool(within[-1])
        depth = self._depth + np.cumsum(_STEP[mark])
        if len(depth):
            self._depth = int(depth[-1])
        lines = piece.copy()
        ends = np.isin(mark, LINE_ENDS)
        lines[place[ends & (depth > self._level)]] = BLANK
        if self._level:
            lines[place[(mark == COMMA) & (depth == 1)]] = NEWLINE
            lines[place[(mark == BRACKET) & (depth == 1)]] = BLANK
            lines[place[(mark == BRACKET_END) & (depth == 0)]] = NEWLINE
        return lines.tobytes()

    def _escaped(self, piece: Bytes, quote: Places) -> Flags:
        """Whether an odd number of backslashes stands before each quotation mark."""
        run = np.zeros(len(quote), np.int64)
        there = np.arange(len(quote))
        while len(there):
            at = quote[there] - run[there] - 1
            begun = there[at < 0]
            run[begun] += self._backslashes
            there, at = there[at >= 0], at[at >= 0]
            there = there[piece[at] == BACKSLASH]
            run[there] += 1
        end = len(piece)
        while end > 0 and piece[end - 1] == BACKSLASH:
            end -= 1
        self._backslashes = len(piece) - end + (self._backslashes if end == 0 else 0)
        return np.asarray(run % 2 == 1)
