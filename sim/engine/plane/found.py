"""What prompts have found in caches with tiers, and what was read from these and written."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.state.state import State

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Tiers:
    """Counts from the beginning, or since an earlier moment.

    Attributes
    ----------
    looked_up : (backends,) int64
        Tokens of prompts, each time that one is admitted or begins to be read from a tier.
    found_above : (backends,) int64
        Of these, tokens found above the tiers.
    read, written : (backends, tiers) int64
        Blocks.
    loads : (backends, tiers) int64
        Times that something was read.
    """

    looked_up: IntArray
    found_above: IntArray
    read: IntArray
    written: IntArray
    loads: IntArray

    @classmethod
    def of(cls, state: State) -> "Tiers":
        """Those of a state of the data plane."""
        pools, tiers = state.pools, state.tiers
        counts = pools.looked_up, pools.found_above, tiers.read, tiers.written, tiers.loads
        return cls(*(each.copy() for each in counts))

    def since(self, before: "Tiers") -> "Tiers":
        """The same without what there was before."""
        return Tiers(
            self.looked_up - before.looked_up,
            self.found_above - before.found_above,
            self.read - before.read,
            self.written - before.written,
            self.loads - before.loads,
        )
