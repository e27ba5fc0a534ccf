"""Managed backends of the naive simulator against cases worked out by hand.

Unless said otherwise a first token comes 2 s after it is asked for, and each further one 1 s later.
"""

import math

import numpy as np
import pytest

from naive.attempt import Attempt
from naive.managed import Managed
from naive.runs import KEY, api, asked, chains, expect, retrying, routed, to, used
from sim.engine.state import status
from sim.engine.state.backend_record import LONG, PROVISIONED
from sim.engine.state.hashing import uniform
from sim.model.client import Client
from sim.model.distributions import Constant, LogNormal, Uniform
from sim.model.managed import ALL_DAY, ManagedApi, Pace, PromptCaching, Provisioned, Quota
from sim.model.price import TokenPrice

COMPLETED = status.COMPLETED
TIMED_OUT = status.TIMED_OUT
REJECTED = status.REJECTED
FAILED = status.FAILED

OBEDIENT = retrying(retry={"retry_after_limit_s": 1e6})
"""Comes back when it is told to; otherwise after half a second, one, two."""


def alone(backend: ManagedApi, *requests, client: Client = Client(), **options):  # noqa: B008
    """After requests to one backend and nothing else."""
    fed = {name: options.pop(name) for name in ("chains", "patience_s") if name in options}
    return asked(routed([backend], to("api"), client, **options), *requests, **fed)


# Pace


def test_answers_come_at_their_pace_whoever_else_is_served() -> None:
    naive = alone(api(), (0.0, 1, 3), (0.0, 9, 1), (0.5, 1, 2))
    expect(naive, first_token_s=[2, 2, 2.5], finish_s=[4, 2, 3.5], dispatched_s=[0, 0, 0.5])
    expect(naive, ready_s=[0, 0, 0.5], admitted_s=[0, 0, 0.5], replica=[-1, -1, -1])


def test_what_is_not_cached_of_a_prompt_takes_its_time() -> None:
    pace = Pace(Constant(2.0), Constant(1.0), ttft_s_per_prompt_token=0.1)
    expect(alone(api(pace=pace), (0.0, 10, 1)), first_token_s=[3], cached_tokens=[0])
    naive = alone(api(pace=pace), (0.0, 10, 1), prefix_hit_rate=0.59)
    expect(naive, first_token_s=[2.5], cached_tokens=[5])
    assert used(naive, 0)["cached_tokens"] == 5


def test_the_last_token_of_a_prompt_is_never_cached() -> None:
    expect(alone(api(), (0.0, 10, 1), (0.0, 1, 1), prefix_hit_rate=1.0), cached_tokens=[9, 0])


def test_the_hour_in_which_an_attempt_is_sent_sets_its_pace() -> None:
    slow, fast = (*ALL_DAY[:23], 3.0), (2.0, *ALL_DAY[1:])
    pace = Pace(Constant(2.0), Constant(1.0), 0.1, ttft_by_hour=slow, speed_by_hour=fast)
    # Half a second before midnight the first token takes 6 s, then it takes 2 s and a token 0.5 s.
    naive = alone(api(pace=pace), (0.0, 10, 3), (0.5, 10, 3), day_start_s=86_399.5)
    expect(naive, first_token_s=[7, 3.5], finish_s=[9, 4.5])


def test_paces_are_drawn_for_each_attempt_from_the_laws() -> None:
    ttft, speed = LogNormal(0.0, 0.7), Uniform(5.0, 50.0)
    naive = alone(api(pace=Pace(ttft, speed)), *[(0.0, 1, 2)] * 500)
    key = np.uint64(KEY) ^ np.uint64(0x7715)
    u = np.array([[uniform(key, serial, draw) for serial in range(500)] for draw in (14, 15)])
    first_s, token_s = naive.column("first_token_s"), naive.column("finish_s")
    token_s = token_s - first_s
    inner = (u > 1 / 64) & (u < 1 - 1 / 64)  # the table is coarse in the tails
    np.testing.assert_allclose(first_s[inner[0]], ttft.ppf(u[0])[inner[0]], rtol=1e-3)
    np.testing.assert_allclose(token_s[inner[1]], 1 / speed.ppf(u[1])[inner[1]], rtol=1e-3)
    assert first_s.max() <= ttft.ppf(np.array([1 - 1 / 4096]))[0]


