"""Where the compiled kernel is kept between runs, and whom it is taken from.

What lies in the cache is executed, so it is taken only from a folder that belongs to the user and
that nobody else can write to; each file carries the hash of what was written, so that a damaged one
is compiled anew, never run. The places, in this order:

1. What came with the installation, beside the sources and trusted as they are, if it fits
   (:mod:`sim.engine.state.shipped`). It is only read.
2. ``NUMBA_CACHE_DIR``, then ``XDG_CACHE_HOME`` or ``~/.cache``, in a folder named after Numba's
   version, for one cannot read what another wrote, and after the sources of the whole engine:
   Numba looks at the file of a function only, and would not notice a change in another file that
   the function calls.
3. A fresh folder of mode 0700 for this run and its workers, where that one cannot be trusted, or
   cannot be written to and holds nothing.

A cache that turns out to be full or read-only is read as far as it goes. Each such departure is
said once, in one line on stderr.
"""

import atexit
import hashlib
import json
import os
import pickle
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
    _SourceFileBackedLocatorMixin,
)
from numba.core.registry import cpu_target

from sim.engine.state import inlined, shipped

SHARED = "PEAKFLEET_KERNEL_CACHE"  # the fresh folder of a run, for its workers
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
HASH_BYTES = 32
COMPILES_ANEW = "the kernel is compiled again in every process"


@cache
def folder() -> Path | None:
    """Folder of the compiled kernel of exactly these sources; None if there can be none."""
    shared = os.environ.get(SHARED)
    if shared is not None and _is_own(Path(shared)):
        return Path(shared)
    usual = _usual_folder()
    if usual is not None and (os.access(usual, os.W_OK) or any(usual.rglob("*.nbi"))):
        return usual
    return _fresh_folder()


def copy_to(place: Path) -> None:
    """Copy the compiled kernel to where a later installation looks for it.

    Raises
    ------
    OSError
        If there is none, or it cannot be written there.
    """
    own = folder()
    if own is None:
        raise OSError("no folder for the compiled kernel")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(own, place, ignore=shutil.ignore_patterns("*.tmp.*"))
    (place / shipped.MADE_FOR).write_text(json.dumps(shipped.conditions(), indent=1), "utf-8")


class KernelCache(FunctionCache):
    """Numba's cache of one function, in a folder that is one's own, and never in the way."""

    def __init__(self, function: Any, place: Path) -> None:
        class Locator(_SourceFileBackedLocatorMixin, _CacheLocator):
            def __init__(self, py_func: Any, py_file: str) -> None:
                self._py_file, self._lineno = py_file, py_func.__code__.co_firstlineno

            def get_cache_path(self) -> str:
                return str(place / _module_path(self._py_file))

            def get_source_stamp(self) -> str:
                return ""  # the folder is that of exactly these sources

            @classmethod
            def from_function(cls, py_func: Any, py_file: str) -> "Locator":
                return cls(py_func, py_file)  # also where nothing can be written

        class Impl(CompileResultCacheImpl):
            _locator_classes = [Locator]  # noqa: RUF012 (as Numba declares it)

        self._impl_class = Impl
        super().__init__(function)
        stamp = self._cache_file._source_stamp
        self._own_files = _CheckedFiles(self._cache_path, self._impl.filename_base, stamp)
        self._cache_file = self._own_files
        self._shipped_files = None
        if shipped.folder() is not None:
            path = str(shipped.PLACE / _module_path(function.__code__.co_filename))
            self._shipped_files = _CheckedFiles(path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function from disk, or None where it is not there, or not as it was."""
        if self._shipped_files is not None:
            self._cache_file = self._shipped_files
            with suppress(Exception):  # whatever was done to it: there is another way
                found = self._from_disk(sig, target_context)
                if found is not None:
                    return found
            self._cache_file = self._own_files
        try:
            return self._from_disk(sig, target_context)
        except Exception as problem:
            _say(f"{self._cache_path} is damaged ({_plain(problem)}): compiling the kernel again")
            with suppress(OSError):
                self._cache_file.flush()
            return None

    def _from_disk(self, sig: Any, target_context: Any) -> Any:
        """As Numba's own, but for all that it can translate, which machine code has no need of.

        That is loaded by whoever compiles: 0.4 s and 40 MB.
        """
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
        return None  # an error that the guard knows

    def is_filled(self, first: Any = None) -> bool:
        """Whether the function for this processor lies on disk, unless it is damaged.

        If it has versions for different kinds of states, that for a ``first`` argument of this
        type. A few other functions take several types: of these any version will do.
        """
        codegen = cpu_target.target_context.codegen().magic_tuple()
        for files in filter(None, (self._shipped_files, self._own_files)):
            with suppress(Exception):  # damaged: said when it is loaded
                if any(
                    key[1] == codegen and (first in key[0] or key[0][0] not in inlined.ABSENT)
                    for key in files._load_index()
                ):
                    return True
        return False

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if there is room for it."""
        try:
            super().save_overload(sig, data)
        except OSError as problem:
            _say(f"cannot write to {self._cache_path} ({_plain(problem)}): {COMPILES_ANEW}")


class _CheckedFiles(IndexDataCacheFile):
    """Files that carry the hash of their content."""

    def _load_index(self) -> dict[Any, str]:
        try:
            content = _checked(Path(self._index_path).read_bytes())
        except FileNotFoundError:
            return {}
        version, stamp, overloads = pickle.loads(content)
        current = version == self._version and stamp == self._source_stamp
        return overloads if current else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, self._dump((self._version, self._source_stamp, overloads)))

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_checked(Path(self._data_path(name)).read_bytes()))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), self._dump(data))

    def _write(self, path: str, content: bytes) -> None:
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(content).digest() + content)


