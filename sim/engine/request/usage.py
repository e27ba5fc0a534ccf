"""What backends do for workloads, counted when an attempt ends there.

Only requests that arrive at time 0 or later count.
"""

from sim.engine.state.backend_record import STANDARD
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ZERO
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State


@inner
def sent(s: State, seq: Row) -> None:
    """An attempt is sent to a backend."""
    if seq.arrival_s >= 0.0:
        s.usage[seq.workload, seq.backend, STANDARD].attempts += 1


@inner
def handed_on(s: State, seq: Row) -> None:
    """A pool has computed the prompt of an attempt, which goes on to a backend that answers it."""
    sent(s, seq)
    if seq.arrival_s >= 0.0:
        s.usage[seq.workload, seq.backend, STANDARD].handed_on += 1


@inner
def turned_away(s: State, seq: Row) -> None:
    """A backend does not take an attempt in."""
    s.pools[seq.backend].rejected += 1
    if seq.arrival_s >= 0.0:
        s.usage[seq.workload, seq.backend, STANDARD].rejections += 1


@inner_apart
def over_budget(s: State, seq: Row) -> None:
    """An attempt is turned away as what its backend may cost is spent."""
    if seq.arrival_s >= 0.0:
        s.usage[seq.workload, seq.backend, STANDARD].over_budget += 1


@inner_apart
def diverted(s: State, seq: Row, backend: int) -> None:
    """An attempt goes elsewhere as what a backend may cost is spent."""
    if seq.arrival_s >= 0.0:
        s.usage[seq.workload, backend, STANDARD].diverted += 1


@inner_apart
def failed(s: State, seq: Row) -> None:
    """An attempt fails at a backend."""
    if seq.arrival_s >= 0.0:
        s.usage[seq.workload, seq.backend, STANDARD].errors += 1


@inner
def answered(s: State, slot: int, billing: int) -> None:
    """A backend has answered for somebody."""
    seq = s.slots[slot]
    if seq.arrival_s < 0.0:
        return
    row = s.usage[seq.workload, seq.backend, billing]
    row.answers += 1
    row.degraded += seq.degraded
    row.prompt_tokens += seq.prompt
    row.cached_tokens += seq.cached
    if s.clock[0].has_prefix_caches:
        row.found_later_tokens += s.extras[slot].found_later
    if s.clock[0].has_transfers:
        _answered_in_two(s, slot, billing)
    row.output_tokens += seq.output
    if s.clock[0].has_detours and s.providers[seq.backend].caches:
        row.written_tokens += written(s, seq)


@inner_apart
def _answered_in_two(s: State, slot: int, billing: int) -> None:
    """If another pool computed the prompt, what is cached of it was found there.

    Who answered found all that it fetched: all but the last token.
    """
    seq, home = s.slots[slot], s.transfers[slot].home
    if home == NONE:
        return
    here, there = s.usage[seq.workload, seq.backend, billing], s.usage[seq.workload, home, billing]
    there.prompt_tokens += seq.prompt
    there.cached_tokens += seq.cached
    here.cached_tokens += seq.prompt - 1 - seq.cached
    if s.clock[0].has_prefix_caches:
        there.found_later_tokens += s.extras[slot].found_later
        here.found_later_tokens -= s.extras[slot].found_later


@inner
def written(s: State, seq: Row) -> int:
    """Tokens of a prompt that its managed backend keeps, and had not: what is marked of it."""
    provider = s.providers[seq.backend]
    kept = min(seq.prompt, provider.marked_tokens)
    if not provider.caches or kept < provider.least_tokens:
        return ZERO
    return max(kept - seq.cached, ZERO)


@inner
def wasted(s: State, slot: int, tokens: int, generated: int) -> None:
    """Replicas have worked for nobody, or one drops what is to be done again.

    Of the tokens ``generated`` were made one by one. Those of a prompt that was computed for
    another pool are on the one that did.
    """
    seq = s.slots[slot]
    if seq.arrival_s >= 0.0:
        s.workloads[seq.workload].wasted_tokens += tokens
        if s.clock[0].has_transfers and s.transfers[slot].home != NONE:
            there = min(tokens, seq.prompt - seq.cached)
            s.usage[seq.workload, s.transfers[slot].home, STANDARD].wasted_tokens += there
            tokens -= there
        row = s.usage[seq.workload, seq.backend, STANDARD]
        row.wasted_tokens += tokens
        row.wasted_output_tokens += generated


@inner_apart
def found_again(s: State, seq: Row, tokens: int) -> None:
    """A preempted request finds tokens of its prompt that it had had."""
    if seq.arrival_s >= 0.0:
        s.workloads[seq.workload].found_again_tokens += tokens


@inner
def redone(s: State, seq: Row, tokens: int) -> None:
    """A preempted sequence prefills what it had before: wasted, but for its own answer."""
    if seq.arrival_s >= 0.0:
        s.workloads[seq.workload].wasted_tokens += tokens
        s.usage[seq.workload, seq.backend, STANDARD].wasted_tokens += tokens
        s.usage[seq.workload, seq.backend, STANDARD].redone_tokens += tokens


@inner_apart
def left(s: State, slot: int, generated: int) -> None:
    """The client has left an attempt at a managed backend, which is billed all the same."""
    seq = s.slots[slot]
    if seq.arrival_s < 0.0:
        return
    tokens = seq.prompt - seq.cached + generated
    s.workloads[seq.workload].wasted_tokens += tokens
    row = s.usage[seq.workload, seq.backend, s.extras[slot].billing]
    row.wasted_tokens += tokens
    row.wasted_prompt_tokens += seq.prompt
    row.wasted_cached_tokens += seq.cached
    row.wasted_output_tokens += generated
    row.wasted_written_tokens += written(s, seq)
