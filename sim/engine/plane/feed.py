"""The requests of several workloads as one stream in time order."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.closed import ClosedSource
from sim.model.distributions import Distribution, FloatArray
from sim.model.streams import Streams
from sim.model.workload import OWN, Chains, Loop, Prefixes, RequestBlock, Workload

OWN_BITS = 48  # of the numbers of sessions and blocks that a workload has to itself
PATIENCE_DRAWS = 4096  # at a time, whatever pieces they are taken in

Numbers = npt.NDArray[np.int64]
Table = TypeVar("Table", Chains, Prefixes)


class Feed(NamedTuple):
    """Requests in the order of their arrival, with the index of their workload.

    What none of them has is None: patience, sessions, calls that follow, names of blocks, users.
    Sessions and blocks of different workloads have different numbers.
    """

    arrival_s: FloatArray
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    workload: npt.NDArray[np.int32]
    patience_s: FloatArray | None = None
    session: npt.NDArray[np.int64] | None = None
    chains: Chains | None = None
    prefixes: Prefixes | None = None
    loop: Loop | None = None


def feeds(
    workloads: Sequence[Workload], streams: Streams, start_s: float, end_s: float
) -> Iterator[Feed]:
    """All requests that arrive in [start_s, end_s), a piece at a time.

    Requests of one instant come in the order of their workloads. A piece holds what every workload
    has generated up to the same time, so that memory stays bounded.
    """
    at = {workload.name: index for index, workload in enumerate(workloads)}
    sources = [
        _labelled(
            index,
            workload,
            np.array([*(at[name] for name in workload.leads_to), OWN]),
            streams,
            start_s,
            end_s,
        )
        for index, workload in enumerate(workloads)
    ]
    if len(sources) == 1:
        yield from sources[0]
        return
    sources = [_whole_instants(source) for source in sources]
    pending = [next(source, None) for source in sources]
    while live := [(index, piece) for index, piece in enumerate(pending) if piece is not None]:
        cut_s = min(float(piece.arrival_s[-1]) for _, piece in live)
        parts = []
        for index, piece in live:
            count = int(np.searchsorted(piece.arrival_s, cut_s, side="right"))
            if count == len(piece.arrival_s):
                parts.append(piece)
                pending[index] = next(sources[index], None)
            else:
                parts.append(_rows(piece, slice(count)))
                pending[index] = _rows(piece, slice(count, None))
        yield _merged(parts)


def _labelled(
    index: int,
    workload: Workload,
    places: Numbers,
    streams: Streams,
    start_s: float,
    end_s: float,
) -> Iterator[Feed]:
    """The requests of one workload, with the patience of their users.

    Parameters
    ----------
    places : (n + 1,) int64
        Indices of the n workloads that it leads to, and ``OWN``.
    """
    patience = _patience(workload, streams)
    for block in workload.source.blocks(workload.name, streams, start_s, end_s):
        fed = _fed(block, index, None if patience is None else patience(block))
        if workload.leads_to and fed.chains is not None:
            whose = places[fed.chains.workload].astype(np.int32)
            fed = fed._replace(chains=fed.chains._replace(workload=whose))
        yield fed


def further(
    workloads: Sequence[Workload], streams: Streams, index: int, user: Numbers, number: Numbers
) -> Feed:
    """Requests of users of one workload, a closed population, by their numbers."""
    workload, law = workloads[index], workloads[index].client.patience
    source = workload.source
    assert isinstance(source, ClosedSource)
    block = source.further(workload.name, streams, user, number)
    patience_s = None
    if law is not None:
        patience_s = source.patience(law, workload.name, streams, user, number)
    return _fed(block, index, patience_s)


def _fed(block: RequestBlock, index: int, patience_s: FloatArray | None) -> Feed:
    """The requests of the workload of this number."""
    return Feed(
        block.arrival_s,
        block.prompt_tokens,
        block.output_tokens,
        np.full(len(block.arrival_s), index, np.int32),
        patience_s,
        _own_session(block, index),
        block.chains,
        _own_prefixes(block, index),
        block.loop,
    )


def _own_session(block: RequestBlock, index: int) -> npt.NDArray[np.int64] | None:
    if block.session is None or index == 0:
        return block.session
    return np.where(block.session < 0, block.session, block.session + (index << OWN_BITS))


def _own_prefixes(block: RequestBlock, index: int) -> Prefixes | None:
    if block.prefixes is None or index == 0:
        return block.prefixes
    return block.prefixes._replace(name=block.prefixes.name + (index << OWN_BITS))


def _patience(workload: Workload, streams: Streams) -> Callable[[RequestBlock], FloatArray] | None:
    """Draws the patience of requests, piece after piece; None without any.

    Requests from time 0 on have a stream of their own, so that a warm-up does not move them.
    """
    law, source = workload.client.patience, workload.source
    if law is None:
        return None
    if isinstance(source, ClosedSource):
        return partial(source.first_patience, law, workload.name, streams)
    before = _Draws(law, streams(f"patience/{workload.name}/before"))
    after = _Draws(law, streams(f"patience/{workload.name}"))

    def drawn(block: RequestBlock) -> FloatArray:
        early = int(np.searchsorted(block.arrival_s, 0.0))
        late_s = after.take(len(block.arrival_s) - early)
        return np.concatenate((before.take(early), late_s)) if early else late_s

    return drawn


class _Draws:
    """Values of a distribution one after the other, the same in whatever pieces they are taken."""

    def __init__(self, law: Distribution, rng: np.random.Generator) -> None:
        self._law, self._rng = law, rng
        self._left = np.empty(0)

    def take(self, n: int) -> FloatArray:
        """The next n values."""
        chunks = -(-(n - len(self._left)) // PATIENCE_DRAWS)
        drawn = (self._law.sample(self._rng, PATIENCE_DRAWS) for _ in range(chunks))
        values = np.concatenate([self._left, *drawn])
        self._left = values[n:]
        return values[:n]


def _whole_instants(pieces: Iterator[Feed]) -> Iterator[Feed]:
    """The same requests, with those of one instant in one piece."""
    held = next(pieces, None)
    for piece in pieces:
        assert held is not None
        if piece.arrival_s[0] == held.arrival_s[-1]:
            held = _merged([held, piece])
        else:
            yield held
            held = piece
    if held is not None:
        yield held


def _rows(piece: Feed, rows: slice) -> Feed:
    """Consecutive requests of a piece."""
    return Feed(
        piece.arrival_s[rows],
        piece.prompt_tokens[rows],
        piece.output_tokens[rows],
        piece.workload[rows],
        None if piece.patience_s is None else piece.patience_s[rows],
        None if piece.session is None else piece.session[rows],
        None if piece.chains is None else ragged.of_rows(piece.chains, rows),
        None if piece.prefixes is None else ragged.of_rows(piece.prefixes, rows),
        None if piece.loop is None else Loop(piece.loop.user[rows], piece.loop.then_s[rows]),
    )


def _merged(parts: Sequence[Feed]) -> Feed:
    """The requests of all parts in the order of time, and at one instant of the parts."""
    if len(parts) == 1:
        return parts[0]
    arrival_s = np.concatenate([part.arrival_s for part in parts])
    order = np.argsort(arrival_s, kind="stable")
    sizes = [len(part.arrival_s) for part in parts]
    return Feed(
        arrival_s[order],
        np.concatenate([part.prompt_tokens for part in parts])[order],
        np.concatenate([part.output_tokens for part in parts])[order],
        np.concatenate([part.workload for part in parts])[order],
        _column([part.patience_s for part in parts], sizes, np.inf, order),
        _column([part.session for part in parts], sizes, np.int64(-1), order),
        _table([part.chains for part in parts], sizes, order),
        _table([part.prefixes for part in parts], sizes, order),
        _loop([part.loop for part in parts], sizes, order),
    )


def _loop(loops: Sequence[Loop | None], sizes: Sequence[int], order: Any) -> Loop | None:
    """Who sends the requests of all parts, in order; a user's stay together."""
    users = _column([each and each.user for each in loops], sizes, np.int64(-1), order)
    if users is None:
        return None
    return Loop(users, _column([each and each.then_s for each in loops], sizes, np.nan, order))


def _column(columns: Sequence[Any], sizes: Sequence[int], missing: Any, order: Any) -> Any:
    """A column of all parts in order, with a value for requests of parts that have none."""
    if all(column is None for column in columns):
        return None
    pairs = zip(columns, sizes, strict=True)
    filled = [np.full(size, missing) if column is None else column for column, size in pairs]
    return np.concatenate(filled)[order]


def _table(tables: Sequence[Table | None], sizes: Sequence[int], order: Any) -> Table | None:
    """The ragged columns of all parts in order; requests of parts that have none have no entry."""
    present = [table for table in tables if table is not None]
    if not present:
        return None
    pairs = zip(tables, sizes, strict=True)
    filled = [ragged.without_entries(present[0], size) if t is None else t for t, size in pairs]
    return ragged.reordered(ragged.joined(filled), order)
