"""What requests of a trace share: sessions, and the blocks that their prompts begin with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sim.model import ragged
from sim.model.trace_tables import LISTS
from sim.model.workload import Prefixes

NO_SESSION = -1


def session_names(column: Any) -> Any:
    """Texts that name sessions, nothing where there is none; None if they are lists or the like."""
    try:
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException:
        return None
    return pc.if_else(pc.not_equal(texts, ""), texts, None)


def sessions(names: Sequence[Any]) -> npt.NDArray[np.int64] | None:
    """Sessions numbered from 0 in the order in which they first occur, -1 where there is none.

    None if there is none at all.
    """
    codes = pc.dictionary_encode(pa.chunked_array(names).combine_chunks()).indices
    if codes.null_count == len(codes):
        return None
    return np.asarray(pc.fill_null(codes, NO_SESSION).to_numpy(zero_copy_only=False), np.int64)


def block_names(column: Any) -> Prefixes | int:
    """Lists of whole numbers, one a request, as they stand, or the first row that has none such.

    A request may have no list, which is an empty one.
    """
    try:
        lists = column.cast(LISTS)
    except pa.ArrowException:
        return 0
    names = lists.flatten()
    filled = pc.fill_null(pc.list_value_length(lists), 0)
    count = np.asarray(filled.to_numpy(zero_copy_only=False), np.int32)
    if names.null_count:
        missing = int(np.argmax(names.is_null().to_numpy(zero_copy_only=False)))
        return int(np.searchsorted(np.cumsum(count), missing, side="right"))
    return Prefixes(count, np.asarray(names.to_numpy(zero_copy_only=False), np.int64))


def numbered(parts: Sequence[Prefixes]) -> Prefixes | None:
    """The requests of all parts, their blocks numbered from 0: hashes may be any numbers.

    None if no block has a name.
    """
    whole = ragged.joined(parts)
    _, number = np.unique(whole.name, return_inverse=True)
    return whole._replace(name=number.astype(np.int64)) if len(number) else None
