"""The naive simulator against cases worked out by hand.

It is the yardstick of the compiled kernel, so it is itself measured here: each case is small enough
to follow on paper, and the working stands beside it.
"""

from math import nan

import numpy as np
import pytest
from fleets import pool, profile
from theory import first_come_first_served_starts

from naive.data_plane import NaiveDataPlane
from sim.engine.state import status
from sim.model.design import Router
from sim.model.profile import ServiceProfile


def run(
    engine: ServiceProfile,
    *requests: tuple[float, int, int],
    replicas: int = 1,
    router: Router = "round_robin",
    until_s: float = 1e9,
) -> NaiveDataPlane:
    """The naive plane after requests of (arrival, prompt tokens, output tokens)."""
    plane = NaiveDataPlane([pool(engine, replicas, router)], [0])
    arrival_s, prompt, output = zip(*requests, strict=True)
    plane.feed(arrival_s, prompt, output, [0] * len(requests))
    plane.advance(until_s)
    return plane


def expect(plane: NaiveDataPlane, **columns: list[float]) -> None:
    for name, values in columns.items():
        np.testing.assert_allclose(plane.column(name), values, rtol=1e-12, err_msg=name)


def test_a_lone_request_takes_one_prefill_step_and_then_one_step_per_further_token() -> None:
    # Prefill: 0.5 + 0.1 + 10 x 0.01 + 0.002 x 10 x 5 = 0.8 s, a(0) included. The first token is
    # there. Decode steps at K = 10 and 11: 0.2 + 0.01 K = 0.30 and 0.31 s.
    engine = profile(
        batch=(0, 1),
        step_base_s=(0.5, 0.2),
        step_s_per_kv_token=(0.0, 0.01),
        prefill_s_per_request=0.1,
        prefill_s_per_token=0.01,
        prefill_s_per_token_context=0.002,
        max_num_seqs=1,
    )
    plane = run(engine, (3.0, 10, 3))
    expect(plane, ready_s=[3.0], admitted_s=[3.0], first_token_s=[3.8], finish_s=[4.41])
    assert plane.column("status").tolist() == [status.COMPLETED]


def test_a_one_token_output_ends_with_its_prefill() -> None:
    plane = run(profile(), (2.0, 100, 1))
    expect(plane, first_token_s=[3.0], finish_s=[3.0])


def test_an_arrival_during_a_step_joins_at_the_next_boundary() -> None:
    # Steps of 1 s end at 1, 2, 3. The second request arrives at 0.5, is prefilled in [1, 2] beside
    # the first one's decode, has its first token at 2 and its second at 3.
    plane = run(profile(), (0.0, 5, 3), (0.5, 5, 2))
    expect(plane, admitted_s=[0, 1], first_token_s=[1, 2], finish_s=[3, 3])


def test_an_arrival_at_a_boundary_is_seen_there() -> None:
    plane = run(profile(), (0.0, 5, 3), (1.0, 5, 2))
    expect(plane, admitted_s=[0, 1], first_token_s=[1, 2])


def test_a_prompt_longer_than_the_budget_is_prefilled_in_chunks_at_growing_depth() -> None:
    # Budget 4, prompt 10: chunks of 4, 4, 2 at depths 0, 4, 8 cost p (x + p/2) = 8, 24, 18 units of
    # 0.01 s beside 1 s for the step: ends at 1.08, 2.32, 3.50. Each chunk pays d0 = 0 here.
    engine = profile(max_num_batched_tokens=4, max_num_seqs=4, prefill_s_per_token_context=0.01)
    expect(run(engine, (0.0, 10, 1)), first_token_s=[3.5], finish_s=[3.5])


def test_every_chunk_pays_the_cost_per_request() -> None:
    engine = profile(max_num_batched_tokens=4, max_num_seqs=4, prefill_s_per_request=0.25)
    expect(run(engine, (0.0, 10, 1)), first_token_s=[3.75])


def test_decodes_are_served_from_the_budget_before_prefills() -> None:
    # Budget 4. At 0 the first request (prompt 2) takes 2, the second (prompt 5) the other 2. At 1
    # the first decodes: 3 are left and complete the second. Both have their last token at 2.
    engine = profile(max_num_batched_tokens=4, max_num_seqs=4)
    plane = run(engine, (0.0, 2, 2), (0.0, 5, 1))
    expect(plane, admitted_s=[0, 0], first_token_s=[1, 2], finish_s=[2, 2])