def _module_path(py_file: str) -> Path:
    """Where the functions of a file are kept: the same for each copy of the sources."""
    path = Path(py_file)
    own = path.is_relative_to(shipped.ENGINE)
    return path.relative_to(shipped.ENGINE).with_suffix("") if own else Path(path.stem)


def _checked(stored: bytes) -> bytes:
    """What was written, if the file still holds it."""
    content = stored[HASH_BYTES:]
    if hashlib.sha256(content).digest() != stored[:HASH_BYTES]:
        raise ValueError("not as it was written")
    return content


def _usual_folder() -> Path | None:
    """The folder in the user's cache, made if need be; None where there is none to be trusted."""
    asked = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):  # no home at all
        home = Path(asked) if asked else Path("~/.cache").expanduser()
        own = home / "peakfleet"
        place = own / f"kernel-{shipped.sources_digest()}-numba-{numba.__version__}"
        with suppress(OSError):
            own.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.mkdir(mode=0o700, exist_ok=True)
        if _is_own(own) and _is_own(place):
            with suppress(OSError):  # nobody else is to read it, either
                own.chmod(0o700)
                place.chmod(0o700)
            return place
        # One may not even be allowed to look into what belongs to somebody else.
        is_foreign = os.path.lexists(own) and not _is_own(own)
        if is_foreign or place.exists():
            _say(
                f"{place} is not used for the compiled kernel: it and its parent must be folders"
                " that you own and nobody else can write to (chmod 700)"
            )
    return None


def _is_own(place: Path) -> bool:
    """Whether a folder, no link, belongs to the user and nobody else can write to it."""
    try:
        found = place.lstat()
    except OSError:
        return False
    mine = found.st_uid == os.getuid() and not found.st_mode & OTHERS_WRITE
    return mine and stat.S_ISDIR(found.st_mode)


def _fresh_folder() -> Path | None:
    """A folder for this run and its workers, gone with it; None where nothing can be written."""
    try:
        place = Path(tempfile.mkdtemp(prefix="peakfleet-kernel-"))
    except OSError as problem:
        _say(f"no folder for the compiled kernel ({_plain(problem)}): {COMPILES_ANEW}")
        return None
    os.environ[SHARED] = str(place)
    atexit.register(_remove, place, os.getpid())
    return place


def _remove(place: Path, owner: int) -> None:
    """Remove the fresh folder, at the end of the process that made it."""
    if os.getpid() == owner:
        shutil.rmtree(place, ignore_errors=True)


def _plain(problem: Exception) -> str:
    """A problem in one line."""
    text = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return " ".join(text.split())[:100] or type(problem).__name__


@cache
def _say(line: str) -> None:
    """A line on stderr, once in a process."""
    with suppress(OSError, ValueError):  # a stderr that is closed
        print(f"sim: {line}", file=sys.stderr)
