"""Rows that will soon be looked at, asked for ahead of time.

The state of ten thousand replicas is larger than what a processor keeps close by, and each event is
at another one: most of its time would go into waiting for memory, one row after the other. What is
asked for here is under way while something else is done. It changes no result.
"""

from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_LINE = 64  # bytes of a cache line
_WRITE, _KEEP, _DATA = 1, 3, 1  # arguments of LLVM's prefetch


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The address of a row of an array, as a number."""
    array = context.make_array(signature.args[0])(context, builder, value=arguments[0])
    stride = cgutils.unpack_tuple(builder, array.strides)[0]
    start = builder.ptrtoint(array.data, cgutils.intp_t)
    return builder.add(start, builder.mul(arguments[1], stride))


@intrinsic
def _compiled_fetch(typing_context: Any, array: Any, row: Any) -> Any:
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments)
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        lines = 2 if context.get_abi_sizeof(context.get_data_type(array.dtype)) > _LINE else 1
        for line in range(lines):
            at = builder.add(address, ir.Constant(cgutils.intp_t, line * _LINE))
            how = [ir.Constant(word, each) for each in (_WRITE, _KEEP, _DATA)]
            builder.call(prefetch, [builder.inttoptr(at, byte), *how])
        return context.get_dummy_value()

    return types.none(array, types.intp), make


def _nothing(_array: Any, _row: int) -> None:
    """Without Numba there is nothing to wait for."""


_config: Any = numba.config
fetch: Any = _nothing if _config.DISABLE_JIT else _compiled_fetch
"""Ask for the first two cache lines of a row of an array."""
