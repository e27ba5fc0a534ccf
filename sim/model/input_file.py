"""Files that users name: what is opened, and how much of it is read.

A path may lead to anything: a device that never ends, a FIFO that nobody writes to, an archive that
grows a thousandfold, a file of passwords. So whatever a user names is opened here and nowhere else:

- only regular files, and opening them never waits;
- no more of them than the limit of their kind, after decompression as well;
- what is wrong with one is said in words, of which none come out of the file.
"""

import gzip
import io
import os
import stat
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from sim.errors import PeakfleetError

KIB, MIB, GIB = 2**10, 2**20, 2**30

Kind = Literal["scenario", "profile", "shape", "table", "curve", "trace", "benchmark", "config"]

LIMITS: Final[dict[Kind, int]] = {
    "scenario": 256 * KIB,  # half a second of parsing; longer tables belong in CSV files
    "profile": 256 * KIB,  # the largest of the catalogue has 4
    "shape": MIB,  # of 168 hours at most
    "table": 64 * MIB,  # two million numbers
    "config": MIB,  # of a model; the largest have some ten KiB
    "curve": 64 * KIB,  # a number a month
    "trace": 16 * GIB,  # half a thousand million requests
    "benchmark": 512 * MIB,  # a hundred thousand requests with every token's time
}  # bytes
GROWTH = 40  # by decompression: traces grow three- to tenfold, a bomb a thousandfold
FREE_BYTES = 64 * MIB  # to which even a small file may grow
BUFFER_BYTES = MIB
GZIP_MAGIC = b"\x1f\x8b"


class InputFileError(PeakfleetError):
    """A file that is not read; says why, but not which."""


def opened(path: str | Path, kind: Kind) -> io.BufferedReader:
    """A regular file for reading, no larger than its kind may be.

    Raises
    ------
    InputFileError
    """
    try:
        _refuse_irregular(Path(path).stat())  # before it is opened, which some devices notice
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        file = os.fdopen(descriptor, "rb", buffering=0)
        with _closing_on_error(file):
            found = os.fstat(descriptor)
            _refuse_irregular(found)  # another one by now
            if found.st_size > LIMITS[kind]:
                raise _too_large(LIMITS[kind])
    except (OSError, ValueError) as error:  # ValueError: a path that cannot be one
        reason = getattr(error, "strerror", None) or "not the name of a file"
        raise InputFileError(f"cannot be read: {reason.lower()}") from None
    return io.BufferedReader(_Bounded(file, LIMITS[kind], _too_large(LIMITS[kind])), BUFFER_BYTES)


def expanded(path: str | Path, kind: Kind) -> io.BufferedReader:
    """The same, decompressed if it is a gzip file, and no larger then than it may grow to."""
    file = opened(path, kind)
    with _closing_on_error(file):
        if _peeked(file) != GZIP_MAGIC:
            return file
        size = os.fstat(file.fileno()).st_size
        most = min(LIMITS[kind], max(FREE_BYTES, GROWTH * size))
        message = f"is larger than {_size(most)} when decompressed (decompress it first)"
        unpacked = gzip.GzipFile(fileobj=file, mode="rb")
    return io.BufferedReader(_Bounded(unpacked, most, InputFileError(message), file), BUFFER_BYTES)


def content(path: str | Path, kind: Kind) -> bytes:
    """All of a file; see `opened`."""
    with opened(path, kind) as file:
        return file.read()


def text(path: str | Path, kind: Kind) -> str:
    """All of a file of UTF-8 text, without a byte-order mark; see `opened`."""
    try:
        return content(path, kind).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputFileError("is not UTF-8 text") from None


def is_file(path: str | Path) -> bool:
    """Whether a text is the path of a regular file; no text is too long or too odd to ask."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


class _Bounded(io.RawIOBase):
    """Bytes of another stream, of which no more than ``most`` are read."""

    def __init__(
        self,
        source: io.RawIOBase | gzip.GzipFile,
        most: int,
        refusal: InputFileError,
        beneath: io.BufferedReader | None = None,
    ) -> None:
        self._source, self._beneath = source, beneath
        self._left, self._most, self._refusal = most, most, refusal

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._source.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._left = self._most  # who jumps about reads no endless stream
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def fileno(self) -> int:
        return self._source.fileno()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            count = self._source.readinto(buffer)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise InputFileError("cannot be read: a damaged gzip file") from None
        except OSError as error:
            reason = (error.strerror or "an error of the system").lower()
            raise InputFileError(f"cannot be read: {reason}") from None
        if count is None:  # a pseudo file with nothing to say at the moment
            raise InputFileError("cannot be read: it has no end")
        self._left -= count
        if self._left < 0:
            raise self._refusal
        return count

    def close(self) -> None:
        if not self.closed:
            self._source.close()
            if self._beneath is not None:
                self._beneath.close()
        super().close()


class _closing_on_error:  # noqa: N801 (reads as a verb)
    """Close a file if what follows fails."""

    def __init__(self, file: io.IOBase) -> None:
        self._file = file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            with suppress(OSError):
                self._file.close()


def _peeked(file: io.BufferedReader) -> bytes:
    """The first two bytes, which are read again."""
    return file.peek(2)[:2]


def _refuse_irregular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = stat.S_IFMT(found.st_mode)
        raise InputFileError(f"cannot be read: is {_KINDS.get(kind, 'not a regular file')}")


_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe, not a regular file",
    stat.S_IFCHR: "a device, not a regular file",
    stat.S_IFBLK: "a device, not a regular file",
    stat.S_IFSOCK: "a socket, not a regular file",
}


def _too_large(most: int) -> InputFileError:
    return InputFileError(f"is larger than {_size(most)}")


def _size(count: int) -> str:
    """Bytes as people say them.

    >>> _size(256 * KIB), _size(64 * MIB)
    ('256 KiB', '64 MiB')
    """
    unit, size = next((u for u in (("GiB", GIB), ("MiB", MIB)) if count >= u[1]), ("KiB", KIB))
    return f"{count // size} {unit}"