def test_admission_stops_with_the_budget() -> None:
    # Three prompts of 4 under a budget of 8: two at 0, the third at 1.
    engine = profile(max_num_batched_tokens=8, max_num_seqs=8)
    plane = run(engine, *[(0.0, 4, 1)] * 3)
    expect(plane, admitted_s=[0, 0, 1], finish_s=[1, 1, 2])


def test_admission_stops_with_the_batch_limit() -> None:
    # Two at a time, two steps each.
    plane = run(profile(max_num_seqs=2), *[(0.0, 4, 2)] * 3)
    expect(plane, admitted_s=[0, 0, 2], finish_s=[2, 2, 4])


def test_admission_waits_for_memory_at_the_head_of_the_line() -> None:
    # 4 blocks of 4. The first takes 3 blocks (12 tokens), the second needs 2 and waits; the third
    # needs 1, which is free, but waits behind the second. The first ends at 1.
    engine = profile(kv_capacity_tokens=16, kv_block_tokens=4, max_model_len=16)
    plane = run(engine, (0.0, 12, 1), (0.0, 8, 1), (0.0, 4, 1))
    expect(plane, admitted_s=[0, 1, 1], finish_s=[1, 2, 2])


def test_the_youngest_is_preempted_and_prefills_again_with_its_tokens() -> None:
    # 4 blocks of 2, two prompts of 4 take them all. At 1 both need a block: the second is preempted
    # (1 token generated, 2 blocks freed), the first takes one: 1 free. At 2 the first has 5 cached,
    # needs none; the second needs ceil(5 / 2) = 3 blocks and waits. The first ends at 3 with 3
    # tokens; the second prefills 5 tokens in [3, 4], which gives token 2, and ends at 5.
    engine = profile(
        kv_capacity_tokens=8, kv_block_tokens=2, max_model_len=8, prefill_s_per_token=0.0
    )
    plane = run(engine, (0.0, 4, 3), (0.0, 4, 3))
    expect(plane, admitted_s=[0, 0], first_token_s=[1, 1], finish_s=[3, 5], preemptions=[0, 1])


def test_where_the_whole_must_fit_nobody_is_preempted() -> None:
    # The same cache of 4 blocks: each may need ceil(7 / 2) = 4. The second waits for the first.
    engine = profile(kv_capacity_tokens=8, kv_block_tokens=2, max_model_len=8, admission="whole")
    plane = run(engine, (0.0, 4, 3), (0.0, 4, 3))
    expect(plane, admitted_s=[0, 3], finish_s=[3, 6], preemptions=[0, 0])


def test_a_hundredth_of_the_cache_stays_free_below_the_watermark() -> None:
    # 100 blocks of 1, of which 1 is spared unless the batch is empty: a prompt of 100 goes in
    # alone; of 50, 49 and 1 the second fits, and the third waits for the first two.
    engine = profile(kv_capacity_tokens=100, kv_block_tokens=1, admission="watermark")
    expect(run(engine, (0.0, 100, 1)), admitted_s=[0])
    plane = run(engine, (0.0, 50, 1), (0.0, 49, 1), (0.0, 1, 1))
    expect(plane, admitted_s=[0, 0, 1], finish_s=[1, 1, 2])


def test_a_prefill_under_way_is_preempted_before_older_decodes() -> None:
    # 5 blocks of 2, budget 3. At 0: A (prompt 2, 1 block) takes 2 of the budget; B (prompt 8, 4
    # blocks) takes 1. At 1 A has 2 cached and needs a block, none is free: B, part way through its
    # prefill, loses everything. A takes 1 block; 3 free, B needs 4. A decodes in [1, 2] and ends.
    # B starts over at 2 with nothing cached: chunks of 3, 3, 2, first token at 5.
    engine = profile(
        kv_capacity_tokens=10,
        kv_block_tokens=2,
        max_model_len=10,
        max_num_batched_tokens=3,
        max_num_seqs=2,
    )
    plane = run(engine, (0.0, 2, 2), (0.0, 8, 1))
    expect(plane, admitted_s=[0, 0], first_token_s=[1, 5], finish_s=[2, 5], preemptions=[0, 1])


