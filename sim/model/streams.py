"""Random numbers by name.

A run has one seed. Every source of randomness asks for its generator by name and world, so that
adding a source never moves another, two designs share their arrivals (common random numbers), and
a world gives the same bits on any machine in any order.
"""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """The named random streams of one world.

    Examples
    --------
    >>> streams = Streams(seed=7, world=0)
    >>> a = streams("arrivals/chat").random(2)
    >>> b = Streams(seed=7, world=0)("arrivals/chat").random(2)
    >>> bool((a == b).all())
    True
    """

    seed: int
    world: int

    def __call__(self, name: str) -> np.random.Generator:
        """Generator of the stream ``name``, always at its beginning."""
        return np.random.Generator(np.random.PCG64DXSM(self._sequence(name)))

    def key(self, name: str) -> int:
        """A 64-bit number of the stream ``name``, for counter-based hashing in the kernel."""
        return int(self._sequence(name).generate_state(1, np.uint64)[0])

    def _sequence(self, name: str) -> np.random.SeedSequence:
        digest = hashlib.sha256(name.encode()).digest()
        words = np.frombuffer(digest[:16], dtype="<u4").tolist()
        return np.random.SeedSequence(self.seed, spawn_key=(self.world, *words))
