"""The state as the functions of the kernel hand it to one another.

Numba hands a tuple of arrays over value by value: seven or more for each array, two hundred for the
state, which makes each of a hundred functions slow to compile. Of an array that nobody resizes the
address and the shape are enough; a thin state has only these, and gives back whole arrays where one
is looked at. Without Numba a thin state is the state itself.
"""

from typing import Any

import numba
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    models,
    register_model,
)
from numba.np import arrayobj

from sim.engine.state import State


class ThinType(types.Type):
    """The type of a thin named tuple of C-contiguous arrays."""

    def __init__(self, whole: Any) -> None:
        self.whole = whole
        self.arrays = dict(zip(whole.fields, whole.types, strict=True))
        super().__init__(name=f"Thin({whole})")


@register_model(ThinType)
class ThinModel(models.StructModel):  # type: ignore[misc]
    """Addresses and shapes."""

    def __init__(self, manager: Any, thin: ThinType) -> None:
        members: list[tuple[str, types.Type]] = []
        for name, array in thin.arrays.items():
            members.append((name, types.voidptr))
            members += [(f"{name}_{axis}", types.intp) for axis in range(array.ndim)]
        super().__init__(manager, thin, members)


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]
    key = ThinType

    def generic_resolve(self, thin: ThinType, name: str) -> Any:
        return thin.arrays.get(name)


@lower_getattr_generic(ThinType)
def _array(context: Any, builder: Any, thin: ThinType, value: Any, name: str) -> Any:
    """The array of a thin state: contiguous, held by whoever called the kernel."""
    array_type = thin.arrays[name]
    parts = cgutils.create_struct_proxy(thin)(context, builder, value=value)
    item = context.get_data_type(array_type.dtype)
    shape = [getattr(parts, f"{name}_{axis}") for axis in range(array_type.ndim)]
    stride = itemsize = context.get_constant(types.intp, context.get_abi_sizeof(item))
    strides = []
    for extent in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, extent)
    array = context.make_array(array_type)(context, builder)
    arrayobj.populate_array(
        array,
        data=builder.bitcast(getattr(parts, name), item.as_pointer()),
        shape=shape,
        strides=strides,
        itemsize=itemsize,
        meminfo=None,
    )
    return array._getvalue()


@intrinsic
def _thin(typing_context: Any, state: Any) -> Any:
    thin = ThinType(state)

    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = cgutils.create_struct_proxy(thin)(context, builder)
        for index, (name, array_type) in enumerate(thin.arrays.items()):
            value = builder.extract_value(arguments[0], index)
            array = context.make_array(array_type)(context, builder, value=value)
            setattr(parts, name, builder.bitcast(array.data, cgutils.voidptr_t))
            for axis, extent in enumerate(cgutils.unpack_tuple(builder, array.shape)):
                setattr(parts, f"{name}_{axis}", extent)
        return parts._getvalue()

    return thin(state), make


def _itself(state: State) -> State:
    return state


thin = _itself if numba.config.DISABLE_JIT else _thin
