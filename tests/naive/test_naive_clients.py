"""Clients of the naive simulator against cases worked out by hand: limits, patience, retries."""

from math import nan

import numpy as np
import numpy.typing as npt
import pytest
from fleets import END_S, profile

from naive.data_plane import NaiveDataPlane
from naive.runs import KEY, PATIENT, expect, fleet, ran, retrying
from sim.engine.state import status
from sim.engine.state.hashing import uniform
from sim.model.client import RETRIES, Client, RetryBudget

COMPLETED = status.COMPLETED
TIMED_OUT = status.TIMED_OUT
REJECTED = status.REJECTED
GAVE_UP = status.GAVE_UP

# Time limits


def test_a_request_that_times_out_while_it_waits_leaves_the_line_at_once() -> None:
    # A holds the only place in [0, 4]. B came at 0.5 and leaves at 2.5, so that C is next, at 4.
    clients = [PATIENT, Client(ttft_timeout_s=2.0), PATIENT]
    naive = ran(fleet(), clients, (0.0, 4), (0.5, 1), (1.0, 1))
    expect(
        naive,
        status=[COMPLETED, TIMED_OUT, COMPLETED],
        admitted_s=[0, nan, 4],
        finish_s=[4, 2.5, 5],
        attempts=[1, 1, 1],
    )


def test_who_leaves_the_front_end_has_used_it() -> None:
    # 1 s each in the front end. B, in it since 0, leaves at 0.5; C's second begins at 2 all the
    # same.
    engine = profile(frontend_s_per_request=1.0)
    clients = [PATIENT, Client(ttft_timeout_s=0.5), PATIENT]
    naive = ran(fleet(engine), clients, (0.0, 1), (0.0, 1), (0.25, 1))
    expect(naive, status=[COMPLETED, TIMED_OUT, COMPLETED], ready_s=[1, 2, 3], finish_s=[2, 0.5, 4])


def test_a_request_that_times_out_while_it_decodes_leaves_at_the_next_boundary() -> None:
    # A times out at 2.5 in the step [2, 3]; B takes its place at 3.
    naive = ran(fleet(), [Client(timeout_s=2.5), PATIENT], (0.0, 9), (0.25, 1))
    expect(
        naive,
        status=[TIMED_OUT, COMPLETED],
        admitted_s=[0, 3],
        first_token_s=[1, 4],
        finish_s=[2.5, 4],
    )


def test_a_server_that_does_not_notice_works_on_for_nobody() -> None:
    # As before, but A's 5 tokens are all made: B's turn comes at 5.
    client = Client(timeout_s=2.5, server_stops=False)
    naive = ran(fleet(), [client, PATIENT], (0.0, 5), (0.25, 1))
    expect(naive, status=[TIMED_OUT, COMPLETED], admitted_s=[0, 5], finish_s=[2.5, 6])


def test_an_orphan_that_waits_has_its_turn_and_leaves_no_trace_on_the_request() -> None:
    # B gives up waiting at 2, is served in [3, 5] for nobody, and C in [5, 6].
    client = Client(ttft_timeout_s=2.0, server_stops=False)
    naive = ran(fleet(), [PATIENT, client, PATIENT], (0.0, 3), (0.0, 2), (0.0, 1))
    expect(
        naive,
        status=[COMPLETED, TIMED_OUT, COMPLETED],
        admitted_s=[0, nan, 5],
        first_token_s=[1, nan, 6],
        finish_s=[3, 2, 6],
    )


def test_a_prefill_is_stopped_between_its_chunks() -> None:
    # Budget 4, prompts of 10: chunks end at 1, 2, 3. A leaves at 1.5, in the second; B begins at 2
    # and has its first and only token at 5.
    engine = profile(max_num_batched_tokens=4, max_num_seqs=1)
    clients = [Client(ttft_timeout_s=1.5), PATIENT]
    naive = ran(fleet(engine), clients, (0.0, 5), (0.0, 1), prompt=10)
    expect(naive, status=[TIMED_OUT, COMPLETED], admitted_s=[0, 2], finish_s=[1.5, 5])


def test_a_prefill_that_ends_after_the_time_limit_yields_no_token_to_anybody() -> None:
    # A leaves at 2.5, in its last chunk: it would decode from 3 on, where B begins instead.
    engine = profile(max_num_batched_tokens=4, max_num_seqs=1)
    clients = [Client(ttft_timeout_s=2.5), PATIENT]
    naive = ran(fleet(engine), clients, (0.0, 5), (0.0, 1), prompt=10)
    expect(naive, first_token_s=[nan, 6], admitted_s=[0, 3], finish_s=[2.5, 6])


