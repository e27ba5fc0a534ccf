"""Links between memories: all that is sent over one at a time shares it fairly.

Processor sharing, exact. A transfer is as much work as the seconds that it takes alone. While n are
sent, each has an n-th of the link, so that what the link has served *for each* since it was last
idle, V, grows by an n-th of a second in a second. Who begins at V with w seconds of work is through
when V has come to V + w, whoever comes and goes meanwhile: the order in which they are through
never changes, and the first of them is through in n times what V still lacks. V is looked at when a
transfer begins, ends or is broken off; each costs the logarithm of their number. What is through
arrives a *latency* later, and others have the link until then.

Transfers of a link are a pairing heap through the slots of their sequences, so that one that is
broken off is taken out where it is. One tree over the links tells which comes next.

A link belongs to a pool, or to a replica, by the row of its first rank.
"""

import math

from sim.engine.state import tournament
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.link_record import FETCHED, IN_THE_AIR, NOT_SENT, SENDING
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State

OF_REPLICA = 3  # links of each replica, or rank: between pools, and to two tiers of its own
OF_POOL = 2  # links of each pool: between pools, and to a store that its replicas share


@inner
def of_pool(p: int) -> int:
    """The link that all of a pool share."""
    return p


@inner
def of_replica(s: State, r: int) -> int:
    """The link of a replica whose first rank has row ``r``."""
    return OF_POOL * len(s.pools) + OF_REPLICA * r


@inner
def of_store(s: State, p: int) -> int:
    """The link to a store that all replicas of a pool share."""
    return len(s.pools) + p


@inner
def of_tier(s: State, r: int, tier: int) -> int:
    """The link of a replica, or rank, to a tier of its own."""
    return OF_POOL * len(s.pools) + OF_REPLICA * r + 1 + tier


@inner_apart
def open_up(s: State, at: int, now: float) -> None:
    """A link has nothing to send."""
    link = s.links[at]
    link.since_s, link.served_s = now, 0.0
    link.sending = 0
    link.root = link.head = link.tail = NONE
    _set_next(s, at)


@inner_apart
def start(s: State, at: int, slot: int, work_s: float, latency_s: float, now: float) -> None:
    """Begin to send what takes ``work_s`` seconds alone, for the sequence in a slot."""
    clock, link, row = s.clock[0], s.links[at], s.transfers[slot]
    _serve(link, now)
    row.link, row.stage = at, SENDING
    row.order = clock.transfers
    clock.transfers += 1
    row.through_s, row.arrives_s = link.served_s + work_s, latency_s
    row.child = row.next = row.previous = NONE
    link.root = slot if link.root == NONE else _melded(s, link.root, slot)
    link.sending += 1
    _set_next(s, at)


@inner_apart
def stop(s: State, slot: int, now: float) -> None:
    """Break a transfer off, whether it is sent or in the air."""
    row = s.transfers[slot]
    link = s.links[row.link]
    if row.stage == SENDING:
        _serve(link, now)
        _take_out(s, link, slot)
    else:
        _land(s, link, slot)
    row.stage = NOT_SENT
    _set_next(s, WIDE + row.link)


@inner
def first(s: State) -> int:
    """The link of which something is through or arrives next."""
    return tournament.first(s.link_tree, s.link_s)


@inner_apart
def end_next(s: State, at: int, now: float) -> int:
    """What comes next of a link: the slot for which all has arrived, or NONE."""
    link = s.links[at]
    slot = link.root + 0
    if slot != NONE and _through_s(s, link) <= now:
        row = s.transfers[slot]
        link.served_s, link.since_s = row.through_s, now
        _take_out(s, link, slot)
        if row.arrives_s > 0.0:
            _put_in_the_air(s, link, slot, now + row.arrives_s)
            slot = NONE
    else:
        slot = link.head + 0
        _land(s, link, slot)
    if slot != NONE:
        s.transfers[slot].stage = FETCHED
    _set_next(s, at)
    return slot


