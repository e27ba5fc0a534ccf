"""Absence: a router leaves a backend out for a while.

It does so after an attempt came to nothing there (cooldown), and when its budget is spent.
"""

from sim.engine.gateway import budget
from sim.engine.request import usage
from sim.engine.state.backend_record import MANAGED
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.record import Row
from sim.engine.state.state import State
from sim.engine.state.status import REJECTED

SOON_S = 1e-6  # what rounding may take from who comes back in time


@inner
def is_out(s: State, b: int, now: float) -> bool:
    """Whether a backend is left out; at the very end of that time it is back."""
    return now < back_s(s, b) - SOON_S


@inner
def back_s(s: State, b: int) -> float:
    """When it is back."""
    provider = s.providers[b]
    return float(max(provider.out_until_s, provider.spent_until_s))


@inner_apart
def turn_away(s: State, seq: Row, now: float) -> None:
    """An attempt comes to a backend that is left out."""
    usage.turned_away(s, seq)
    if budget.is_spent(s, seq.backend, now):
        usage.over_budget(s, seq)


@inner_apart
def note_loss(s: State, slot: int, cause: int, now: float) -> None:
    """An attempt came to nothing at its backend, which is left out from now on.

    Who is one too many of a workload is turned away before anybody asks the backend; and who is
    sheddable says nothing of others.
    """
    seq = s.slots[slot]
    provider, counts = s.providers[seq.backend], s.workloads[seq.workload]
    if provider.cooldown_s == 0.0:
        return
    sheds = counts.sheds and provider.kind != MANAGED
    if cause == REJECTED and (sheds or counts.inside >= counts.most_inside):
        return
    provider.out_until_s = now + provider.cooldown_s
