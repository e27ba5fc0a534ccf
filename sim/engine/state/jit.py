"""Compilation of the kernel, whose compiled code :mod:`sim.engine.state.kernel_cache` keeps."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from sim.engine.state import kernel_cache
from sim.engine.state.inlined import EntryCompiler, InlinedCompiler

F = TypeVar("F", bound=Callable[..., object])

CALLABLE: list[Any] = []  # all that :func:`compiled` has made

_FOR_LINKING: dict[str, Any] = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": InlinedCompiler,
}


def compiled(function: F) -> F:
    """Compile a function that is called from Python, cached on disk.

    ``fastmath`` stays off: results must not depend on the compiler's mood. Leaving out reference
    counting is sound, since the kernel makes no arrays and its caller holds them all.
    """
    wrapped: Any = _compile(function, forceinline=True, pipeline_class=EntryCompiler)
    place = kernel_cache.folder()
    if place is not None and wrapped is not function:  # not as NUMBA_DISABLE_JIT has it
        wrapped._cache = kernel_cache.KernelCache(wrapped.py_func, place)
    CALLABLE.append(wrapped)
    return cast(F, wrapped)


def compile_for(function: Callable[..., object], types: tuple[Any, ...]) -> None:
    """Compile a function that :func:`compiled` made, for arguments of these types, uncalled."""
    if hasattr(function, "compile"):  # not as NUMBA_DISABLE_JIT has it
        function.compile(types)


def all_cached(numbers: Any) -> bool:
    """Whether what :func:`compiled` has made lies on disk, compiled for this machine.

    Of functions of a state the version counts that takes ``numbers`` of this type.
    """
    caches = [getattr(function, "_cache", None) for function in CALLABLE]
    return all(
        isinstance(each, kernel_cache.KernelCache) and each.is_filled(numbers) for each in caches
    )


def inner(function: F) -> F:
    """Compile a function of the kernel into its callers, which alone can call it.

    Handing over the state costs a tenth of a microsecond a call: with everything inlined the kernel
    is several times faster. It is compiled anew with each caller, so nothing of it is kept.
    """
    return _compile(function, forceinline=True, **_FOR_LINKING)


def inner_apart(function: F) -> F:
    """Compile a path of the kernel that is seldom taken as a function of its own.

    Code that is inlined wherever it might be needed makes the kernel slow to compile.
    """
    return _compile(function, forceinline=False, **_FOR_LINKING)


def _compile(function: F, **options: Any) -> F:
    njit: Any = numba.njit
    wrapped: F = njit(error_model="numpy", _nrt=False, **options)(function)
    return wrapped