def test_prefill_first_lets_decodes_wait() -> None:
    # a(0) = 1, a(1) = 0.1. First request: prefill [0, 1], decode [1, 1.1]. The second arrives at
    # 1.05 and is prefilled in [1.1, 2.1] while the first waits; then both decode, a(2) = 0.2.
    engine = profile(
        batch=(0, 1, 2),
        step_base_s=(1.0, 0.1, 0.2),
        step_s_per_kv_token=(0.0, 0.0, 0.0),
        scheduler="prefill_first",
    )
    plane = run(engine, (0.0, 5, 3), (1.05, 5, 2))
    expect(plane, admitted_s=[0, 1.1], first_token_s=[1, 2.1], finish_s=[2.3, 2.3])


def test_prefill_first_admits_whole_prompts_within_the_budget_but_a_long_one_alone() -> None:
    # Budget 10: the prompt of 30 goes alone, then 6 + 4 together, then 5.
    engine = profile(scheduler="prefill_first", max_num_batched_tokens=10, max_num_seqs=10)
    plane = run(engine, (0.0, 30, 1), (0.0, 6, 1), (0.0, 4, 1), (0.0, 5, 1))
    expect(plane, admitted_s=[0, 1, 1, 2], finish_s=[1, 2, 2, 3])


def test_prefill_first_preempts_in_decode_steps_only() -> None:
    # As in the chunked case: at 1 both need a block, the second is preempted, the first goes on
    # decoding: tokens at 2 and 3. At 2 the second needs 3 blocks and 1 is free. It prefills in
    # [3, 4] and decodes in [4, 5].
    engine = profile(
        scheduler="prefill_first", kv_capacity_tokens=8, kv_block_tokens=2, max_model_len=8
    )
    plane = run(engine, (0.0, 4, 3), (0.0, 4, 3))
    expect(plane, finish_s=[3, 5], preemptions=[0, 1])


def test_the_front_end_serves_one_request_at_a_time_then_delays_each() -> None:
    # 0.5 s a request and 0.04 s a token of 5: through at 0.7 and 1.4, visible 10 s later. The first
    # step begins at 10.7, the second at 11.7.
    engine = profile(overhead_s=10.0, frontend_s_per_request=0.5, frontend_s_per_prompt_token=0.04)
    plane = run(engine, (0.0, 5, 2), (0.0, 5, 2))
    expect(plane, ready_s=[10.7, 11.4], admitted_s=[10.7, 11.7], finish_s=[12.7, 13.7])


def test_the_tokens_of_a_step_are_passed_on_together_while_the_engine_goes_on() -> None:
    # 0.25 s a token and 3 s on the way. A's first token is there at 1 and passed on at 1.25, when
    # its client has it 3 s later. B comes at 1.25, is in the step from 2 to 3, which makes a token
    # for both: passed on at 3.5. A's third and B's second at 4: at 4.5, and B's last at 5: at 5.25.
    engine = profile(frontend_s_per_token=0.25, output_delay_s=3.0)
    plane = run(engine, (0.0, 5, 4), (1.25, 5, 3))
    expect(plane, admitted_s=[0, 2], first_token_s=[4.25, 6.5], finish_s=[7.5, 8.25])


def test_a_first_token_costs_more_by_the_length_of_its_prompt() -> None:
    # 0.25 s a token, and 0.2 s more for a first one for each of 5 prompt tokens: A's first
    # token, made at 1, is passed on at 2.25. B comes at 1.5 and is through then; its first and A's
    # last, made at 4, take 0.25 + 0.25 + 1 s, and B's second, made at 5, is passed on after
    # them.
    engine = profile(frontend_s_per_token=0.25, frontend_s_per_prompt_token_out=0.2)
    plane = run(engine, (0.0, 5, 4), (1.5, 5, 2))
    expect(plane, admitted_s=[0, 3], first_token_s=[2.25, 5.5], finish_s=[5.5, 5.75])