def test_slowness_is_of_the_service_not_of_reading() -> None:
    pace = Pace(Constant(2.0), Constant(1.0), ttft_s_per_prompt_token=0.1)
    naive = routed([api(pace=pace)], to("api"))
    naive.set_slowness(0, 3.0)
    expect(asked(naive, (0.0, 10, 2)), first_token_s=[7], finish_s=[10])


# Errors


def test_errors_are_at_once_and_add_up() -> None:
    naive = routed([api(error_share=0.5)], to("api"))
    naive.set_errors(0, 0.5)
    asked(naive, *[(0.0, 1, 1)] * 400)
    key = np.uint64(KEY) ^ np.uint64(0xE404)
    failed = [uniform(key, serial, 13) < 0.75 for serial in range(400)]
    expect(naive, status=[FAILED if f else COMPLETED for f in failed])
    expect(naive, finish_s=[0 if f else 2 for f in failed])
    assert used(naive, 0)["errors"] == sum(failed)


def test_an_error_takes_nothing_of_the_quota_and_is_made_again() -> None:
    naive = routed([api(quota=Quota(requests_per_min=1))], to("api"), retrying())
    naive.set_errors(0, 1.0)
    asked(naive, (0.0, 1, 1), until_s=0.25)
    naive.set_errors(0, 0.0)
    naive.advance(99.0)
    expect(naive, status=[COMPLETED], attempts=[2], finish_s=[2.5])


# Quotas


def test_who_exceeds_the_rate_of_requests_comes_back_when_there_is_one() -> None:
    # Two at once, then one a second. C is told to come at 1, D, at 0.25, too, but finds C there,
    # and is told to come at 2.
    quota = Quota(requests_per_min=60, burst_s=2.0)
    requests = [(0.0, 1, 1)] * 3 + [(0.25, 1, 1)]
    naive = alone(api(quota=quota), *requests, client=OBEDIENT)
    expect(naive, status=[COMPLETED] * 4, attempts=[1, 1, 2, 3], dispatched_s=[0, 0, 1, 2])
    assert used(naive, 0) == {
        "attempts": 7,
        "rejections": 3,
        "answers": 4,
        "prompt_tokens": 4,
        "output_tokens": 4,
    }


def test_who_does_not_listen_is_rejected_as_often_as_it_comes_too_early() -> None:
    quota = Quota(requests_per_min=20)  # one every 3 s
    naive = alone(api(quota=quota), *[(0.0, 1, 1)] * 21, client=retrying())
    expect(naive, status=[*[COMPLETED] * 20, COMPLETED], attempts=[*[1] * 20, 4])  # at 3.5
    quota = Quota(requests_per_min=15)
    naive = alone(api(quota=quota), *[(0.0, 1, 1)] * 16, client=retrying())
    expect(naive, status=[*[COMPLETED] * 15, REJECTED], attempts=[*[1] * 15, 4])


def test_there_is_always_room_for_one_request() -> None:
    naive = alone(api(quota=Quota(requests_per_min=30, burst_s=1.0)), (0.0, 1, 1), (1.0, 1, 1))
    expect(naive, status=[COMPLETED, REJECTED])


def test_prompts_are_taken_from_the_input_bucket_and_a_full_one_is_enough() -> None:
    # Ten tokens, one a second. 4 are left at 0, 5 at 1; B needs 7, at 3. C needs a full one, at 13,
    # and leaves it at -20; D needs one token, at 34.
    quota = Quota(input_tokens_per_min=60, burst_s=10.0)
    requests = [(0.0, 6, 1), (1.0, 7, 1), (4.0, 30, 1), (14.0, 1, 1)]
    naive = alone(api(quota=quota), *requests, client=OBEDIENT)
    expect(naive, dispatched_s=[0, 3, 13, 34], attempts=[1, 2, 2, 2])