def test_a_token_at_the_very_deadline_counts() -> None:
    clients = [Client(ttft_timeout_s=1.0), Client(timeout_s=2.0), Client(timeout_s=1.75)]
    naive = ran(fleet(profile()), clients, (0.0, 2), (0.0, 2), (0.0, 2))
    expect(naive, status=[COMPLETED, COMPLETED, TIMED_OUT], finish_s=[2, 2, 1.75])


def test_a_time_limit_runs_from_each_sending() -> None:
    # A holds the place in [0, 4]. B, sent at 0, is lost at 1.5; sent again at 2, lost at 3.5; sent
    # a third time after 1 s, at 4.5, when the place is free.
    naive = ran(fleet(), [PATIENT, retrying(ttft_timeout_s=1.5)], (0.0, 4), (0.0, 1))
    expect(naive, attempts=[1, 3], dispatched_s=[0, 4.5], finish_s=[4, 5.5])
    assert naive.seen["retried"] == 2


def test_a_retry_may_stand_behind_its_own_orphan() -> None:
    # The server works on: the attempt of 0 is lost at 1.5 in its step [1, 2], and blocks the place
    # until its last token at 3. The retry, of 2, waits from 2 to 3 and is lost at 3.5.
    client = retrying(timeout_s=1.5, server_stops=False, retry={"max_retries": 1})
    naive = ran(fleet(), [client], (0.0, 3))
    expect(
        naive, attempts=[2], dispatched_s=[2], admitted_s=[3], finish_s=[3.5], status=[TIMED_OUT]
    )


# Patience


def test_a_user_leaves_the_line_when_patience_ends() -> None:
    naive = ran(fleet(), [PATIENT] * 3, (0.0, 4), (0.5, 1), (1.0, 1), patience_s=[9, 2, 9])
    expect(
        naive, status=[COMPLETED, GAVE_UP, COMPLETED], admitted_s=[0, nan, 4], finish_s=[4, 2.5, 5]
    )


def test_a_user_who_sees_the_answer_begin_stays() -> None:
    naive = ran(fleet(profile()), [PATIENT] * 2, (0.0, 4), (0.0, 4), patience_s=[0.75, 1.25])
    expect(naive, status=[GAVE_UP, COMPLETED], first_token_s=[nan, 1], finish_s=[0.75, 4])


def test_a_token_at_the_very_end_of_patience_is_in_time_as_at_a_deadline() -> None:
    clients = [PATIENT, Client(ttft_timeout_s=1.0)]
    naive = ran(fleet(profile()), clients, (0.0, 4), (0.0, 4), patience_s=[1.0, 9])
    expect(naive, status=[COMPLETED, COMPLETED], first_token_s=[1, 1], finish_s=[4, 4])


def test_patience_lasts_over_all_attempts_and_the_waits_between_them() -> None:
    # No waiting room. B is rejected at 0, 0.5, 1.5 and gives up at 3, while it waits to try at 3.5.
    naive = ran(fleet(max_queue=0), [PATIENT, retrying()], (0.0, 9), (0.0, 1), patience_s=[9, 3])
    expect(naive, status=[COMPLETED, GAVE_UP], attempts=[1, 3], finish_s=[9, 3])


# Retries


def test_delays_double_up_to_the_cap() -> None:
    # Rejected at 1; again after 0.5, 1 and the cap of 1.5.
    client = retrying(retry={"cap_s": 1.5})
    naive = ran(fleet(max_queue=0), [PATIENT, client], (0.0, 9), (1.0, 1))
    expect(naive, status=[COMPLETED, REJECTED], attempts=[1, 4], finish_s=[9, 4.0], replica=[0, -1])


@pytest.mark.parametrize("jitter", ["shorten", "full"])
def test_jitter_is_drawn_by_the_serial_number_of_the_lost_attempt(jitter: str) -> None:
    # A is attempt 0. B is attempts 1 and 2, lost at 1 and one delay later, and 3.
    client = retrying(retry={"jitter": jitter, "max_retries": 2})
    naive = ran(fleet(max_queue=0), [PATIENT, client], (0.0, 9), (1.0, 1))
    u = [uniform(np.uint64(KEY ^ 0x9E3779B9), serial, 7) for serial in (1, 2)]
    share = [1 - 0.25 * u for u in u] if jitter == "shorten" else u
    expect(naive, finish_s=[9, 1 + 0.5 * share[0] + 1.0 * share[1]])


