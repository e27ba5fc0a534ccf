"""Requests as they are given, in place of generated ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from sim.model.streams import Streams
from sim.model.workload import RequestBlock


@dataclass(frozen=True)
class GivenRequests:
    """A source that yields these requests, some at a time."""

    block: RequestBlock
    size: int = 7

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        inside = (self.block.arrival_s >= start_s) & (self.block.arrival_s < end_s)
        block = RequestBlock(*(column[inside] for column in self.block[:3]))
        for begin in range(0, len(block.arrival_s), self.size):
            yield RequestBlock(*(column[begin : begin + self.size] for column in block[:3]))
