"""Gateways of the naive simulator against cases worked out by hand: rooms, lines, lost replicas."""

from math import nan

import pytest
from fleets import END_S, pool, profile

from naive.runs import ONE_PLACE, PATIENT, expect, fleet, plane, ran, retrying
from sim.engine.state import status
from sim.model.client import Client
from sim.model.gateway import Gateway

COMPLETED = status.COMPLETED
TIMED_OUT = status.TIMED_OUT
REJECTED = status.REJECTED
FAILED = status.FAILED
IN_FLIGHT = status.IN_FLIGHT

# The gateway


def test_a_gateway_without_waiting_room_rejects_what_cannot_run_at_once() -> None:
    engine = profile(max_num_seqs=2)
    naive = ran(fleet(engine, max_queue=0), [PATIENT] * 3, *[(0.0, 1)] * 3)
    expect(naive, status=[COMPLETED, COMPLETED, REJECTED], finish_s=[1, 1, 0])


def test_a_waiting_room_is_the_pool_s_and_counts_its_orphans() -> None:
    # Two places and one to wait in. A is lost at 0.5 but works on until 9; B is in its place; C
    # waits; D is rejected at 1. B is done at 2, so that C runs and E may wait at 2.5.
    clients = [Client(timeout_s=0.5, server_stops=False), *[PATIENT] * 4]
    requests = [(0.0, 9), (0.0, 2), (0.75, 9), (1.0, 1), (2.5, 1)]
    naive = ran(fleet(replicas=2, max_queue=1), clients, *requests)
    expect(naive, status=[TIMED_OUT, COMPLETED, COMPLETED, REJECTED, COMPLETED])


def test_a_central_queue_is_served_by_priority_then_in_order() -> None:
    # One at a time: A in [0, 2]. C and D, first in rank, come before B.
    naive = ran(
        fleet(replica_limit=1),
        [PATIENT] * 4,
        *[(0.0, 2), (0.25, 1), (0.5, 1), (0.75, 1)],
        priorities=[1, 1, 0, 0],
    )
    expect(naive, dispatched_s=[0, 4, 2, 3], finish_s=[2, 5, 3, 4])


def test_the_next_in_line_joins_the_step_that_begins_when_room_is_made() -> None:
    # Two at a time. A ends at 2: C is handed over and admitted there, beside B's decode.
    engine = profile(max_num_seqs=2)
    naive = ran(fleet(engine, replica_limit=2), [PATIENT] * 3, (0.0, 2), (0.0, 4), (0.5, 1))
    expect(naive, dispatched_s=[0, 0, 2], admitted_s=[0, 0, 2], finish_s=[2, 4, 3])


def test_the_next_in_line_goes_through_the_front_end_when_its_turn_comes() -> None:
    engine = profile(max_num_seqs=1, overhead_s=0.25)
    naive = ran(fleet(engine, replica_limit=1), [PATIENT] * 2, (0.0, 2), (0.0, 1))
    expect(naive, dispatched_s=[0, 2.25], ready_s=[0.25, 2.5], finish_s=[2.25, 3.5])


def test_a_limited_replica_is_the_least_loaded_whatever_the_router() -> None:
    central = pool(ONE_PLACE, 3, "round_robin", gateway=Gateway(replica_limit=2))
    naive = ran(central, [PATIENT] * 4, *[(0.0, 9), (1.5, 1), (3.5, 1), (5.5, 1)])
    expect(naive, replica=[0, 1, 2, 1])  # the first is busy, the others take turns


def test_who_leaves_a_replica_s_line_makes_room_for_the_next_at_the_gateway() -> None:
    # Limit 2: A runs, B waits on the replica, C at the gateway. B leaves at 1.5: C is handed over.
    clients = [PATIENT, Client(timeout_s=1.5), PATIENT]
    naive = ran(fleet(replica_limit=2), clients, (0.0, 4), (0.0, 1), (0.0, 1))
    expect(naive, dispatched_s=[0, 0, 1.5], finish_s=[4, 1.5, 5])


@pytest.mark.parametrize("server_stops", [True, False])
def test_who_leaves_the_gateway_s_line_is_gone_at_once(server_stops: bool) -> None:
    # B, held, leaves at 1.5, whether servers notice or not. C came when one might wait.
    clients = [PATIENT, Client(timeout_s=1.5, server_stops=server_stops), PATIENT]
    naive = ran(fleet(replica_limit=1, max_queue=1), clients, (0.0, 4), (0.0, 1), (2.0, 1))
    expect(naive, status=[COMPLETED, TIMED_OUT, COMPLETED], dispatched_s=[0, nan, 4])


def test_a_pool_without_replicas_holds_requests_and_says_so_once() -> None:
    # Held at 1 and 2; a replica with one place comes at 3 and is given both: it has no limit.
    naive = plane(fleet(replicas=0, holds=True), [PATIENT] * 2, (1.0, 1), (2.0, 1))
    assert naive.advance(10.0) == status.REQUEST_HELD
    assert (naive.now_s, naive.held) == (1.0, 0)
    expect(naive, status=[IN_FLIGHT], replica=[-1])
    assert naive.advance(3.0) == status.REACHED
    naive.add(0)
    assert naive.advance(END_S) == status.REACHED
    expect(naive, dispatched_s=[3, 3], finish_s=[4, 5])


