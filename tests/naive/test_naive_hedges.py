"""Hedges and limits of the naive simulator against cases worked out by hand."""

from fleets import END_S, profile

from naive.data_plane import NaiveDataPlane
from naive.runs import KEY, PATIENT, expect, fleet, plane, ran, retrying, served
from sim.engine.state import status
from sim.model.client import Client, Hedge, RetryBudget
from sim.model.design import GpuPool

COMPLETED = status.COMPLETED
TIMED_OUT = status.TIMED_OUT
REJECTED = status.REJECTED

# Hedges


def test_a_hedge_is_sent_elsewhere_and_goes_on_if_it_is_the_first() -> None:
    # A has replica 0 until 9, B replica 1 until 3. C waits for A from 0.5 on, and from 1.5 on for
    # B too, which is done first: its first token comes at 4, and it leaves the line behind A.
    clients = [PATIENT, PATIENT, Client(hedge=Hedge(1.0))]
    naive = ran(fleet(replicas=2), clients, (0.0, 9), (0.0, 3), (0.5, 2))
    expect(naive, attempts=[1, 1, 2], replica=[0, 1, 1], dispatched_s=[0, 0, 1.5])
    expect(naive, admitted_s=[0, 0, 3], first_token_s=[1, 1, 4], finish_s=[9, 3, 5])
    assert naive.seen["the hedge won"] == naive.seen["left the line"] == 1


def test_a_first_token_at_the_very_moment_spares_the_hedge() -> None:
    for after_s, attempts in ((0.75, 2), (1.0, 1), (1.25, 1)):
        naive = ran(fleet(), [Client(hedge=Hedge(after_s))], (0.0, 3))
        expect(naive, attempts=[attempts], finish_s=[3])


def test_the_loser_makes_room_unless_its_server_does_not_notice() -> None:
    # A until 4. B waits from 0.5 on, its hedge from 1.5 on, C from 2 on. B has its token at 5.
    for server_stops, last_s in ((True, 6), (False, 7)):
        hedging = Client(hedge=Hedge(1.0), server_stops=server_stops)
        naive = ran(fleet(), [PATIENT, hedging, PATIENT], (0.0, 4), (0.5, 1), (2.0, 1))
        expect(naive, attempts=[1, 2, 1], dispatched_s=[0, 0.5, 2], finish_s=[4, 5, last_s])


def test_a_loser_in_the_batch_leaves_at_its_next_boundary() -> None:
    # Prompts of 8 in chunks of 4, steps of 1 s. B's first attempt is behind A on replica 0, which
    # is prefilled in [0, 2]; B's runs there in [2, 4]. The hedge, of 1.5, is on replica 1 in
    # [1.5, 3.5], and wins. C takes the place on replica 0 at 4.
    engine = profile(max_num_seqs=1, max_num_batched_tokens=4)
    clients = [PATIENT, Client(hedge=Hedge(1.5)), PATIENT]
    naive = plane(fleet(engine), clients, (0.0, 1), (0.0, 2), (3.0, 1), prompt=8)
    naive.advance(1.0)
    naive.add(0)
    naive.advance(2.5)
    naive.drain(1)
    naive.advance(END_S)
    expect(naive, replica=[0, 1, 0], first_token_s=[2, 3.5, 6], finish_s=[2, 4.5, 6])
    assert naive.seen["stopped while running"] == 1


def test_of_two_attempts_in_one_step_the_first_in_line_wins() -> None:
    # Both are prefilled in [2, 3], and decode from there on: one of them for nobody.
    engine = profile(max_num_seqs=2)
    hedging = Client(hedge=Hedge(0.5), server_stops=False)
    naive = ran(fleet(engine), [PATIENT, PATIENT, hedging], (0.0, 2), (0.0, 2), (1.0, 3))
    expect(naive, attempts=[1, 1, 2], dispatched_s=[0, 0, 1], first_token_s=[1, 1, 3])
    assert (naive.seen["the hedge lost"], naive.seen["orphaned"]) == (1, 1)


def test_each_of_two_has_its_time_limit_and_only_the_last_to_be_lost_is_made_again() -> None:
    # A until 9. B is sent at 0, 2.5, 5.5, 9.5, hedged half a second later each, lost 1.5 s after
    # each sending: retries follow the loss of the hedges at 2, 4.5, 7.5 by 0.5, 1, 2 s.
    client = retrying(ttft_timeout_s=1.5, hedge=Hedge(0.5))
    naive = ran(fleet(), [PATIENT, client], (0.0, 9), (0.0, 1))
    expect(naive, attempts=[1, 8], hedges=[0, 4], dispatched_s=[0, 9.5], finish_s=[9, 10.5])
    assert naive.seen["lost one of two"] == naive.seen["retried"] == 3


def test_a_hedge_is_the_last_attempt_if_it_is_lost_last() -> None:
    naive = ran(fleet(), [PATIENT, Client(timeout_s=1.5, hedge=Hedge(0.5))], (0.0, 9), (0.0, 1))
    expect(naive, dispatched_s=[0, 0.5], status=[COMPLETED, TIMED_OUT], finish_s=[9, 2])


def test_a_hedge_takes_the_cost_of_a_retry_from_the_budget() -> None:
    # A until 9. With one token there is a hedge, lost at 2.5, and no retry; with less, neither.
    for capacity, attempts, finish_s in ((1.0, 2, 2.5), (0.5, 1, 2.0)):
        budget = RetryBudget(capacity, timeout_cost=0.75)
        client = retrying(ttft_timeout_s=2.0, hedge=Hedge(0.5), retry={"budget": budget})
        naive = ran(fleet(), [PATIENT, client], (0.0, 9), (0.0, 1))
        expect(naive, attempts=[1, attempts], finish_s=[9, finish_s])