def test_cached_tokens_may_be_free() -> None:
    for free, second_s in ((False, 6.0), (True, 0.0)):
        quota = Quota(input_tokens_per_min=60, burst_s=10.0, cached_is_free=free)
        requests = [(0.0, 8, 1), (0.0, 8, 1)]
        naive = alone(api(quota=quota), *requests, client=OBEDIENT, prefix_hit_rate=0.5)
        expect(naive, dispatched_s=[0, second_s])


def test_the_answer_takes_the_place_of_its_reservation() -> None:
    # Of ten, 4 are reserved for A, which has 9, at 10, just after B has taken 4: 1 is left. C, at
    # 10.5, is told to come at 13. B has 1 and gives 3 back: there are 6 at 12, and D takes 4 at
    # 12.5. C finds 3 at 13, and comes at 14.
    quota = Quota(output_tokens_per_min=60, burst_s=10.0, reserved_output_tokens=4)
    requests = [(0.0, 1, 9), (10.0, 1, 1), (10.5, 1, 1), (12.5, 1, 1)]
    naive = alone(api(quota=quota), *requests, client=OBEDIENT)
    expect(naive, dispatched_s=[0, 10, 14, 12.5], finish_s=[10, 12, 16, 14.5])
    expect(naive, attempts=[1, 1, 3, 1])


def test_the_output_bucket_may_fall_below_zero_and_must_not_be_empty() -> None:
    # Two tokens, one a second. A's 9 come at 10: -7. B is told to come when there is one, at 18.
    quota = Quota(output_tokens_per_min=60, burst_s=2.0)
    naive = alone(api(quota=quota), (0.0, 1, 9), (11.0, 1, 1), client=OBEDIENT)
    expect(naive, attempts=[1, 2], dispatched_s=[0, 18])


def test_the_bucket_of_both_kinds_takes_prompt_and_reservation() -> None:
    # Twenty. A takes 5 + 4 and B 8 + 4 (told to come at 1); A has 2, so that 2 come back at 3.
    quota = Quota(tokens_per_min=60, burst_s=20.0, reserved_output_tokens=4)
    requests = [(0.0, 5, 2), (0.0, 8, 2), (3.5, 1, 1)]
    naive = alone(api(quota=quota), *requests, client=OBEDIENT)
    # At 1 nothing is left, at 3.5 there are 2.5 + 2; C needs 5.
    expect(naive, dispatched_s=[0, 1, 4], attempts=[1, 2, 2])


def test_the_longest_wait_is_told() -> None:
    quota = Quota(requests_per_min=60, input_tokens_per_min=60, burst_s=1.0)
    naive = alone(api(quota=quota), (0.0, 5, 1), (0.5, 1, 1), client=OBEDIENT)
    # A full bucket of one token is at -4 after A, and at 1 again at 5.
    expect(naive, dispatched_s=[0, 5], attempts=[1, 2])


def test_a_client_with_a_limit_of_its_own_gives_up_beyond_it() -> None:
    quota = Quota(requests_per_min=6, burst_s=1.0)
    for beyond, attempts in (("give_up", 1), ("back_off", 4)):
        rules = {"retry_after_limit_s": 5.0, "beyond_limit": beyond}
        naive = alone(api(quota=quota), (0.0, 1, 1), (0.5, 1, 1), client=retrying(retry=rules))
        expect(naive, status=[COMPLETED, REJECTED], attempts=[1, attempts])


def test_who_is_one_too_many_is_told_nothing() -> None:
    # B backs off by half a second, one and two, and comes when A is gone.
    naive = alone(api(), (0.0, 1, 2), (0.0, 1, 1), client=OBEDIENT, max_concurrency=1)
    expect(naive, attempts=[1, 4], dispatched_s=[0, 3.5], finish_s=[3, 5.5])


# Provisioned throughput


