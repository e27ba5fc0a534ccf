"""Batches that give way to others on a replica, in the naive simulator and by hand.

A step takes 1 s, whatever it does.
"""

from typing import Any

import numpy as np
from fleets import END_S, pool, profile

from naive.data_plane import NaiveDataPlane
from naive.runs import KEY, expect
from sim.model.gateway import Gateway
from sim.model.workload import Yielding

BATCH, CHAT = 0, 1


def asked(
    engine: Any,
    *requests: tuple[int, float, int, int],
    yielding: Yielding = Yielding(),  # noqa: B008 (frozen)
    **gateway: Any,
) -> NaiveDataPlane:
    """After requests of (workload, arrival, prompt tokens, output tokens)."""
    naive = NaiveDataPlane(
        [pool(engine, gateway=Gateway(**gateway))],
        [0, 0],
        KEY,
        priorities=[1, 0],
        yielding=[yielding, None],
    )
    workload, arrival_s, prompt, output = (np.array(each) for each in zip(*requests, strict=True))
    naive.feed(arrival_s, prompt, output, workload)
    naive.advance(END_S)
    return naive


def test_who_runs_leaves_the_place_at_the_next_step_and_goes_on_where_it_was() -> None:
    # The batch has 3 tokens at 3, the chat 3 by 6, and then 7 are left.
    naive = asked(profile(max_num_seqs=1), (BATCH, 0.0, 5, 10), (CHAT, 2.5, 5, 3))
    expect(naive, admitted_s=[0, 3], finish_s=[13, 6], preemptions=[1, 0])


def test_what_it_had_is_computed_again() -> None:
    # 5 tokens are prefilled in two steps of 4 at most. The batch is back at 7 with 5 and 2 of its
    # own, which take two more steps than a token does.
    engine = profile(max_num_seqs=1, max_num_batched_tokens=4)
    naive = asked(engine, (BATCH, 0.0, 5, 10), (CHAT, 2.5, 2, 4))
    expect(naive, admitted_s=[0, 3], finish_s=[7 + 2 + 7, 7], preemptions=[1, 0])
    assert naive.books.counts[BATCH]["wasted_tokens"] == 5 + 2 - 1


def test_the_youngest_goes_first_and_as_many_as_are_needed() -> None:
    # 12 blocks of one token. At 2 the batches have 3 + 2, 3 + 2 and 1 + 1 tokens, some of them to
    # be written in the step that begins: the third is not enough for a prompt of 5.
    engine = profile(kv_block_tokens=1, kv_capacity_tokens=12, max_model_len=12)
    requests = [(BATCH, 0.0, 2, 4), (BATCH, 0.0, 2, 4), (BATCH, 0.0, 1, 4), (CHAT, 1.5, 5, 2)]
    naive = asked(engine, *requests)
    assert naive.column("preemptions").tolist() == [0, 1, 1, 0]
    expect(naive, admitted_s=[0, 0, 0, 2])


def test_near_its_deadline_it_gives_way_no_more() -> None:
    engine = profile(max_num_seqs=1)
    for for_s, finish_s in ((2.9, [10, 13]), (3.1, [13, 6])):
        naive = asked(engine, (BATCH, 0.0, 5, 10), (CHAT, 2.5, 5, 3), yielding=Yielding(for_s))
        expect(naive, finish_s=finish_s)


def test_it_waits_for_so_long_whether_a_place_is_free_anyway() -> None:
    # Nobody leaves by 4.7, and B by 5: at 5 the place is B's, or free.
    for output, finish_s, preempted in ((10, [13, 8], 1), (5, [5, 8], 0)):
        requests = (BATCH, 0.0, 5, output), (CHAT, 2.5, 5, 3)
        naive = asked(profile(max_num_seqs=1), *requests, yielding=Yielding(after_s=2.2))
        expect(naive, admitted_s=[0, 5], finish_s=finish_s, preemptions=[preempted, 0])


def test_a_prompt_that_is_being_read_is_read_to_its_end() -> None:
    engine = profile(max_num_seqs=1, max_num_batched_tokens=4)
    naive = asked(engine, (BATCH, 0.0, 20, 10), (CHAT, 1.5, 4, 1))
    expect(naive, admitted_s=[0, 5], preemptions=[1, 0])


def test_others_stand_before_it_in_the_line_of_a_replica() -> None:
    requests = [(CHAT, 0.0, 5, 4), (BATCH, 1.0, 5, 2), (CHAT, 2.0, 5, 3), (CHAT, 3.0, 5, 1)]
    naive = asked(profile(max_num_seqs=1), *requests)
    expect(naive, admitted_s=[0, 8, 4, 7], finish_s=[4, 10, 7, 8])


def test_one_batch_does_not_give_way_to_another() -> None:
    naive = asked(profile(max_num_seqs=1), (BATCH, 0.0, 5, 10), (BATCH, 2.5, 5, 3))
    expect(naive, finish_s=[10, 13])


def test_a_replica_takes_as_many_beyond_its_limit_as_it_has_of_batches() -> None:
    # B comes beside A's two places; C and D take them; E is the third, and waits before the pool.
    engine = profile(max_num_seqs=8)
    requests = [(BATCH, 0.0, 1, 9), (BATCH, 0.0, 1, 9), (CHAT, 1.5, 1, 4), (CHAT, 1.6, 1, 4)]
    naive = asked(engine, *requests, (CHAT, 1.7, 1, 4), replica_limit=2)
    # One gives way at each step: at 2 and at 3. E goes on at 6, when C is done.
    expect(naive, admitted_s=[0, 0, 2, 3, 6], dispatched_s=[0, 0, 1.5, 1.6, 6])
    assert naive.column("preemptions").tolist() == [1, 1, 0, 0, 0]
    expect(naive, finish_s=[7 + 6, 10 + 7, 6, 7, 10])
