"""What requests of a trace share: sessions, and the blocks that their prompts begin with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sim.catalog.logs.container import LISTS
from sim.model import ragged
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


def conversations(names: Sequence[Any], parents: Sequence[Any]) -> npt.NDArray[np.int64] | None:
    """Conversations numbered from 0: all requests that go back to one, each by the one before it.

    Parameters
    ----------
    names, parents : sequence of Arrow arrays
        What each request is called, and the one before it; nothing where there is none.
    """
    own, before = (pa.chunked_array(each).combine_chunks() for each in (names, parents))
    n = len(own)
    codes = pc.dictionary_encode(pa.concat_arrays([own, before])).indices
    code = np.asarray(pc.fill_null(codes, NO_SESSION).to_numpy(zero_copy_only=False), np.int64)
    if (code[:n] < 0).all():
        return None
    row_of = np.full(int(code.max()) + 1, -1)
    named = np.flatnonzero(code[:n] >= 0)[::-1]
    row_of[code[named]] = named
    place = np.arange(n)
    root = np.where(code[n:] >= 0, row_of[code[n:]], -1)
    root = np.where((root >= 0) & (root < place), root, place)  # those before it, so no circles
    while not np.array_equal(root, root[root]):
        root = root[root]
    _, first, number = np.unique(root, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.where(code[:n] >= 0, order[number], NO_SESSION)


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


BLOCKS = (16, 32, 64, 128, 256, 512, 1024)
CERTAIN = 0.9  # share of the prompts whose names must be as many as they have blocks


def fits(names: npt.NDArray[np.integer], tokens: npt.NDArray[np.integer], size: int) -> bool:
    """Whether prompts have a name for each block of a size, nearly all of them."""
    right = (names == -(-tokens // size)) | (names == tokens // size)
    return bool(len(names)) and bool(np.mean(right) >= CERTAIN)


def block_tokens(count: npt.NDArray[np.integer], prompt: npt.NDArray[np.integer]) -> int | None:
    """Tokens of a block, by how many names prompts have; None if that does not tell.

    A name a begun block, or a whole one, as it may be; those of 512 tokens, as in Mooncake's, are
    told from others by the first prompts of more.
    """
    there = (count > 0) & (prompt > 0)
    if not there.any():
        return 512
    names, tokens = count[there], prompt[there]
    fitting = [
        size
        for size in BLOCKS
        if fits(names, tokens, size) and not (names > -(-tokens // size)).any()
    ]
    if 512 in fitting or not (names > -(-tokens // 512)).any():
        return 512
    return fitting[0] if len(fitting) == 1 else None
