"""Random numbers by name.

A run has one seed. Every source of randomness asks for its generator by name and world, so that
adding a source never moves another, two designs share their arrivals (common random numbers), and
a world gives the same bits in any order, and on any machine whose NumPy has the same ``exp`` and
``log``: with AVX-512 they are others in the last bit.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

FOR_LIFE = ("stragglers/",)  # beginnings of names: what does not change from day to day


@dataclass(frozen=True, slots=True)
class Streams:
    """The named random streams of one world.

    Attributes
    ----------
    seed, world : int
    part : str
        Of the horizon, whose chance is its own; empty for the whole.

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
    part: str = ""

    def of_part(self, part: str) -> "Streams":
        """The streams of a part of the horizon that is simulated by itself.

        What a replica is for life is the same in all of them.
        """
        return replace(self, part=part)

    def __call__(self, name: str) -> np.random.Generator:
        """Generator of the stream ``name``, always at its beginning."""
        return np.random.Generator(np.random.PCG64DXSM(self._sequence(name)))

    def key(self, name: str) -> int:
        """A 64-bit number of the stream ``name``, for counter-based hashing in the kernel."""
        return int(self._sequence(name).generate_state(1, np.uint64)[0])

    def _sequence(self, name: str) -> np.random.SeedSequence:
        if self.part and not name.startswith(FOR_LIFE):
            name = f"{self.part}/{name}"
        digest = hashlib.sha256(name.encode()).digest()
        words = np.frombuffer(digest[:16], dtype="<u4").tolist()
        return np.random.SeedSequence(self.seed, spawn_key=(self.world, *words))
