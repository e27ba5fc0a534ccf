"""Requests on the clock: gaps in operational time, carried through the inverse of the rate."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from sim.model.arrivals.curve import RateCurve
from sim.model.arrivals.renewal import Renewal
from sim.model.distributions.protocol import FloatArray
from sim.model.streams import Streams

BLOCK_REQUESTS = 16_384  # 128 KiB of float64, which stays in the second-level cache

_HELD = 16  # blocks of the warm-up that are not drawn twice: 2 MiB


def arrival_blocks(
    curve: RateCurve, gaps: Renewal, name: str, streams: Streams, start_s: float, end_s: float
) -> Iterator[tuple[str, FloatArray]]:
    """Blocks of arrival times that cover [start_s, end_s), in order.

    Requests are numbered outward from time 0 and drawn in blocks of ``BLOCK_REQUESTS``, each from a
    stream of its own, so that any window can be entered and none moves another. The requests before
    time 0 are drawn backward and wanted forward: of a long warm-up, most are drawn twice, in order
    to have them in order without holding them all.

    Yields
    ------
    key : str
        Name of the block: ``0``, ``1``, … from time 0 on, ``before/0``, … backward.
    arrival_s : (BLOCK_REQUESTS,) float64, non-decreasing
        The first and last blocks reach beyond the window, to infinity beyond the curve.
    """
    behind, ahead = gaps.around_zero(streams(f"arrivals/{name}/origin"))
    if start_s < 0:
        offsets, held = [behind], list[FloatArray]()
        while curve.inverse(np.array([-offsets[-1]]))[0] >= start_s:
            key = f"before/{len(offsets) - 1}"
            backward, following = _counts(gaps, name, streams, key, offsets[-1])
            offsets.append(following)
            if len(held) < _HELD:
                held.append(backward)
        for index in reversed(range(len(offsets) - 1)):
            key = f"before/{index}"
            if index >= len(held):
                backward, _ = _counts(gaps, name, streams, key, offsets[index])
            else:
                backward = held.pop()
            yield key, curve.inverse(-backward[::-1])
    for index in count():
        counts, ahead_next = _counts(gaps, name, streams, str(index), ahead)
        arrival_s = curve.inverse(counts)
        if arrival_s[0] >= end_s:
            return
        if arrival_s[-1] >= start_s:
            yield str(index), arrival_s
        ahead = ahead_next


def _counts(
    gaps: Renewal, name: str, streams: Streams, key: str, offset: float
) -> tuple[FloatArray, float]:
    """Operational distances from time 0 of a block's requests, and of the next block's first."""
    sums = np.cumsum(gaps.sample(streams(f"arrivals/{name}/{key}"), BLOCK_REQUESTS))
    sums += offset
    following = float(sums[-1])
    sums[1:] = sums[:-1].copy()
    sums[0] = offset
    return sums, following
