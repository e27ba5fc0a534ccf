"""A folder that this process has to itself: made if need be, locked, and gone again if not used.

The lock is one on the folder itself and leaves no file behind; the system lifts it however the
process ends. Where a file system has no such locks, folders are used without.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sim.errors import ResultError

MOST_BESIDE = 1000  # folders tried beside one that is taken
ATTEMPTS = 5  # to lock a folder that others make and remove meanwhile


class TakenError(ResultError):
    """A folder that another run writes to at this moment."""


class Place:
    """A locked folder.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    TakenError
        If another process has it.
    ResultError, OSError
        If it cannot be had at all.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._made: list[Path] = []
        self._lock = -1
        try:
            self._lock = self._locked(folder)
        except BaseException:
            self.leave()
            raise

    @property
    def is_there(self) -> bool:
        """Whether the folder is still the one that was locked."""
        return _is_same(self._lock, self.folder)

    def leave(self) -> None:
        """Unlock it; remove it and its parents again where this process made them for nothing."""
        for made in reversed(self._made):
            with suppress(OSError):  # somebody uses it
                made.rmdir()
        self._made = []
        with suppress(OSError):
            os.close(self._lock)

    def _locked(self, shown: Path) -> int:
        for _ in range(ATTEMPTS):
            self._make(self.folder, shown)
            lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise TakenError(f"results folder ({shown}) is in use by another run") from None
            except OSError:
                return lock  # no locks on this file system
            if _is_same(lock, self.folder):
                return lock
            os.close(lock)  # removed by another run before this one had it
        raise TakenError(f"results folder ({shown}) is in use by another run")

    def _make(self, folder: Path, shown: Path) -> None:
        if folder.is_symlink():
            raise ResultError(
                f"results folder ({shown}) is a symbolic link; name the folder that it leads to"
            )
        if folder.is_dir():
            return
        if folder.exists():
            raise ResultError(f"results folder ({shown}) is a file; choose another --out")
        missing = [folder, *(each for each in folder.parents if not each.exists())]
        for each in reversed(missing):
            with suppress(FileExistsError):  # made by another run meanwhile
                each.mkdir()
                self._made.append(each)


def beside(folder: Path) -> Iterator[Path]:
    """``folder``, then ``folder-2``, ``folder-3``, ..."""
    yield folder
    for number in range(2, MOST_BESIDE):
        yield folder.with_name(f"{folder.name}-{number}")


@contextmanager
def refusing(folder: Path, what: str = "written") -> Iterator[None]:
    """Raise what the system has against a folder as an error with its name."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResultError(f"results folder ({folder}) cannot be {what}: {reason}") from error


def _is_same(descriptor: int, folder: Path) -> bool:
    try:
        there = os.lstat(folder)
    except OSError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


Tell = Callable[[str], None]
