"""Adapters (LoRA): many models on one base, which replicas load as requests need them.

An adapter of rank r adds to each matrix of the base that it changes, of n x m numbers, two of r·n
and r·m: its bytes are those of one of rank 1 times its rank. A replica holds a few in slots on its
GPUs, whose memory its KV cache lacks, more in the memory of its host, and fetches the others.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AdapterSlots:
    """Where a replica holds adapters, how long it takes to load one, and how they slow it down.

    Attributes
    ----------
    slots : int
        On the GPUs: a batch has requests of so many adapters at most.
    host_slots : int
        In the memory of the host, those in slots among them; at least ``slots``.
    bytes_per_rank : float
        Of an adapter of rank 1.
    load_bytes_per_s, load_latency_s : float
        From the host into a slot: the step that first needs it waits for so long.
    fetch_bytes_per_s, fetch_latency_s : float
        Into the host, before that.
    step_overhead : float
        Share by which a step is longer that has requests of any adapter.
    step_overhead_per_adapter : float
        ... and by which it is longer for each adapter in it.
    blocks : bool
        Whether a request whose adapter finds no slot holds up those behind it.
    max_rank : int
        Largest rank that a slot has room for.
    """

    slots: int
    host_slots: int
    bytes_per_rank: float
    load_bytes_per_s: float
    load_latency_s: float = 0.0
    fetch_bytes_per_s: float = np.inf
    fetch_latency_s: float = 0.0
    step_overhead: float = 0.0
    step_overhead_per_adapter: float = 0.0
    blocks: bool = False
    max_rank: int = 16

    def load_s(self, rank: int) -> float:
        """Seconds from the host into a slot."""
        return self.load_latency_s + rank * self.bytes_per_rank / self.load_bytes_per_s

    def fetch_s(self, rank: int) -> float:
        """Seconds into the host."""
        return self.fetch_latency_s + rank * self.bytes_per_rank / self.fetch_bytes_per_s

    def step_factor(self, needed: int) -> float:
        """How many times as long a step takes with requests of so many adapters.

        Examples
        --------
        >>> slots = AdapterSlots(
        ...     8, 8, 1e6, 3e10, step_overhead=0.25, step_overhead_per_adapter=0.0625
        ... )
        >>> slots.step_factor(4)
        1.5
        """
        if needed == 0:
            return 1.0
        return 1.0 + self.step_overhead + self.step_overhead_per_adapter * needed


@dataclass(frozen=True, slots=True)
class Adapters:
    """The adapters that requests of a workload need, each one of them.

    A session keeps its adapter, and so does a task.

    Attributes
    ----------
    rank : int
    weights : tuple of float
        How often each is needed, relative to the others; at least one, above 0.
    """

    rank: int
    weights: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.weights)

    @property
    def shares(self) -> FloatArray:
        """Share of each, with all before it: (count,) float64, the last is 1."""
        sums = np.cumsum(self.weights)
        shares: FloatArray = sums / sums[-1]
        return shares


def zipf(count: int, exponent: float) -> tuple[float, ...]:
    """Weights that fall with the place: 1, 2^-s, 3^-s and so on; all alike for an exponent of 0.

    Examples
    --------
    >>> zipf(3, 1.0)
    (1.0, 0.5, 0.3333333333333333)
    """
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return tuple(weights.tolist())
