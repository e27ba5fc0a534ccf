"""What Numba does over and over while it compiles, done once.

For the kernel, hundreds of functions over one large record, a sixth of the time of compiling went
into the same questions: how a record is written out (for a message that nobody reads), how large a
type is (LLVM is asked by parsing a module), whether an array is something else (the answer is an
exception, after a look through all that Numba knows), what options a function is compiled with.
Here they are answered from memory. The machine code is the same to the byte, and all of this is
undone afterwards.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir as llvm_ir
from numba.core import ir, types
from numba.core.base import BaseContext
from numba.core.targetconfig import TargetConfig

MEMORY_HOLDS = 20_000  # new objects between two looks for what is unreachable: 700 is Python's own
TO_ARRAY = "__array__"  # what makes an array of something else: there is none for an array

Method = Callable[..., Any]


@contextmanager
def lean() -> Iterator[None]:
    """Spare the compiler its repetitions."""
    with ExitStack() as afterwards:
        for owner, name, of in (
            (TargetConfig, "values", _options),
            (TargetConfig, "__hash__", _hash_of_options),
            (types.Record, "__repr__", _text),
            (types.Array, "__repr__", _text),
            (BaseContext, "get_abi_sizeof", _size),
            (BaseContext, "get_function", _function),
            (ir.Inst, "_rec_list_vars", _variables),
        ):
            usual = owner.__dict__.get(name)
            if usual is not None:  # another version of Numba goes without
                afterwards.callback(setattr, owner, name, usual)
                setattr(owner, name, of(usual))
        afterwards.enter_context(_untold_locks())
        afterwards.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(MEMORY_HOLDS, *gc.get_threshold()[1:])
        yield


def _options(usual: Method) -> Method:
    """All options of a target: those that are set, among what holds where none is."""
    defaults: dict[type, dict[str, Any]] = {}

    def values(self: Any) -> Any:
        kind = type(self)
        if kind not in defaults:
            defaults[kind] = {name: option.default for name, option in kind.options.items()}
        return {**defaults[kind], **self._values}

    return values


def _hash_of_options(usual: Method) -> Method:
    """One for all of a kind: Numba's is that of the names of the options."""
    found: dict[type, int] = {}

    def one(self: Any) -> int:
        kind = type(self)
        if kind not in found:
            found[kind] = usual(self)
        return found[kind]

    return one


def _text(usual: Method) -> Method:
    """A type written out."""
    found: dict[int, tuple[Any, str]] = {}  # the type beside, so that its number stays its own

    def text(self: Any) -> str:
        known = found.get(id(self))
        if known is None:
            known = found[id(self)] = (self, usual(self))
        return known[1]

    return text


def _size(usual: Method) -> Method:
    """Bytes of a type of LLVM."""
    found: dict[tuple[int, str], int] = {}

    def size(self: Any, ty: llvm_ir.Type) -> Any:
        key = (id(self), str(ty))
        if "%" in key[1]:  # by its name, which others may bear
            return usual(self, ty)
        if key not in found:
            found[key] = usual(self, ty)
        return found[key]

    return size


def _function(usual: Method) -> Method:
    """What implements a function; that nothing makes an array of an array is remembered."""
    without: set[tuple[int, Any]] = set()

    def function(self: Any, fn: Any, sig: Any, *first: Any, **named: Any) -> Any:
        if fn != TO_ARRAY:
            return usual(self, fn, sig, *first, **named)
        key = (id(self), sig)
        if key in without:
            raise NotImplementedError(fn)
        try:
            return usual(self, fn, sig, *first, **named)
        except NotImplementedError:
            without.add(key)
            raise

    return function


def _variables(usual: Method) -> Method:
    """The variables in anything; what kind of thing it is follows from its type."""
    kinds: dict[type, int] = {}
    variable, instruction, several, by_name, other = range(5)
    of: tuple[tuple[Any, int], ...] = (
        (ir.Var, variable),
        (ir.Inst, instruction),
        ((list, tuple), several),
        (dict, by_name),
    )

    def kind_of(thing: Any) -> int:
        kind = kinds.get(type(thing))
        if kind is None:
            found = (number for classes, number in of if isinstance(thing, classes))
            kind = kinds[type(thing)] = next(found, other)
        return kind

    def look(self: Any, within: Any) -> list[Any]:
        kind = kind_of(within)
        if kind == variable:
            return [within]
        if kind == instruction:
            return list(within.list_vars())
        found: list[Any] = []
        if kind != other:
            for part in within if kind == several else within.values():
                if kind_of(part) != other:
                    found += look(self, part)
        return found

    return look


@contextmanager
def _untold_locks() -> Iterator[None]:
    """Tell nobody of each call of LLVM that it has begun and ended."""
    told = getattr(getattr(llvm.ffi.lib, "_lock", None), "_cblist", None)
    if not isinstance(told, list):
        yield
        return
    listeners = told.copy()
    told.clear()
    try:
        yield
    finally:
        told[:0] = listeners
