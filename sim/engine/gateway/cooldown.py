"""Cooldown: a router leaves a backend out for a while after an attempt came to nothing there."""

from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.state import State
from sim.engine.state.status import REJECTED

SOON_S = 1e-6  # what rounding may take from who comes back in time


@inner
def is_out(s: State, b: int, now: float) -> bool:
    """Whether a backend is left out; at the very end of that time it is back."""
    return now < s.providers[b].out_until_s - SOON_S


@inner_apart
def note_loss(s: State, slot: int, cause: int, now: float) -> None:
    """An attempt came to nothing at its backend, which is left out from now on.

    Who is one too many of a workload is turned away before anybody asks the backend.
    """
    seq = s.slots[slot]
    provider, counts = s.providers[seq.backend], s.workloads[seq.workload]
    if provider.cooldown_s == 0.0:
        return
    if cause == REJECTED and counts.inside >= counts.max_concurrency:
        return
    provider.out_until_s = now + provider.cooldown_s
