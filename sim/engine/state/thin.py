"""The state as the kernel takes it from Python, and as its functions hand it to one another.

Numba takes a tuple of arrays apart value by value: seven or more for each array, two hundred for
the state, which makes every call slow, and each of a hundred functions slow to compile. Of arrays
whose types are known their addresses and shapes are enough. Python hands over one array of these
numbers; a *thin* state is where they are, and gives back whole arrays where one is looked at. The
compiler is told that nothing changes them meanwhile. Without Numba both are the state itself. The
books of a ledger are handed over likewise.
"""

from collections.abc import Iterable, Mapping
from itertools import accumulate, chain
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
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

from sim.engine.state import books, inlined, plain, state
from sim.engine.state.record import IntArray

NUMBERS = types.Array(types.int64, 1, "C")  # what each function of the kernel is handed
NUMBERS_OF_PLAIN = types.Array(types.uint64, 1, "C")  # of a fleet without what few have


class ThinType(types.Type):
    """The type of a thin state.

    Parameters
    ----------
    name : str
    arrays : mapping of str to (dtype, int)
        Type and number of axes of each array, all C-contiguous.

    Attributes
    ----------
    arrays : dict[str, types.Array]
        The types of its arrays by name.
    first : dict[str, int]
        Which of the numbers is the address of an array; its shape follows.
    """

    def __init__(self, name: str, arrays: Mapping[str, tuple[npt.DTypeLike, int]]) -> None:
        self.arrays = {
            key: types.Array(numba.from_dtype(np.dtype(dtype)), axes, "C")
            for key, (dtype, axes) in arrays.items()
        }
        numbers = accumulate(1 + array.ndim for array in self.arrays.values())
        self.first = dict(zip(self.arrays, chain([0], numbers), strict=False))
        super().__init__(name=name)


@register_model(ThinType)
class ThinModel(models.PrimitiveModel):
    """Where the numbers are."""

    def __init__(self, manager: Any, thin: ThinType) -> None:
        super().__init__(manager, thin, cgutils.intp_t.as_pointer())


@infer_getattr
class _Attributes(AttributeTemplate):
    key = ThinType

    def generic_resolve(self, thin: Any, name: str) -> Any:
        return thin.arrays.get(name)


@lower_getattr_generic(ThinType)
def _array(context: Any, builder: Any, thin: ThinType, value: Any, name: str) -> Any:
    """The array of a thin state: contiguous, held by whoever called the kernel."""
    array_type = thin.arrays[name]
    at = thin.first[name]
    item = context.get_data_type(array_type.dtype)
    address = _number(builder, value, at)
    shape = [_number(builder, value, at + 1 + axis) for axis in range(array_type.ndim)]
    stride = itemsize = context.get_constant(types.intp, context.get_abi_sizeof(item))
    strides: list[Any] = []
    for extent in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, extent)
    array = context.make_array(array_type)(context, builder)
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(address, item.as_pointer()),
        shape=shape,
        strides=strides,
        itemsize=itemsize,
        meminfo=None,
    )
    return array._getvalue()


def _number(builder: Any, numbers: Any, at: int) -> Any:
    """One of the numbers, which nothing changes while the kernel runs."""
    number = builder.load(cgutils.gep(builder, numbers, at))
    number.set_metadata("invariant.load", builder.module.add_metadata([]))
    return number


def _thin(kinds: Mapping[types.Array, ThinType]) -> Any:
    """What makes a thin state of the numbers of :func:`numbered`."""

    @intrinsic
    def thin(typing_context: Any, numbers: Any) -> Any:
        def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.make_array(signature.args[0])(context, builder, value=arguments[0]).data

        return kinds[numbers](numbers), make

    return thin


def _numbered(arrays: Iterable[npt.NDArray[Any]]) -> IntArray:
    """Address and shape of every array of a state, which must be held while they are used."""
    numbers: list[int] = []
    for array in arrays:
        numbers += [array.ctypes.data, *array.shape]
    return np.array(numbers, np.int64)


def _renumbered(
    numbers: IntArray, before: Iterable[npt.NDArray[Any]], after: Iterable[npt.NDArray[Any]]
) -> IntArray:
    """What :func:`numbered` makes of the arrays after, most of which were there before."""
    new, at = numbers.copy(), 0
    for was, array in zip(before, after, strict=True):
        if array is not was:
            new[at] = array.ctypes.data
            new[at + 1 : at + 1 + array.ndim] = array.shape
        at += 1 + array.ndim
    return new


def _told(numbers: Any, plain: bool) -> Any:
    """The numbers of a state, as those of a plain one or of any."""
    return numbers.view(np.uint64 if plain else np.int64)


def _itself(state: Any, *_: object) -> Any:
    return state


def _the_last(_numbers: Any, _before: Any, after: Any) -> Any:
    return after


_config: Any = numba.config
_compiles = not _config.DISABLE_JIT
_ANY, _PLAIN = ThinType("ThinState", state.ARRAYS), ThinType("PlainState", state.ARRAYS)
inlined.ABSENT.update({_PLAIN: plain.ABSENT, NUMBERS_OF_PLAIN: plain.ABSENT, NUMBERS: {}})
thin: Any = _thin({NUMBERS: _ANY, NUMBERS_OF_PLAIN: _PLAIN}) if _compiles else _itself
thin_books: Any = _thin({NUMBERS: ThinType("ThinBooks", books.ARRAYS)}) if _compiles else _itself
told: Any = _told if _compiles else _itself
numbered: Any = _numbered if _compiles else _itself
renumbered: Any = _renumbered if _compiles else _the_last