def test_a_hedge_that_is_rejected_does_no_harm() -> None:
    naive = ran(fleet(max_queue=1), [PATIENT, retrying(hedge=Hedge(0.5))], (0.0, 3), (0.0, 1))
    expect(naive, status=[COMPLETED, COMPLETED], attempts=[1, 2], dispatched_s=[0, 0])
    expect(naive, finish_s=[3, 4])


def test_a_user_who_leaves_leaves_both() -> None:
    # A until 9, then C at once. B, first in line, leaves at 2.
    clients = [PATIENT, Client(hedge=Hedge(0.5)), PATIENT]
    naive = ran(fleet(), clients, (0.0, 9), (0.0, 1), (1.0, 1), patience_s=[99, 2, 99])
    expect(naive, attempts=[1, 2, 1], dispatched_s=[0, 0, 1], finish_s=[9, 2, 10])
    assert naive.seen["left the line"] == 2


def test_two_that_die_together_are_made_again_once() -> None:
    naive = plane(fleet(), [PATIENT, retrying(hedge=Hedge(0.5))], (0.0, 9), (0.0, 1))
    naive.advance(1.0)
    naive.add(0)
    naive.kill(0)
    naive.advance(END_S)  # sent again at 1.5, hedged at 2, first token at 2.5
    expect(naive, attempts=[1, 4], status=[status.FAILED, COMPLETED], finish_s=[1, 2.5])
    assert (naive.seen["lost one of two"], naive.seen["retried"]) == (1, 1)


def test_two_that_die_together_are_both_sent_again_by_their_gateway() -> None:
    # At 1 the waiting two come to replica 1, one behind the other, then A.
    hedging = Client(hedge=Hedge(0.5))
    naive = plane(fleet(on_loss="resend"), [PATIENT, hedging], (0.0, 9), (0.0, 1))
    naive.advance(1.0)
    naive.add(0)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, attempts=[1, 2], dispatched_s=[1, 1], finish_s=[11, 2])
    assert naive.seen["resent"] == 3


# Limits


def test_a_workload_has_no_more_attempts_in_a_pool_than_its_limit() -> None:
    # Room for 4, but for 2 of this workload: C is rejected; at 2 A is gone and D comes in.
    naive = served(
        fleet(profile(max_num_seqs=4)),
        *[(0.0, 1, 2), (0.25, 1, 5), (0.5, 1, 1), (2.0, 1, 1), (2.25, 1, 1)],
        max_concurrency=2,
    )
    expect(naive, status=[COMPLETED, COMPLETED, REJECTED, REJECTED, COMPLETED])
    expect(naive, replica=[0, 0, -1, -1, 0])


def test_who_hangs_up_counts_until_the_server_is_rid_of_it() -> None:
    # A hangs up at 1.5. A server that notices is rid of it at 2, else at 5.
    late = [(1.75, 1, 1), (2.25, 1, 1), (5.25, 1, 1)]
    for server_stops, fates in (
        (True, [TIMED_OUT, REJECTED, COMPLETED, COMPLETED]),
        (False, [TIMED_OUT, REJECTED, REJECTED, COMPLETED]),
    ):
        client = Client(timeout_s=1.5, server_stops=server_stops)
        naive = served(fleet(), (0.0, 1, 5), *late, client=client, max_concurrency=1)
        expect(naive, status=fates)


def limited(
    pool_: GpuPool, limits: list[float], *requests: tuple[float, int, int], **hedge: Hedge
) -> NaiveDataPlane:
    """After requests of (arrival, output tokens, workload), of workloads with limits."""
    clients = [PATIENT, Client(**hedge)]
    naive = NaiveDataPlane([pool_], [0, 0], KEY, clients, max_concurrency=limits)
    arrival_s, output, workload = zip(*requests, strict=True)
    naive.feed(arrival_s, [1] * len(output), output, workload)
    naive.advance(END_S)
    return naive


def test_what_is_held_counts_and_other_workloads_do_not() -> None:
    # One runs at a time; of workload 0 two may be there. B is held, C rejected, D held.
    requests = [(0.0, 3, 0), (0.0, 1, 0), (0.0, 1, 0), (0.0, 1, 1)]
    naive = limited(fleet(replica_limit=1), [2, 2], *requests)
    expect(naive, status=[COMPLETED, COMPLETED, REJECTED, COMPLETED], finish_s=[3, 4, 0, 5])


def test_a_hedge_needs_a_place_of_its_own() -> None:
    # C, behind A on replica 0, has a hedge at 1.5 if two of its workload may be there.
    requests = [(0.0, 4, 0), (0.0, 2, 0), (1.0, 1, 1)]
    for limit, replica, finish_s in ((1, 0, 5), (2, 1, 3)):
        naive = limited(fleet(replicas=2), [9, limit], *requests, hedge=Hedge(0.5))
        expect(naive, attempts=[1, 1, 2], replica=[0, 1, replica], finish_s=[4, 2, finish_s])


def test_a_resend_has_the_place_that_it_had() -> None:
    naive = NaiveDataPlane([fleet(replicas=2, on_loss="resend")], [0], max_concurrency=[1])
    naive.feed([0.0], [1], [3], [0])
    naive.advance(0.5)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, status=[COMPLETED], replica=[1], finish_s=[3.5])
