"""Compilation of the kernel, and where the compiled code is kept.

Numba's on-disk cache looks at the file of the function that was called and does not notice a change
in another file that this function calls. So the cache lives in a folder named after the sources of
the whole engine: any change in any of them compiles anew, and versions stay apart.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])

_ENGINE = Path(__file__).parent


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernel of exactly these sources, in the user's cache folder."""
    digest = hashlib.sha256()
    for source in sorted(_ENGINE.glob("*.py")):
        digest.update(source.read_bytes())
    name = f"kernel-{digest.hexdigest()[:16]}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = home / "peakfleet" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written to
        folder = Path(tempfile.gettempdir()) / f"peakfleet-{os.getuid()}" / name
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def compiled(function: F) -> F:
    """Compile a function of the kernel with Numba into its callers, cached on disk.

    ``fastmath`` stays off: results must not depend on the compiler's mood. Inlining everything and
    leaving out reference counting (the kernel makes no arrays, its caller holds them all) makes it
    fifteen times faster: a function call would count references on all arrays of the state.
    """
    return _compile(function, forceinline=True)


def compiled_apart(function: F) -> F:
    """Compile a path that is seldom taken as a function of its own.

    A call hands over the whole state, which takes a tenth of a microsecond; but code that is
    inlined wherever it might be needed makes the kernel slow to compile.
    """
    return _compile(function, forceinline=False)


def _compile(function: F, forceinline: bool) -> F:
    options: dict[str, Any] = {"error_model": "numpy", "forceinline": forceinline, "_nrt": False}
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = os.environ.get("NUMBA_CACHE_DIR") or str(cache_folder())
    try:
        wrapped: F = numba.njit(cache=True, **options)(function)
        return wrapped
    finally:
        config.CACHE_DIR = before


def is_cached(function_name: str) -> bool:
    """Whether a compiled version of the function lies on disk."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_folder())
    return any(folder.glob(f"**/*{function_name}*.nbi"))