def test_only_the_losses_that_the_client_tries_again_are_tried_again() -> None:
    never = {"after_timeout": False, "after_rejection": False, "after_failure": False}
    for spared, expected in (("after_timeout", [2, 1, 1]), ("after_rejection", [1, 2, 1])):
        retry = {**never, spared: True, "max_retries": 1}
        clients = [retrying(timeout_s=1.5, retry=retry), retrying(retry=retry), PATIENT]
        naive = ran(fleet(max_queue=0), clients, (0.0, 9), (0.5, 1), (20.0, 1))
        expect(naive, attempts=expected)


def test_too_long_a_prompt_is_not_sent_again() -> None:
    naive = ran(fleet(profile(max_model_len=4)), [retrying()], (2.0, 1), prompt=4)
    expect(naive, status=[REJECTED], attempts=[1], finish_s=[2], replica=[-1])


def test_a_retry_after_replaces_the_delay() -> None:
    # Rejected at 1, 4, 7; the place is free at 10, but C has it from 9.5 on.
    client = retrying(retry={"retry_after_limit_s": 3.0})
    gateway = {"max_queue": 0, "retry_after_s": 3.0}
    naive = ran(fleet(**gateway), [PATIENT, client, PATIENT], (0.0, 9), (1.0, 1), (9.5, 5))
    expect(
        naive, status=[COMPLETED, REJECTED, COMPLETED], attempts=[1, 4, 1], finish_s=[9, 10, 14.5]
    )


@pytest.mark.parametrize(
    ("beyond_limit", "attempts", "finish_s"), [("give_up", 1, 1.0), ("back_off", 4, 4.5)]
)
def test_a_retry_after_beyond_the_limit(beyond_limit: str, attempts: int, finish_s: float) -> None:
    retry = {"retry_after_limit_s": 2.0, "beyond_limit": beyond_limit}
    gateway = {"max_queue": 0, "retry_after_s": 3.0}
    naive = ran(fleet(**gateway), [PATIENT, retrying(retry=retry)], (0.0, 9), (1.0, 1))
    expect(naive, attempts=[1, attempts], finish_s=[9, finish_s], status=[COMPLETED, REJECTED])


def test_a_retry_after_says_nothing_after_a_timeout() -> None:
    client = retrying(timeout_s=1.5, retry={"max_retries": 1, "retry_after_limit_s": 9.0})
    naive = ran(fleet(retry_after_s=5.0), [client], (0.0, 9))
    expect(naive, attempts=[2], dispatched_s=[2], finish_s=[3.5])


def test_the_presets_are_those_of_the_clients_they_are_named_after() -> None:
    # A Retry-After of 90 s: OpenAI's client heeds it; Anthropic's and AWS's back off as usual.
    heeding = {"openai-sdk": (91.0, 181.0), "anthropic-sdk": (1.375, 3.5), "aws-standard": (1, 4)}
    for name, (least_s, most_s) in heeding.items():
        client = Client(retry=RETRIES[name])
        gateway = {"max_queue": 0, "retry_after_s": 90.0}
        naive = ran(fleet(**gateway), [PATIENT, client], (0.0, 999), (1.0, 1))
        assert naive.column("attempts")[1] == 3, name
        assert least_s <= naive.column("finish_s")[1] <= most_s, name


# Budgets


def budgeted(*requests: tuple[float, int], **budget: float) -> NaiveDataPlane:
    """One place, held by a patient user for 9 s; the requests share a client and its budget."""
    client = retrying(timeout_s=20.0, retry={"budget": RetryBudget(**budget)})  # type: ignore[arg-type]
    naive = NaiveDataPlane([fleet(max_queue=0)], [0, 0], KEY, [PATIENT, client])
    arrival_s, output = zip((0.0, 9), *requests, strict=True)
    naive.feed(arrival_s, [1] * len(output), output, [0] + [1] * len(requests))
    naive.advance(END_S)
    return naive


