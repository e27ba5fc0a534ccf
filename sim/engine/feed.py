"""The requests of several workloads as one stream in time order."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Workload


class Feed(NamedTuple):
    """Requests in the order of their arrival, with the index of their workload."""

    arrival_s: npt.NDArray[np.float64]
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    workload: npt.NDArray[np.int32]


def feeds(
    workloads: Sequence[Workload], streams: Streams, start_s: float, end_s: float
) -> Iterator[Feed]:
    """All requests that arrive in [start_s, end_s), a piece at a time.

    Requests of one instant come in the order of their workloads. A piece holds what every workload
    has generated up to the same time, so that memory stays bounded.
    """
    sources = [w.source.blocks(w.name, streams, start_s, end_s) for w in workloads]
    if len(sources) == 1:
        for block in sources[0]:
            yield _labelled(block, 0)
        return
    pending = [next(source, None) for source in sources]
    while live := [index for index, block in enumerate(pending) if block is not None]:
        cut_s = min(float(_block(pending, index).arrival_s[-1]) for index in live)
        parts = []
        for index in live:
            block = _block(pending, index)
            count = int(np.searchsorted(block.arrival_s, cut_s, side="right"))
            parts.append(_labelled(_rows(block, slice(count)), index))
            rest = _rows(block, slice(count, None))
            pending[index] = rest if len(rest.arrival_s) else next(sources[index], None)
        yield _merged(parts)


def _block(pending: Sequence[RequestBlock | None], index: int) -> RequestBlock:
    block = pending[index]
    assert block is not None
    return block


def _rows(block: RequestBlock, rows: slice) -> RequestBlock:
    arrival_s, prompt_tokens, output_tokens = block
    return RequestBlock(arrival_s[rows], prompt_tokens[rows], output_tokens[rows])


def _labelled(block: RequestBlock, index: int) -> Feed:
    return Feed(*block, np.full(len(block.arrival_s), index, np.int32))


def _merged(parts: Sequence[Feed]) -> Feed:
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Feed(*(column[order] for column in columns))
