"""Rows that are copied whole.

Where one is assigned to another the compiler takes it apart, byte by byte, and needs two thirds of
a minute for the four rows that a bin writes into its ledger.
"""

from typing import Any

import numba
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engine.state.record import Row


@intrinsic
def _compiled_copy(typing_context: Any, to: Any, source: Any) -> Any:
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count = context.get_constant(types.intp, source.size)
        cgutils.raw_memcpy(builder, arguments[0], arguments[1], count, 1)
        return context.get_dummy_value()

    if to != source:
        raise numba.TypingError(f"a row of {source} is no row of {to}")
    return types.none(to, source), make


def _copy(to: Row, source: Row) -> None:
    for name in source.dtype.names:
        to[name] = source[name]


_config: Any = numba.config
copy: Any = _copy if _config.DISABLE_JIT else _compiled_copy
"""Copy a row of an array of records into one of another array."""
