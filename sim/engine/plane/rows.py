"""Rows of the data plane's replicas: one for each rank, those of a replica one after the other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.engine.state.record import NONE
from sim.model.design import GpuPool

IntArray = npt.NDArray[np.int32]


class Rows:
    """Which rows there are.

    Parameters
    ----------
    pools : sequence of GpuPool

    Attributes
    ----------
    first : list of int
        Row of the first rank of each replica.
    replica_of : list of int
        Replica of each row.
    """

    def __init__(self, pools: Sequence[GpuPool]) -> None:
        self.first: list[int] = []
        self.replica_of: list[int] = []
        self._ranks = [pool.profile.data_parallel_ranks for pool in pools]

    def __len__(self) -> int:
        return len(self.replica_of)

    def add(self, pool: int) -> int:
        """Rows for one more replica of a pool; the first of them."""
        row = len(self)
        self.replica_of += [len(self.first)] * self._ranks[pool]
        self.first.append(row)
        return row

    def of(self, replica: int) -> slice:
        """The rows of a replica."""
        first = self.first[replica]
        end = self.first[replica + 1] if replica + 1 < len(self.first) else len(self)
        return slice(first, end)

    def placed(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Replica and rank of rows; of what is on no replica, NONE and 0."""
        if len(self.first) == len(self):  # one rank each
            return rows, np.zeros_like(rows)
        replicas = np.array([*self.replica_of, NONE], np.int32)[rows]
        firsts = np.array([*self.first, NONE], np.int32)[replicas]
        return replicas, rows - firsts