@inner
def _serve(link: Row, now: float) -> None:
    """What the link has served for each, up to now."""
    if link.sending > 0:
        link.served_s += (now - link.since_s) / link.sending
    link.since_s = now


@inner
def _through_s(s: State, link: Row) -> float:
    """When the first of those that are sent is through."""
    left_s = s.transfers[link.root].through_s - link.served_s
    return link.since_s + max(left_s, 0.0) * link.sending


@inner
def _set_next(s: State, at: int) -> None:
    """Tell the tree when something comes of a link."""
    link = s.links[at]
    next_s = math.inf
    if link.root != NONE:
        next_s = _through_s(s, link)
    if link.head != NONE:
        next_s = min(next_s, s.transfers[link.head].arrives_s)
    s.link_s[at] = next_s
    tournament.update(s.link_tree, s.link_s, at)
    s.clock[0].link_s = s.link_tree[tournament.ROOT]


@inner
def _put_in_the_air(s: State, link: Row, slot: int, arrives_s: float) -> None:
    row = s.transfers[slot]
    row.stage, row.arrives_s = IN_THE_AIR, arrives_s
    before = link.tail + 0
    while before != NONE and s.transfers[before].arrives_s > arrives_s:  # few latencies differ
        before = s.transfers[before].previous
    after = link.head + 0 if before == NONE else s.transfers[before].next + 0
    row.previous, row.next = before, after
    if before == NONE:
        link.head = slot
    else:
        s.transfers[before].next = slot
    if after == NONE:
        link.tail = slot
    else:
        s.transfers[after].previous = slot


@inner
def _land(s: State, link: Row, slot: int) -> None:
    """Out of the air."""
    row = s.transfers[slot]
    if row.previous == NONE:
        link.head = row.next
    else:
        s.transfers[row.previous].next = row.next
    if row.next == NONE:
        link.tail = row.previous
    else:
        s.transfers[row.next].previous = row.previous


@inner
def _take_out(s: State, link: Row, slot: int) -> None:
    """Out of those that are sent."""
    row = s.transfers[slot]
    below = _merged(s, row.child)
    if link.root == slot:
        link.root = below
    else:
        before = s.transfers[row.previous]
        if before.child == slot:
            before.child = row.next
        else:
            before.next = row.next
        if row.next != NONE:
            s.transfers[row.next].previous = row.previous
        if below != NONE:
            link.root = _melded(s, link.root, below)
    link.sending -= 1
    if link.sending == 0:
        link.served_s = 0.0


@inner_apart
def _merged(s: State, child: int) -> int:
    """One heap of those in a list, two by two and then from the last to the first; NONE of none."""
    pairs, at = NONE, child + 0
    while at != NONE:
        one, two = at, s.transfers[at].next + 0
        at = NONE
        if two != NONE:
            at = s.transfers[two].next + 0
            one = _melded(s, one, two)
        s.transfers[one].next = pairs
        pairs = one
    root = NONE
    while pairs != NONE:
        following = s.transfers[pairs].next + 0
        root = _melded(s, pairs, root) if root != NONE else pairs
        pairs = following
    if root != NONE:
        s.transfers[root].next = s.transfers[root].previous = NONE
    return root


@inner_apart
def _melded(s: State, one: int, two: int) -> int:
    """One heap of two: who is through later comes below the other."""
    above, below = one, two
    if _is_before(s.transfers[two], s.transfers[one]):
        above, below = two, one
    upper, lower = s.transfers[above], s.transfers[below]
    lower.next, lower.previous = upper.child, above
    if upper.child != NONE:
        s.transfers[upper.child].previous = below
    upper.child = below
    upper.next = upper.previous = NONE
    return above


@inner
def _is_before(one: Row, two: Row) -> bool:
    return one.through_s < two.through_s or (
        one.through_s == two.through_s and one.order < two.order
    )
