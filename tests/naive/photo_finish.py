"""Where the last bit of a sum decides what happens, so that two right simulators may differ.

Times are sums of the same figures in different orders. Where two of them are the same but for their
last bits, either may be the first: a case in which that matters says nothing.
"""

from collections.abc import Iterable

from naive.attempt import Attempt
from naive.managed import Managed
from naive.replica import Replica
from naive.request import Request


def near_s(now_s: float) -> float:
    return 1e-9 * max(now_s, 1.0)


def ends_meet(replica: Replica, others: Iterable[Replica], now_s: float) -> bool:
    """Whether others end a step, or begin one, when this one does.

    It matters where that has effects on them: somebody in line goes to the first that has room,
    what follows in a task is sent, what is abandoned leaves. The ranks of a replica do so at the
    very same time and in their order, in any simulator.
    """
    return any(
        min(other.next_event_s() - now_s, now_s - other.last_boundary_s) <= near_s(now_s)
        for other in others
        if other.team is not replica.team
    )


def meets_an_end(replicas: Iterable[Replica], now_s: float) -> bool:
    """Whether any replica ends a step, or begins one, at a moment that follows from another's end.

    A hedge is sent the same time after its attempt as the one before was. Where that was answered,
    and both took as long, the hedge comes as the other's place becomes free.
    """
    return any(
        min(abs(replica.next_event_s() - now_s), now_s - replica.last_boundary_s) <= near_s(now_s)
        for replica in replicas
    )


def comes_at_an_end(replica: Replica, now_s: float) -> bool:
    """Whether a request comes to a front end as the tokens of a step do."""
    if replica.step is None or not replica.front.works_on_tokens:
        return False
    if replica.team.in_line:  # it comes from another rank, at the very moment, or to be so
        return False
    near = near_s(now_s)
    return replica.step.ends_s - now_s <= near or 0 < now_s - replica.last_boundary_s <= near


def delivers_at_an_end(replica: Replica, delivered: Attempt, now_s: float) -> bool:
    """Whether an answer is delivered as a step ends, or nearly as another one is."""
    near = near_s(now_s)
    others_s = [a.token_s_of_step for a in replica.streaming if a is not delivered]
    ends = min(replica.next_event_s() - now_s, now_s - replica.last_boundary_s) <= near
    return ends or any(0 < other_s - now_s <= near for other_s in others_s)


def is_due_too(loser: Attempt, now_s: float) -> bool:
    """Whether the token of who loses a race is to be delivered at the same moment.

    Two front ends that had the same to do since the same moment are done together, and a hedge
    that made up for its delay is delivered with the attempt that it is to beat.
    """
    return abs(loser.first_due_s - now_s) <= near_s(now_s)


def is_ready_at_an_end(replica: Replica, now_s: float) -> bool:
    """Whether somebody in line became ready when this step ended, or just after it had begun.

    Calls that follow others are sent at ends of steps, or the same time after them, and so come
    through the front end at such times. Who is sent at the very end of a step is there at the next.
    """
    if replica.step is None:
        return False
    near = near_s(now_s)
    began_s = replica.last_boundary_s
    return any(
        abs(attempt.ready_s - now_s) <= near or 0 < attempt.ready_s - began_s <= near
        for attempt in replica.waiting
        if not (replica.team.in_line and attempt.dispatched_s == now_s)
    )


def is_told_again(told_s: list[float], at_s: float) -> bool:
    """Whether somebody was told to come back at this moment before; it is told now."""
    same = any(abs(at_s - other_s) <= near_s(at_s) for other_s in told_s)
    told_s.append(at_s)
    return same


def told_the_same(request: Request, backend: Managed, at_s: float) -> bool:
    """Whether others were told to come back at this moment, too.

    Whoever asks an empty bucket for the same is told the same, however long ago. Where all times
    follow from arrivals alone, both simulators have the same last bits.
    """
    same = is_told_again(backend.told_s, at_s)
    request.follows_steps |= backend.follows_steps
    return same and backend.follows_steps
