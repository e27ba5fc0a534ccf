"""Blocks of prompts that requests share with the cache of their replica, and that count once.

Where a cache has no memory of its own, what it keeps lies in the KV cache. A request holds the
leading blocks that it finds, from its admission on, and all whole blocks of its prompt from the end
of its prefill until it leaves the batch. A block that is held is never dropped, and takes its
memory once, however many hold it: who computes what another has computed meanwhile gives its own
back. What nobody holds any more is kept as long as nobody needs its memory, the least recently held
going first. So the replica's free blocks are all that is neither held nor a request's own, and what
is kept beside never exceeds them. Engines differ in one thing: vLLM keeps what was computed twice
as long as its requests run, SGLang gives it back, as here.

Whoever holds blocks of a chain holds the first ones, so that earlier blocks are held by all that
hold later ones. Runs are cut where one that holds them ends, and are not joined again.
"""

from sim.engine.replica import leap, runs
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import BOUNDARY, FED_NAMES, LAID_OUT, LEAP, NONE, Row
from sim.engine.state.state import State


@inner
def chain(s: State, slot: int) -> int:
    """Name of the blocks of a task; those that are fed are not negative."""
    return -1 - s.extras[slot].task_number


@inner_apart
def held(s: State, r: int, slot: int) -> int:
    """Leading blocks of a prompt that others hold on replica ``r``, but for its last token."""
    extra = s.extras[slot]
    size = s.pools[s.replicas[r].pool].prefix_block_tokens
    most = min(extra.names, (s.slots[slot].prompt - 1) // size)
    if extra.naming == FED_NAMES:
        for at in range(most):
            run = runs.first_of(s, r, s.names[extra.first_name + at])
            if run == NONE or s.runs[run].holders == 0:
                return at
        return most
    blocks = 0
    run = runs.first_of(s, r, chain(s, slot))
    while run != NONE and s.runs[run].holders > 0 and blocks < most:
        blocks += s.runs[run].blocks
        run = s.runs[run].rest
    return min(blocks, most)


@inner_apart
def hold(s: State, r: int, slot: int, names: int) -> int:
    """Hold the first ``names`` blocks of a prompt; of those that are new how many others hold."""
    extra = s.extras[slot]
    shared = 0
    if extra.naming == FED_NAMES:
        for at in range(extra.held, names):
            shared += _hold_one(s, r, s.names[extra.first_name + at])
    else:
        shared = _hold_chain(s, r, chain(s, slot), extra.held, names)
    extra.held = max(names, extra.held)
    return shared


@inner_apart
def let_go(s: State, r: int, slot: int) -> int:
    """Hold nothing any more; how many of the blocks others hold still."""
    extra = s.extras[slot]
    kept = extra.held
    if extra.naming == FED_NAMES:
        for at in range(extra.held - 1, -1, -1):
            kept -= _let_go_of(s, r, runs.first_of(s, r, s.names[extra.first_name + at]))
    elif extra.held > 0:
        run = runs.first_of(s, r, chain(s, slot))
        blocks = s.runs[run].blocks
        while blocks < extra.held:
            run = s.runs[run].rest
            blocks += s.runs[run].blocks
        while run != NONE:  # from the last to the first, which so is the one held last
            before = s.runs[run].before
            kept -= _let_go_of(s, r, run)
            run = before
    extra.held = 0
    return kept


@inner
def grown(s: State, r: int, now: float) -> int:
    """KV blocks that the decodes of the segment under way have taken until now."""
    replica: Row = s.replicas[r]
    if replica.mode == BOUNDARY or replica.decoding == 0 or replica.leap == 0:
        return 0
    steps = WIDE + replica.leap
    if replica.mode == LEAP:
        steps = leap.steps_until(now - replica.start_s, replica.step_s, replica.growth_s, steps)
    elif replica.mode >= LAID_OUT:  # it begins at this instant
        steps = 1
    pool = s.pools[replica.pool]
    units, shift = steps * pool.advance, pool.block_shift
    return leap.blocks_needed(s.block_phase[r], replica.steps, units, replica.decoding, shift)


@inner_apart
def _hold_one(s: State, r: int, name: int) -> int:
    """Hold a chain of one block, which is kept from now; 1 if others hold it."""
    run = runs.first_of(s, r, name)
    if run == NONE:
        _add(s, r, name, WIDE + NONE, 1)
        return 0
    return _hold_run(s, r, run)


@inner_apart
def _hold_chain(s: State, r: int, name: int, have: int, names: int) -> int:
    last, at, shared = WIDE + NONE, 0, 0
    run = runs.first_of(s, r, name)
    while run != NONE and at < names:
        if s.runs[run].blocks > names - at:
            _cut(s, r, run, names - at)
        if at >= have:
            shared += _hold_run(s, r, run)
        at += s.runs[run].blocks
        last, run = run, s.runs[run].rest
    if at < names:
        _add(s, r, name, last, names - at)
    return shared


@inner
def _hold_run(s: State, r: int, run: int) -> int:
    """One more holds a run; its blocks if others do, or else 0."""
    row = s.runs[run]
    row.holders += 1
    if row.holders > 1:
        return row.blocks
    runs.unlist(s, r, run)
    s.caches[r].blocks -= row.blocks
    return 0


@inner
def _let_go_of(s: State, r: int, run: int) -> int:
    """One fewer holds a run; its blocks if nobody does any more, or else 0."""
    row = s.runs[run]
    row.holders -= 1
    if row.holders > 0:
        return 0
    runs.list_newest(s, r, run)
    s.caches[r].blocks += row.blocks
    return row.blocks


@inner
def _add(s: State, r: int, name: int, last: int, blocks: int) -> None:
    """A new run that one holds, after the last run of its chain, or NONE."""
    run = runs.take_free(s, r, name)
    row = s.runs[run]
    row.blocks, row.holders, row.before, row.rest = blocks, 1, last, NONE
    if last == NONE:
        runs.into_bucket(s, run)
    else:
        s.runs[last].rest = run


@inner_apart
def _cut(s: State, r: int, run: int, blocks: int) -> None:
    """Make two runs of one, the first of ``blocks``; what is listed of it stays side by side."""
    row = s.runs[run]
    later = runs.take_free(s, r, row.name)
    new = s.runs[later]
    new.blocks, new.holders = row.blocks - blocks, row.holders
    new.before, new.rest = run, row.rest
    if row.rest != NONE:
        s.runs[row.rest].before = later
    row.blocks, row.rest = blocks, later
    if row.holders == 0:
        new.newer, new.older = run, row.older
        if row.older == NONE:
            s.caches[r].oldest = later
        else:
            s.runs[row.older].newer = later
        row.older = later
