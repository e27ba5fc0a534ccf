"""Functions that only other compiled functions call: they get no machine code of their own.

Numba optimises each function and translates it to machine code before it compiles what calls it,
also where all of it is compiled into the caller and nobody can call it alone. For the kernel, some
200 such functions, that was half of the time of compiling. Here they are handed on as they are,
and are optimised where they end up. Nor is a copy of all that a function calls made for each that
calls it, on every floor anew: what is called from Python takes all of it, once.

Nor is any index of the kernel taken to be negative, counted from an array's end as Python has it.
Asked at each of the thousand places where an array is looked at, that made the kernel slower by a
third to two thirds, and a tenth slower to compile.
"""

from collections.abc import Mapping
from typing import Any

from numba.core import ir, types
from numba.core.codegen import CPUCodeLibrary, JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.typed_passes import NativeLowering
from numba.core.untyped_passes import IRProcessing
from numba.np import arrayobj

ABSENT: dict[types.Type, Mapping[str, int]] = {}
"""Fields that are the same in all states of a type, and what they are, by the type.

That is the type of a thin state, or of what an entry of the kernel is handed in place of one.
"""


class _Nowhere:
    """Takes the environment of code that is not there to be run, and drops it."""

    def set_env(self, name: str, env: object) -> None:
        """Do nothing."""


class InlinedLibrary(CPUCodeLibrary):
    """Code for others to link, without what it calls in its turn."""

    def create_ir_module(self, name: str) -> Any:
        """Make a module of the kernel."""
        return _counting_from_zero(super().create_ir_module(name))

    @property
    def codegen(self) -> _Nowhere:
        """Where its machine code would be."""
        return _Nowhere()

    def get_pointer_to_function(self, name: str) -> int:
        """Null, as for every function that is not there."""
        return 0

    def finalize(self) -> None:
        """Take no more code."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True


class EntryLibrary(JITCodeLibrary):
    """Code that is called from Python, with all that it calls."""

    def create_ir_module(self, name: str) -> Any:
        """Make a module of the kernel."""
        return _counting_from_zero(super().create_ir_module(name))

    def finalize(self) -> None:
        """Link what is called, optimise all of it and translate it to machine code."""
        self._linking_libraries = _called(self)
        super().finalize()


def _counting_from_zero(module: Any) -> Any:
    module.counts_from_zero = True
    return module


_numbas_index = arrayobj.fix_integer_index


def _index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """An index as the machine wants it; other code than the kernel's is as Numba has it."""
    if getattr(builder.module, "counts_from_zero", False):
        return context.cast(builder, index, kind, types.intp)
    return _numbas_index(context, builder, kind, index, size)


arrayobj.fix_integer_index = _index


def _called(library: CPUCodeLibrary) -> list[CPUCodeLibrary]:
    """The libraries that one needs, those that they need among them.

    Who calls is before who is called: of what nobody has called when it is linked nothing is taken.
    """
    seen: set[CPUCodeLibrary] = set()
    done: list[CPUCodeLibrary] = []
    left = [(one, False) for one in library._linking_libraries]
    while left:
        one, is_through = left.pop()
        if is_through:
            done.append(one)
        elif one not in seen:
            seen.add(one)
            left.append((one, True))
            if isinstance(one, InlinedLibrary):
                left += [(each, False) for each in one._linking_libraries]
    return done[::-1]


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerForLinking(NativeLowering):
    """Make a function's code known to those that call it, and no machine code of it."""

    _name = "lower_for_linking"

    def run_pass(self, state: Any) -> bool:
        """Lower into a library that others link."""
        state.library = InlinedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerForPython(NativeLowering):
    """Make machine code of a function, and of what is compiled into it."""

    _name = "lower_for_python"

    def run_pass(self, state: Any) -> bool:
        """Lower into a library that links all it needs."""
        state.library = EntryLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=False, analysis_only=False)
class TakeAsAbsent(FunctionPass):
    """Of a function whose first argument lacks something, leave out what is done with it."""

    _name = "take_as_absent"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Have what there is not be a constant: branches on it are left out thereafter."""
        absent = ABSENT.get(state.args[0], {}) if state.args else {}
        for block in state.func_ir.blocks.values() if absent else ():
            for line in block.find_insts(ir.Assign):
                value = line.value
                if isinstance(value, ir.Expr) and value.op == "getattr" and value.attr in absent:
                    line.value = ir.Const(absent[value.attr], line.loc)
        return bool(absent)


# Of closures, of overloads that are inlined and of expressions over arrays the kernel has none: to
# look for them is a tenth of the time of compiling.
_OF_NO_USE = {"inline_closure_likes", "inline_overloads", "nopython_rewrites"}


class _Compiler(CompilerBase):
    """Numba's usual passes, but for the lowering, and without those that would find nothing."""

    lowering: type[NativeLowering]

    def define_pipelines(self) -> list[PassManager]:
        """The one pipeline."""
        usual = DefaultPassBuilder.define_nopython_pipeline(self.state)
        usual.passes = [
            (self.lowering if each is NativeLowering else each, what)
            for each, what in usual.passes
            if each.name() not in _OF_NO_USE
        ]
        usual.add_pass_after(TakeAsAbsent, IRProcessing)
        usual.finalize()
        return [usual]


class InlinedCompiler(_Compiler):
    """Of functions that only others call."""

    lowering = LowerForLinking


class EntryCompiler(_Compiler):
    """Of functions that are called from Python."""

    lowering = LowerForPython
