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

_ENGINE = Path(__file__).parents[1]


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernel of exactly these sources, in the user's cache folder."""
    digest = hashlib.sha256()
    for source in sorted(_ENGINE.rglob("*.py")):
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
    """Compile a function that is called from Python, cached on disk.

    ``fastmath`` stays off: results must not depend on the compiler's mood. Leaving out reference
    counting is sound, since the kernel makes no arrays and its caller holds them all.
    """
    return _compile(function, cache=True, forceinline=True)


def inner(function: F) -> F:
    """Compile a function of the kernel into its callers, which alone can call it.

    Handing over the state costs a tenth of a microsecond a call: with everything inlined the kernel
    is several times faster. It is compiled anew with each caller, so nothing of it is kept.
    """
    return _compile(function, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def inner_apart(function: F) -> F:
    """Compile a path of the kernel that is seldom taken as a function of its own.

    Code that is inlined wherever it might be needed makes the kernel slow to compile.
    """
    return _compile(function, forceinline=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compile(function: F, **options: bool) -> F:
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = os.environ.get("NUMBA_CACHE_DIR") or str(cache_folder())
    try:
        njit: Any = numba.njit
        wrapped: F = njit(error_model="numpy", _nrt=False, **options)(function)
        return wrapped
    finally:
        config.CACHE_DIR = before


def is_cached(function_name: str) -> bool:
    """Whether a compiled version of the function lies on disk."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_folder())
    return any(folder.glob(f"**/*{function_name}*.nbi"))