def test_a_batch_of_tokens_takes_longer_from_rest() -> None:
    # 0.5 s a token and 0.25 s more from rest. A's first token, made at 1, takes until 1.75, its
    # second, made at 2, until 2.75. With 1.5 s a token the second, made at 2, follows the first,
    # which took from 1 to 2.75, by 1.5 s.
    plane = run(profile(frontend_s_per_token=0.5, frontend_s_per_token_from_rest=0.25), (0, 5, 2))
    expect(plane, first_token_s=[1.75], finish_s=[2.75])
    plane = run(profile(frontend_s_per_token=1.5, frontend_s_per_token_from_rest=0.25), (0, 5, 2))
    expect(plane, first_token_s=[2.75], finish_s=[4.25])


def test_a_request_waits_behind_tokens_and_tokens_behind_a_request() -> None:
    # 0.75 s a token and 0.5 s a request. A is through at 0.5; its tokens come at 1.5, 2.5, 3.5. B
    # comes at 1.75, amid the first of them, and is through at 2.25 + 0.5. The second token, which
    # came at 2.5, is passed on at 3.5; B joins the step from 3.5 to 4.5. A's third token is passed
    # on at 4.25; of the tokens of both at 4.5, A's last and B's only one, both at 6.
    engine = profile(frontend_s_per_token=0.75, frontend_s_per_request=0.5)
    plane = run(engine, (0.0, 5, 4), (1.75, 5, 1))
    expect(plane, ready_s=[0.5, 2.75], first_token_s=[2.25, 6.0], finish_s=[6.0, 6.0])


def test_a_request_that_comes_as_a_step_ends_goes_before_its_tokens() -> None:
    # At 2.5 B takes the front end to 3, then A's second token to 3.5. B's own is made at 4.
    engine = profile(frontend_s_per_token=0.5, frontend_s_per_request=0.5)
    plane = run(engine, (0.0, 5, 2), (2.5, 5, 1))
    expect(plane, ready_s=[0.5, 3.0], finish_s=[3.5, 4.5])


def test_the_processes_of_a_front_end_take_requests_in_turn() -> None:
    # Three requests at once, of 1 s each, and two processes: through at 1, 1 and 2. The first two
    # have their only tokens at 2, passed on 0.25 later each by its own process; the third, which
    # is through at 2, at 3.25.
    engine = profile(frontend_s_per_request=1.0, frontend_s_per_token=0.25, frontend_processes=2)
    plane = run(engine, *[(0.0, 5, 1)] * 3)
    expect(plane, ready_s=[1, 1, 2], finish_s=[2.25, 2.25, 3.25])


def test_what_is_streamed_holds_no_place_in_the_batch() -> None:
    # One place, 2 s a token: B is admitted as A's last token leaves the engine.
    engine = profile(max_num_seqs=1, frontend_s_per_token=2.0)
    plane = run(engine, (0.0, 5, 1), (0.0, 5, 1))
    expect(plane, admitted_s=[0, 1], finish_s=[3, 5])


def test_too_long_a_prompt_is_rejected_and_too_long_an_output_cut() -> None:
    plane = run(profile(max_model_len=10), (0.0, 10, 1), (0.0, 9, 5), (0.0, 4, 99))
    assert plane.column("status").tolist() == [
        status.REJECTED,
        status.COMPLETED,
        status.COMPLETED,
    ]
    expect(plane, finish_s=[0, 1, 6], output=[1, 1, 6], replica=[-1, 0, 0])


def test_round_robin_takes_turns() -> None:
    plane = run(profile(), *[(float(i), 1, 1) for i in range(5)], replicas=2)
    assert plane.column("replica").tolist() == [0, 1, 0, 1, 0]


def test_least_loaded_counts_unfinished_requests_and_equals_take_turns() -> None:
    # At 0: replica 0, then 1 (0 has one), then 2, then 0 again (tie at one). At 1.5 all are empty,
    # for all had one-token outputs in one step; replica 1 had its turn longest ago.
    requests = [(0.0, 1, 1)] * 4 + [(1.5, 1, 1)]
    plane = run(profile(), *requests, replicas=3, router="least_loaded")
    assert plane.column("replica").tolist() == [0, 1, 2, 0, 1]


def test_a_finish_at_the_instant_of_an_arrival_comes_after_it() -> None:
    # At 1 replica 0 ends its request; the arrival at 1 still sees it there and goes to replica 1.
    plane = run(profile(), (0.0, 1, 1), (1.0, 1, 1), replicas=2, router="least_loaded")
    assert plane.column("replica").tolist() == [0, 1]