def test_provisioned_throughput_comes_first_and_weighs_outputs() -> None:
    # Ten, one a second: A takes 2 + 2·3, B finds 2 and pays as it goes. C finds 8 at 6.
    units = Provisioned(1, 60.0, output_weight=2.0)
    backend = api(quota=Quota(burst_s=10.0), provisioned=units)
    naive = alone(backend, (0.0, 2, 3), (0.0, 2, 3), (6.0, 2, 3))
    answers = {"answers": 1, "prompt_tokens": 2, "output_tokens": 3}
    assert used(naive, 0) == {"attempts": 3, **answers}
    assert used(naive, 0, PROVISIONED) == {what: 2 * number for what, number in answers.items()}


def test_what_is_larger_than_the_bucket_passes_when_that_is_full() -> None:
    # At -20 after A, at 10 again at 30.
    backend = api(quota=Quota(burst_s=10.0), provisioned=Provisioned(2, 30.0))
    naive = alone(backend, (0.0, 29, 1), (29.0, 29, 1), (30.0, 29, 1))
    assert used(naive, 0)["answers"] == 1
    assert used(naive, 0, PROVISIONED)["answers"] == 2


def test_provisioned_throughput_takes_nothing_of_the_quota() -> None:
    quota = Quota(requests_per_min=6, output_tokens_per_min=6, burst_s=10.0)
    backend = api(quota=quota, provisioned=Provisioned(1, 60.0))
    naive = alone(backend, (0.0, 4, 5), (7.5, 4, 1), (7.5, 4, 1))
    expect(naive, status=[COMPLETED, COMPLETED, COMPLETED])
    assert used(naive, 0, PROVISIONED)["answers"] == 2


def test_no_units_are_no_throughput() -> None:
    naive = alone(api(provisioned=Provisioned(0, 60.0)), (0.0, 1, 1))
    assert used(naive, 0, PROVISIONED) == {}
    expect(naive, status=[COMPLETED])


def test_long_prompts_are_billed_apart() -> None:
    naive = alone(api(price=TokenPrice(long_above_tokens=9)), (0.0, 9, 1), (0.0, 10, 1))
    assert used(naive, 0)["prompt_tokens"] == 9
    assert used(naive, 0, LONG) == {"answers": 1, "prompt_tokens": 10, "output_tokens": 1}


# A memory of prompts


@pytest.mark.parametrize(
    ("life_s", "least_tokens", "cached"),
    [(9.0, 10, [0, 13]), (8.999, 10, [0, 0]), (9.0, 14, [0, 0])],
)
def test_a_following_call_finds_what_it_carries_over(
    life_s: float, least_tokens: int, cached: list[int]
) -> None:
    # 10 + 3 are carried over to a prompt of 17, 5 s after the answer and 9 s after the request.
    backend = api(caching=PromptCaching(life_s, least_tokens))
    naive = alone(backend, (0.0, 10, 3), chains=chains([(1, 5.0, 4, 1)]))
    expect(naive, prompt=[10, 17], arrival_s=[0, 9], cached_tokens=cached)
    kept = sum(prompt for prompt in (10, 17) if prompt >= least_tokens)  # shorter ones are not
    assert used(naive, 0)["written_tokens"] == kept - sum(cached)


def test_what_is_read_lives_on_from_then() -> None:
    # Requests come every 9 s; a life of 10 s reaches from one to the next, none further.
    calls = chains([(1, 5.0, 1, 3), (2, 5.0, 1, 3), (3, 7.5, 1, 3)])
    naive = alone(api(caching=PromptCaching(10, 1)), (0.0, 10, 3), chains=calls)
    expect(naive, arrival_s=[0, 9, 18, 29.5], cached_tokens=[0, 13, 17, 0])


def test_a_provider_that_answered_nothing_of_a_task_remembers_nothing_of_it() -> None:
    # The first call is answered by one, the second, too long for it, by the other, the third too.
    short, long = api("short", max_model_len=15), api("long", caching=PromptCaching(99, 1))
    calls = chains([(1, 5.0, 4, 1), (2, 5.0, 4, 1)])
    naive = asked(routed([short, long], to("short", "long")), (0.0, 10, 3), chains=calls)
    expect(naive, prompt=[10, 17, 22], backend=[0, 1, 1], cached_tokens=[0, 0, 18])


