"""What prompts have found in caches with tiers, and what was read from these and written."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.state.state import State

IntArray = npt.NDArray[np.int64]
_OF_ADAPTERS = ("asked", "found", "loads", "fetches", "evictions", "lost", "load_s")


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


@dataclass(frozen=True, slots=True, eq=False)
class AdapterCounts:
    """What pools have done with adapters, from the beginning or since an earlier moment.

    Attributes
    ----------
    asked, found : (backends,) int64
        Admissions of requests that need one, and of these, those that found it in a slot.
    loads, fetches : (backends,) int64
        Into slots, and of these, those that came from further away than the host.
    evictions, lost : (backends,) int64
        Out of slots, and those in slots of replicas that have gone.
    load_s : (backends,) float64
        For which steps have waited.
    held : (backends,) int64
        In slots now.
    """

    asked: IntArray
    found: IntArray
    loads: IntArray
    fetches: IntArray
    evictions: IntArray
    lost: IntArray
    load_s: npt.NDArray[np.float64]
    held: IntArray

    @classmethod
    def of(cls, state: State) -> "AdapterCounts | None":
        """Those of a state of the data plane; None where nobody needs any."""
        if len(state.adapter_pools) == 0:
            return None
        counts = {name: state.adapter_pools[name].copy() for name in _OF_ADAPTERS}
        held = np.zeros(len(state.pools), np.int64)
        np.add.at(held, state.replicas.pool, state.adapter_slots.on_gpu)
        return cls(**counts, held=held)

    def since(self, before: "AdapterCounts | None") -> "AdapterCounts":
        """The same without what there was before, but for what is held."""
        assert before is not None
        done = {name: getattr(self, name) - getattr(before, name) for name in _OF_ADAPTERS}
        return AdapterCounts(**done, held=self.held)