def test_without_budget_no_retry_is_made() -> None:
    # One token: B's first retry takes it; C, and B's second at 1.5, find none.
    naive = budgeted((1.0, 1), (1.25, 1), capacity=1.0)
    expect(naive, attempts=[1, 2, 1], finish_s=[9, 1.5, 1.25])


def test_first_attempts_fill_the_budget_before_they_are_lost() -> None:
    # B takes 1 of 1. C puts back a half, which is not enough; so does D, and takes 1. At 2.5 D has
    # nothing left.
    naive = budgeted((1.0, 1), (1.25, 1), (2.0, 1), capacity=1.0, per_request=0.5)
    expect(naive, attempts=[1, 2, 1, 2], finish_s=[9, 1.5, 1.25, 2.5])


def test_the_budget_holds_no_more_than_its_capacity() -> None:
    # Each first attempt would put back 5, but 1 is the most: B's second retry finds nothing.
    naive = budgeted((1.0, 1), capacity=1.0, per_request=5.0)
    expect(naive, attempts=[1, 2])


def test_successes_fill_the_budget_and_a_timeout_costs_its_own_price() -> None:
    # One replica with one place, a budget of 2, and 2 for a timeout. A is lost at 1.5, pays 2, and
    # is sent again at 2, lost at 3.5, with nothing to pay with. B completes and puts back 2, with
    # which C is sent again: sent 10, lost 11.5, sent 12, lost 13.5.
    budget = RetryBudget(capacity=2.0, cost=1.0, timeout_cost=2.0, per_success=2.0)
    client = retrying(timeout_s=1.5, retry={"budget": budget})
    naive = NaiveDataPlane([fleet()], [0], KEY, [client])
    naive.feed([0.0, 5.0, 10.0], [1] * 3, [9, 1, 9], [0] * 3)
    naive.advance(END_S)
    expect(naive, attempts=[2, 1, 2], finish_s=[3.5, 6, 13.5])


# Sample paths


def test_a_server_without_waiting_room_takes_whom_it_can_on_a_sample_path() -> None:
    """M/G/1/1 with many requests: whoever finds the server free is served, all others lost."""
    rng = np.random.default_rng(7)
    n, step_s = 2_000, 0.1
    arrival_s = np.cumsum(rng.exponential(1.0, n))
    output = rng.geometric(step_s, n)  # mean service time 1 s
    naive = one_server(step_s, arrival_s, output, Client(), max_queue=0)
    free_s, served = 0.0, []
    for at_s, takes_s in zip(arrival_s.tolist(), (output * step_s).tolist(), strict=True):
        served.append(at_s > free_s)
        free_s = at_s + takes_s if served[-1] else free_s
    assert 800 < sum(served) < 1_200
    np.testing.assert_array_equal(naive.column("status") == COMPLETED, served)


def test_a_queue_with_a_time_limit_serves_whom_it_can_on_a_sample_path() -> None:
    """M/G/1+D: whoever waits too long takes no service, whose first token is late a step."""
    rng = np.random.default_rng(8)
    n, step_s, limit_s = 2_000, 0.1, 1.5
    arrival_s = np.cumsum(rng.exponential(0.8, n))
    output = rng.geometric(step_s, n)
    naive = one_server(step_s, arrival_s, output, Client(ttft_timeout_s=limit_s))
    free_s, served, stopped = 0.0, [], 0
    for at_s, takes_s in zip(arrival_s.tolist(), (output * step_s).tolist(), strict=True):
        start_s = max(at_s, free_s)
        is_admitted, is_served = start_s < at_s + limit_s, start_s + step_s <= at_s + limit_s
        free_s = start_s + (takes_s if is_served else step_s) if is_admitted else free_s
        served.append(is_served)
        stopped += is_admitted and not is_served
    assert 0.4 * n < sum(served) < 0.8 * n
    np.testing.assert_array_equal(naive.column("status") == COMPLETED, served)
    assert naive.seen["stopped while running"] == stopped > 20


def one_server(
    step_s: float,
    arrival_s: npt.NDArray[np.float64],
    output: npt.NDArray[np.int64],
    client: Client,
    **gateway: float,
) -> NaiveDataPlane:
    engine = profile(step_base_s=(step_s,), max_num_seqs=1)
    naive = NaiveDataPlane([fleet(engine, **gateway)], [0], KEY, [client])
    n = len(output)
    naive.feed(arrival_s.tolist(), [1] * n, output.tolist(), [0] * n)
    naive.advance(END_S)
    return naive