def test_an_added_replica_takes_over_up_to_its_limit() -> None:
    gateway = {"holds": True, "replica_limit": 1}
    naive = plane(fleet(replicas=0, **gateway), [PATIENT] * 3, *[(0.0, 2)] * 3)
    assert naive.advance(1.0) == status.REQUEST_HELD
    assert naive.advance(1.0) == status.REACHED
    naive.add(0)
    naive.advance(1.5)
    naive.add(0)
    naive.advance(END_S)
    expect(naive, dispatched_s=[1, 1.5, 3], replica=[0, 1, 0], finish_s=[3, 3.5, 5])


def test_a_pool_that_holds_without_replicas_has_only_its_waiting_room() -> None:
    naive = plane(fleet(replicas=0, holds=True, max_queue=1), [PATIENT] * 2, *[(0.0, 1)] * 2)
    assert naive.advance(1.0) == status.REQUEST_HELD
    assert naive.advance(1.0) == status.REACHED
    expect(naive, status=[IN_FLIGHT, REJECTED])


def test_a_pool_without_replicas_that_does_not_hold_rejects() -> None:
    naive = ran(fleet(replicas=0), [retrying()], (0.0, 1))
    expect(naive, status=[REJECTED], attempts=[4], finish_s=[3.5])


# A replica dies


def test_what_dies_with_a_replica_is_sent_again_by_the_client() -> None:
    # A, on replica 0, has two tokens at 2.5, when it dies. Half a second later it starts anew.
    naive = plane(fleet(replicas=2), [retrying()], (0.0, 4))
    naive.advance(2.5)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, replica=[1], attempts=[2], dispatched_s=[3], first_token_s=[4], finish_s=[7])


def test_without_retries_what_dies_with_a_replica_has_failed() -> None:
    naive = plane(fleet(replicas=2), [PATIENT], (0.0, 4))
    naive.advance(2.5)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, status=[FAILED], finish_s=[2.5], first_token_s=[1], replica=[0])


def test_a_gateway_that_resends_spares_the_client_all_but_the_delay() -> None:
    # The client saw the first token at 1, and waits for the four of the other replica, from 2.5 on.
    naive = plane(fleet(replicas=2, on_loss="resend"), [Client(ttft_timeout_s=3.0)], (0.0, 4))
    naive.advance(2.5)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, replica=[1], attempts=[1], dispatched_s=[2.5], ready_s=[2.5], finish_s=[6.5])
    expect(naive, admitted_s=[0], first_token_s=[1])


def test_time_limits_go_on_over_a_resend() -> None:
    # Before its first token A is taken to the other replica at 0.5, where it would come at 1.5.
    naive = plane(fleet(replicas=2, on_loss="resend"), [Client(ttft_timeout_s=1.25)], (0.0, 4))
    naive.advance(0.5)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, status=[TIMED_OUT], replica=[1], finish_s=[1.25])


def test_a_resent_request_may_be_rejected_and_is_then_tried_again_by_the_client() -> None:
    # The other replica is busy until 9, and nobody may wait: rejected at 2.5, 3, 4, 6.
    gateway = {"on_loss": "resend", "max_queue": 0}
    naive = plane(fleet(replicas=2, **gateway), [PATIENT, retrying()], (0.0, 9), (0.0, 9))
    naive.advance(2.5)
    naive.kill(1)
    naive.advance(END_S)
    expect(naive, status=[COMPLETED, REJECTED], attempts=[1, 4], finish_s=[9, 6])


def test_what_a_dying_replica_had_is_resent_in_its_order() -> None:
    # Two places, a budget of 4, steps from 0.125 on. A is prefilled by 4, 4, 2 tokens until 3.125,
    # B by 2 in the last of these; at 3.5 A decodes, B is amid its prefill, C and D wait. Replica 1
    # is handed C, D, B, A, each 0.125 s through its front end.
    engine = profile(max_num_seqs=2, max_num_batched_tokens=4, frontend_s_per_request=0.125)
    naive = plane(fleet(engine, on_loss="resend"), [PATIENT] * 4, *[(0.0, 9)] * 4, prompt=10)
    naive.advance(3.5)
    naive.add(0)
    naive.kill(0)
    expect(naive, ready_s=[4.0, 3.875, 3.625, 3.75])


def test_a_resend_to_a_pool_that_has_lost_its_last_replica_is_held() -> None:
    naive = plane(fleet(holds=True, on_loss="resend"), [PATIENT], (0.0, 2))
    naive.advance(1.5)
    naive.kill(0)
    assert naive.advance(3.0) == status.REQUEST_HELD
    assert naive.advance(3.0) == status.REACHED
    naive.add(0)
    naive.advance(END_S)
    expect(naive, dispatched_s=[3], first_token_s=[1], finish_s=[5], attempts=[1])


def test_orphans_die_in_silence() -> None:
    client = Client(timeout_s=1.5, server_stops=False)
    naive = plane(fleet(on_loss="resend"), [client], (0.0, 9))
    naive.advance(2.5)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, status=[TIMED_OUT], finish_s=[1.5], attempts=[1])