def test_random_routers_spread_over_all_replicas() -> None:
    requests = [(float(i), 1, 1) for i in range(200)]
    for router in ("random", "power_of_two"):
        counts = np.bincount(run(profile(), *requests, replicas=4, router=router).column("replica"))
        assert counts.min() > 25, router  # P(Binomial(200, 1/4) <= 25) < 1e-5 for each replica


def test_power_of_two_picks_the_less_loaded_of_its_draws() -> None:
    # Everything arrives at once: with two choices the fullest of 8 replicas holds far less than
    # with one. 400 requests, mean 50 each; one choice has a standard deviation of 6.6.
    requests = [(0.0, 1, 1)] * 400
    spread = {}
    for router in ("random", "power_of_two"):
        plane = run(profile(), *requests, replicas=8, router=router)
        spread[router] = int(np.ptp(np.bincount(plane.column("replica"))))
    assert spread["power_of_two"] <= 6 < spread["random"]


def test_a_drained_replica_finishes_what_it_has() -> None:
    plane = NaiveDataPlane([pool(replicas=2)], [0])
    plane.feed([0.0, 0.0, 1.5, 2.5], [1] * 4, [4] * 4, [0] * 4)
    plane.advance(1.0)
    plane.drain(0)
    plane.advance(100.0)
    assert plane.column("replica").tolist() == [0, 1, 1, 1]
    expect(plane, finish_s=[4, 4, 6, 7])


def test_a_killed_replica_fails_what_it_has_and_the_last_one_leaves_rejection() -> None:
    plane = NaiveDataPlane([pool(profile(max_num_seqs=1))], [0])
    plane.feed([0.0, 0.5, 5.0], [1] * 3, [4] * 3, [0] * 3)
    plane.advance(2.0)
    plane.kill(0)
    plane.advance(100.0)
    assert plane.column("status").tolist() == [status.FAILED, status.FAILED, status.REJECTED]
    expect(plane, first_token_s=[1, nan, nan])


def test_an_added_replica_takes_its_turn() -> None:
    plane = NaiveDataPlane([pool()], [0])
    plane.feed([0.0, 1.5, 1.6], [1] * 3, [1] * 3, [0] * 3)
    plane.advance(1.0)
    assert plane.add(0) == 1
    plane.advance(100.0)
    assert plane.column("replica").tolist() == [0, 1, 0]


def test_workloads_go_to_their_pools() -> None:
    plane = NaiveDataPlane([pool(replicas=2), pool(replicas=1)], [1, 0])
    plane.feed([0.0] * 4, [1] * 4, [1] * 4, [0, 1, 1, 0])
    plane.advance(10.0)
    assert plane.column("replica").tolist() == [2, 0, 1, 2]


def test_advance_stops_at_the_asked_time() -> None:
    plane = run(profile(), (0.0, 1, 3), (7.0, 1, 1), until_s=2.0)
    assert plane.column("status").tolist() == [status.IN_FLIGHT]
    expect(plane, first_token_s=[1], finish_s=[nan])
    plane.advance(3.0)
    expect(plane, finish_s=[3])


@pytest.mark.parametrize("servers", [1, 2, 10])
def test_waits_are_those_of_kiefer_and_wolfowitz_within_a_step(servers: int) -> None:
    """With a constant step and ``servers`` places in the batch this is a FCFS queue.

    What arrives during a step waits for its end. That is as if it had arrived then, and starts are
    monotone in arrivals and move no further than they do, so no start is later by more than a step.
    """
    rng = np.random.default_rng(5)
    n, step_s = 2_000, 0.1
    arrival_s = np.cumsum(rng.exponential(1 / (servers * 0.8), n))
    output = rng.geometric(step_s, n)  # mean service time 1 s
    engine = profile(step_base_s=(step_s,), max_num_seqs=servers)
    plane = run(engine, *zip(arrival_s.tolist(), [1] * n, output.tolist(), strict=True))
    late_s = plane.column("admitted_s") - first_come_first_served_starts(
        arrival_s.tolist(), (output * step_s).tolist(), servers
    )
    assert late_s.min() > -1e-9
    assert late_s.max() < (step_s if servers > 1 else 1e-9)
