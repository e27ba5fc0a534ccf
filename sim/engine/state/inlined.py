"""Functions that only other compiled functions call: they get no machine code of their own.

Numba optimises each function and translates it to machine code before it compiles what calls it,
also where all of it is compiled into the caller and nobody can call it alone. For the kernel, some
200 such functions, that was half of the time of compiling. Here they are handed on as they are,
and are optimised where they end up.
"""

from typing import Any

from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering


class _Nowhere:
    """Takes the environment of code that is not there to be run, and drops it."""

    def set_env(self, name: str, env: object) -> None:
        """Do nothing."""


class InlinedLibrary(CPUCodeLibrary):
    """Code for others to link."""

    @property
    def codegen(self) -> _Nowhere:
        """Where its machine code would be."""
        return _Nowhere()

    def get_pointer_to_function(self, name: str) -> int:
        """Null, as for every function that is not there."""
        return 0

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerForLinking(NativeLowering):
    """Make a function's code known to those that call it, and no machine code of it."""

    _name = "lower_for_linking"

    def run_pass(self, state: Any) -> bool:
        """Lower into a library that others link."""
        state.library = InlinedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return bool(super().run_pass(state))


class InlinedCompiler(CompilerBase):
    """Numba's usual passes, but for the lowering."""

    def define_pipelines(self) -> list[PassManager]:
        """The one pipeline."""
        usual = DefaultPassBuilder.define_nopython_pipeline(self.state)
        usual.passes = [
            (LowerForLinking if each is NativeLowering else each, what)
            for each, what in usual.passes
        ]
        usual.finalize()
        return [usual]