def test_nothing_new_leaves_a_token_to_read() -> None:
    naive = alone(api(caching=PromptCaching(9, 1)), (0.0, 10, 3), chains=chains([(1, 5.0, 0, 1)]))
    expect(naive, prompt=[10, 13], cached_tokens=[0, 12])


def test_a_hit_rate_counts_for_more_than_a_memory() -> None:
    backend, calls = api(caching=PromptCaching(9, 1)), chains([(1, 5.0, 4, 1)])
    naive = alone(backend, (0.0, 10, 3), chains=calls, prefix_hit_rate=0.5)
    expect(naive, prompt=[10, 17], cached_tokens=[5, 8])
    assert used(naive, 0)["written_tokens"] == 14


# Attempts that are left


@pytest.mark.parametrize(
    ("timeout_s", "generated"), [(1.5, 0), (2.0, 1), (2.75, 1), (3.0, 2), (5.5, 4)]
)
def test_what_was_generated_for_who_leaves_is_paid(timeout_s: float, generated: int) -> None:
    client = Client(timeout_s=timeout_s)
    backend = api(caching=PromptCaching(9, 1))
    naive = alone(backend, (0.0, 10, 9), client=client, prefix_hit_rate=0.4)
    expect(naive, status=[TIMED_OUT], finish_s=[timeout_s])
    left = {
        "attempts": 1,
        "wasted_tokens": 6 + generated,
        "wasted_prompt_tokens": 10,
        "wasted_cached_tokens": 4,
        "wasted_written_tokens": 6,
    }
    assert used(naive, 0) == left | ({"wasted_output_tokens": generated} if generated else {})
    assert naive.books.counts[0]["wasted_tokens"] == 6 + generated


def test_a_provider_that_does_not_notice_is_paid_for_the_whole_answer_at_once() -> None:
    client = Client(timeout_s=2.5, server_stops=False)
    naive = alone(api(), (0.0, 10, 9), (2.6, 1, 1), client=client, max_concurrency=1)
    assert used(naive, 0)["wasted_output_tokens"] == 9
    expect(naive, status=[TIMED_OUT, COMPLETED])  # and nobody is inside any more


def test_the_quota_is_told_what_was_generated_for_who_leaves() -> None:
    # Ten, 8 reserved. A leaves at 4 with 3 tokens: 2 + 4 + 5, which is full; B comes at 4.5.
    quota = Quota(output_tokens_per_min=60, burst_s=10.0, reserved_output_tokens=8)
    naive = alone(api(quota=quota), (0.0, 1, 9), (4.5, 1, 1), client=Client(timeout_s=4.0))
    expect(naive, status=[TIMED_OUT, COMPLETED])


def test_an_impatient_user_leaves_before_the_first_token_and_not_after() -> None:
    naive = alone(api(), (0.0, 1, 9), (0.0, 1, 9), patience_s=[1.5, 2.5])
    expect(naive, status=[status.GAVE_UP, COMPLETED], finish_s=[1.5, 10])


# Small ones


def test_some_devices_cannot_run_the_model() -> None:
    backend = Managed(0, api(capable_share=0.3), np.uint64(KEY), 0.0, {})
    capable = sum(backend.is_capable(number) for number in range(10_000))
    # Binomial: mean 3000, standard deviation 46; false alarms below 1e-6.
    assert abs(capable - 3000) < 5 * math.sqrt(10_000 * 0.3 * 0.7)


def test_tokens_of_an_answer_under_way_are_those_that_came() -> None:
    backend = Managed(0, api(), np.uint64(KEY), 0.0, {})
    attempt = Attempt(0, 0, 1, 5, token_s=0.5)
    assert backend.generated(attempt, 9.0) == 0
    attempt.first_token_s = 2.0
    assert [backend.generated(attempt, t) for t in (2.0, 2.4, 2.5, 3.9, 9.0)] == [1, 1, 2, 4, 5]
