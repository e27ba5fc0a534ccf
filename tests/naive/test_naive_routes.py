"""Routes of the naive simulator against cases worked out by hand.

An engine's step takes 1 s, and a replica has one place: a request of n tokens, alone, has its first
after 1 s and its last after n. A managed backend has the first after 2 s, each further one 1 s
later.
"""

import math

import numpy as np
import pytest
from fleets import END_S, pool, profile

from naive.route import Route
from naive.runs import KEY, api, asked, expect, fleet, retrying, routed, to, used
from sim.engine.state import status
from sim.model.client import Client, Hedge
from sim.model.design import GpuPool
from sim.model.gateway import Gateway
from sim.model.managed import Quota
from sim.model.routing import Degradation, Leg, Routing

COMPLETED = status.COMPLETED
TIMED_OUT = status.TIMED_OUT
REJECTED = status.REJECTED
FAILED = status.FAILED

FULL = Quota(requests_per_min=1e-3)  # takes one request in a day
ONE_AT_ONCE = Gateway(max_queue=0)


def own(name: str = "own", replicas: int = 1, gateway: Gateway = ONE_AT_ONCE, **engine) -> GpuPool:
    """Replicas with one place each, and nobody in line unless told otherwise."""
    return pool(profile(max_num_seqs=1, **engine), replicas, "least_loaded", name, gateway)


def in_line(name: str = "own", **engine) -> GpuPool:
    return own(name, gateway=Gateway(), **engine)


# Legs


def test_legs_are_taken_in_proportion_to_their_shares() -> None:
    legs = Leg("a", 1.0), Leg("b", 2.0), Leg("c", 1.0)
    route = Route(Routing(legs), ["a", "b", "c"], np.uint64(KEY))
    taken = [route.leg(number, 1).to for number in range(10_000)]
    # Binomial: standard deviations 43 and 50; false alarms below 3e-6.
    assert abs(taken.count("a") - 2_500) < 5 * math.sqrt(10_000 * 3 / 16)
    assert abs(taken.count("b") - 5_000) < 5 * math.sqrt(10_000 * 1 / 4)


def test_legs_are_for_lengths_of_prompts_and_the_last_is_for_the_rest() -> None:
    legs = Leg("a", most_prompt=9), Leg("b", least_prompt=10, most_prompt=20), Leg("c", 0.0, 30, 40)
    naive = asked(
        routed([api("a"), api("b"), api("c")], Routing(legs)),
        *[(0.0, prompt, 1) for prompt in (1, 9, 10, 20, 21, 30)],
    )
    expect(naive, backend=[0, 0, 1, 1, 2, 2])


def test_a_request_keeps_its_leg_for_all_attempts() -> None:
    naive = routed([api("a"), api("b")], Routing((Leg("a"), Leg("b"))), retrying())
    naive.set_errors(0, 1.0)
    naive.set_errors(1, 1.0)
    asked(naive, *[(0.0, 1, 1)] * 50)
    expect(naive, attempts=[4] * 50)
    sent = [used(naive, backend)["attempts"] for backend in (0, 1)]
    assert sum(sent) == 200
    assert all(count and count % 4 == 0 for count in sent)


# Going on to another backend


def test_what_is_rejected_goes_on_at_once_and_another_backend_has_it() -> None:
    naive = asked(routed([own(), api()], to("own", "api")), (0.0, 1, 5), (1.0, 1, 3))
    expect(naive, backend=[0, 1], attempts=[1, 2], replica=[0, -1], dispatched_s=[0, 1])
    expect(naive, first_token_s=[1, 3], finish_s=[5, 5], fallbacks=[0, 1])
    assert used(naive, 0) == {
        "attempts": 2,
        "rejections": 1,
        "answers": 1,
        "prompt_tokens": 1,
        "output_tokens": 5,
    }
    assert used(naive, 1)["attempts"] == 1
    counts = naive.books.counts[0]
    assert (counts["attempts"], counts["fallbacks"], counts["retries"]) == (3, 1, 0)


def test_what_times_out_goes_on_with_a_new_deadline() -> None:
    # B waits behind A until 1.75, then has 1.75 s for a first token, and 2 s to wait for it.
    client = Client(ttft_timeout_s=1.75)
    for ttft_s, fate, finish_s in ((1.5, COMPLETED, 3.25), (2.0, TIMED_OUT, 3.5)):
        backends = [in_line(), api(ttft_s=ttft_s)]
        naive = asked(routed(backends, to("own", "api"), client), (0.0, 1, 5), (0.0, 1, 1))
        expect(naive, status=[COMPLETED, fate], attempts=[1, 2], finish_s=[5, finish_s])


def test_what_fails_goes_on() -> None:
    naive = routed([api("a"), api("b")], to("a", "b"))
    naive.set_errors(0, 1.0)
    expect(asked(naive, (0.0, 1, 1)), backend=[1], attempts=[2], finish_s=[2])
    naive = routed([own(), api()], to("own", "api"))
    asked(naive, (0.0, 1, 9), until_s=1.5)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, backend=[1], first_token_s=[3.5], finish_s=[11.5], attempts=[2])
    assert used(naive, 0) == {
        "attempts": 1,
        "errors": 1,
        "wasted_tokens": 2,
        "wasted_output_tokens": 1,
    }


@pytest.mark.parametrize(
    ("rule", "cause"),
    [("after_rejection", REJECTED), ("after_failure", FAILED), ("after_timeout", TIMED_OUT)],
)
def test_a_route_that_does_not_go_on_after_a_cause_leaves_it_to_the_client(
    rule: str, cause: int
) -> None:
    slow = {REJECTED: 1.0, FAILED: 1.0, TIMED_OUT: 9.0}[cause]
    quota = FULL if cause == REJECTED else Quota()
    for goes_on, attempts in ((True, 2), (False, 1)):
        backends = [api("a", slow, quota=quota), api("b", 1.0)]
        naive = routed(backends, to("a", "b", **{rule: goes_on}), Client(timeout_s=3.0))
        naive.set_errors(0, float(cause == FAILED))
        asked(naive, (0.0, 1, 1), (0.0, 1, 1))
        expect(naive, status=[naive.everyone[0].status, COMPLETED if goes_on else cause])
        assert naive.everyone[1].attempts == attempts


def test_a_backend_that_has_just_been_tried_is_passed_over() -> None:
    naive = routed([api("a"), api("b"), api("c")], to("b", "a", "b", "c"))
    for backend in range(3):
        naive.set_errors(backend, 1.0)
    expect(asked(naive, (0.0, 1, 1)), status=[FAILED], attempts=[3], backend=[2])
    assert [used(naive, backend)["attempts"] for backend in range(3)] == [1, 1, 1]


def test_after_the_last_backend_the_client_begins_with_the_leg_again() -> None:
    # Both fail until 1: three rounds, at 0, 0.5 and 1.5. Going on does not count as trying again.
    naive = routed([api("a"), api("b")], to("a", "b"), retrying())
    naive.set_errors(0, 1.0)
    naive.set_errors(1, 1.0)
    asked(naive, (0.0, 1, 1), until_s=1.0)
    naive.set_errors(0, 0.0)
    naive.advance(END_S)
    expect(naive, attempts=[5], backend=[0], fallbacks=[2], retries=[2], finish_s=[3.5])
    naive = routed([api("a"), api("b")], to("a", "b"), retrying())
    naive.set_errors(0, 1.0)
    naive.set_errors(1, 1.0)
    expect(asked(naive, (0.0, 1, 1)), attempts=[8], status=[FAILED], finish_s=[3.5])


def test_the_last_backend_s_word_on_when_to_come_back_counts() -> None:
    quotas = Quota(requests_per_min=30, burst_s=2.0), Quota(requests_per_min=12, burst_s=5.0)
    backends = [api(name, quota=quota) for name, quota in zip("ab", quotas, strict=True)]
    client = retrying(retry={"retry_after_limit_s": 99.0})
    naive = asked(routed(backends, to("a", "b"), client), *[(0.0, 1, 1)] * 3)
    # The third is told 2 s by a, and 5 s by b.
    expect(naive, backend=[0, 1, 0], attempts=[1, 2, 3], dispatched_s=[0, 0, 5])


# Passing over


def test_a_long_queue_is_passed_over_if_there_is_somewhere_to_go() -> None:
    requests = [(0.0, 1, 9), (0.0, 1, 1), (0.0, 1, 1), (0.5, 1, 1)]
    naive = asked(routed([in_line(), api()], to("own", "api", overflow_queue=2)), *requests)
    # All three are in line at 0, since the first step has not begun: the third passes.
    expect(naive, backend=[0, 0, 1, 0], attempts=[1, 1, 1, 1], fallbacks=[0, 0, 0, 0])
    naive = asked(routed([in_line()], to("own", overflow_queue=0)), *requests)
    expect(naive, status=[COMPLETED] * 4)


def test_where_all_queues_are_long_the_first_has_it() -> None:
    backends = [in_line("a"), in_line("b")]
    naive = asked(routed(backends, to("a", "b", overflow_queue=1)), *[(0.0, 1, 2)] * 4)
    expect(naive, backend=[0, 1, 0, 0])


def test_a_managed_backend_has_no_queue() -> None:
    naive = asked(routed([api("a"), api("b")], to("a", "b", overflow_queue=0)), (0.0, 1, 1))
    expect(naive, backend=[0])


def test_what_is_held_is_waiting_too() -> None:
    held = own(gateway=Gateway(replica_limit=1))
    requests = [(0.0, 1, 9), (0.5, 1, 1), (0.75, 1, 1)]
    naive = asked(routed([held, api()], to("own", "api", overflow_queue=1)), *requests)
    expect(naive, backend=[0, 0, 1])


def test_prompts_that_are_too_long_go_to_the_next_backend() -> None:
    backends = [own(max_model_len=10), api(max_model_len=20)]
    naive = asked(routed(backends, to("own", "api"), retrying()), (0.0, 9, 5), (2.0, 10, 15))
    expect(naive, backend=[0, 1], output=[1, 10], attempts=[1, 1], fallbacks=[0, 0])
    # One that fits nowhere is rejected for good, where it would have begun.
    naive = asked(routed(backends, to("own", "api"), retrying()), (0.0, 20, 5))
    expect(naive, status=[REJECTED], backend=[0], attempts=[1], output=[5])
    assert used(naive, 0) == {"attempts": 1}


def test_after_a_loss_only_later_backends_are_looked_at() -> None:
    backends = [api("a"), api("b", max_model_len=10), api("c")]
    for chain, fate, last in ((("a", "b", "c"), COMPLETED, 2), (("a", "b"), REJECTED, 1)):
        naive = routed(backends, to(*chain), retrying())
        naive.set_errors(0, 1.0)
        expect(asked(naive, (0.0, 10, 1)), status=[fate], backend=[last], attempts=[2])


def test_devices_that_cannot_run_the_model_pass_requests_on() -> None:
    backends = [api("device", capable_share=0.5), api("api")]
    naive = asked(routed(backends, to("device", "api")), *[(0.0, 1, 1)] * 50)
    assert {*naive.column("backend").tolist()} == {0, 1}
    expect(naive, attempts=[1] * 50, fallbacks=[0] * 50)


def test_an_answer_that_was_cut_short_stays_short() -> None:
    backends = [own(max_model_len=10), api()]
    naive = routed(backends, to("own", "api"))
    asked(naive, (0.0, 5, 9), until_s=1.0)
    naive.kill(0)
    naive.advance(END_S)
    expect(naive, output=[5], backend=[1], finish_s=[7])


# Degradation


def test_answers_are_shortened_while_a_queue_is_long() -> None:
    rule = Degradation(queue=1, output_share=0.3)
    requests = [(0.0, 1, 9), (0.5, 1, 7), (0.75, 1, 7), (0.75, 1, 1)]
    naive = asked(routed([in_line()], to("own", degradation=rule)), *requests)
    expect(naive, output=[9, 7, 2, 1], is_degraded=[False, False, True, True])
    assert used(naive, 0)["degraded"] == naive.books.counts[0]["degraded"] == 2


def test_a_request_is_degraded_once_wherever_it_goes() -> None:
    # Both are shortened at 0. B leaves the line at 1.5 and at 3.5, and is served from 4.5 on.
    rule = Degradation(queue=0, output_share=0.5)
    client = retrying(ttft_timeout_s=1.5)
    naive = asked(
        routed([in_line()], to("own", degradation=rule), client), (0.0, 1, 8), (0.0, 1, 8)
    )
    expect(naive, output=[4, 4], attempts=[1, 3], finish_s=[4, 8.5])


def test_only_queues_of_replicas_shorten_answers() -> None:
    rule = Degradation(queue=0, output_share=0.5)
    expect(asked(routed([api()], to("api", degradation=rule)), (0.0, 1, 8)), output=[8])


# Escalation


def always(again: str) -> dict[str, object]:
    return {"escalates_to": again, "escalation_share": 1.0}


def test_the_user_waits_for_both_answers_and_sees_the_second() -> None:
    naive = asked(routed([api(), own()], to("api", leg=always("own"))), (0.0, 7, 3))
    expect(naive, backend=[0], attempts=[2], escalations=[1], dispatched_s=[4])
    expect(naive, first_token_s=[5], finish_s=[7], status=[COMPLETED])
    answer = {"answers": 1, "prompt_tokens": 7, "output_tokens": 3}
    assert used(naive, 1) == {"attempts": 1, "escalated": 1, **answer}
    assert used(naive, 0) == {"attempts": 1, **answer}
    assert naive.books.counts[0]["output_tokens"] == 3


def test_a_replica_s_place_is_free_after_an_answer_that_is_not_good_enough() -> None:
    naive = asked(
        routed([in_line(), api()], to("own", leg=always("api"))), (0.0, 1, 3), (0.0, 1, 1)
    )
    expect(naive, backend=[1, 1], first_token_s=[5, 6], finish_s=[7, 6])


def test_some_answers_are_not_good_enough_each_by_chance() -> None:
    leg = {"escalates_to": "b", "escalation_share": 0.25}
    naive = asked(routed([api("a"), api("b")], to("a", leg=leg)), *[(0.0, 1, 1)] * 2_000)
    # Binomial: mean 500, standard deviation 19; false alarms below 1e-6.
    assert abs(naive.column("escalations").sum() - 500) < 5 * math.sqrt(2_000 * 3 / 16)
    assert naive.column("escalations").max() == 1


def test_an_answer_from_elsewhere_is_judged_too_unless_it_is_of_the_one_that_is_asked_again() -> (
    None
):
    for fallback, attempts in (("b", 3), ("c", 2)):
        naive = routed([api("a"), api("b"), api("c")], to("a", fallback, leg=always("c")))
        naive.set_errors(0, 1.0)
        expect(asked(naive, (0.0, 1, 1)), attempts=[attempts], backend=[2], fallbacks=[1])


def test_an_escalation_goes_on_to_other_backends_too() -> None:
    naive = routed([api("a"), api("b"), api("c")], to("a", "c", leg=always("b")))
    naive.set_errors(1, 1.0)
    asked(naive, (0.0, 1, 1))
    expect(naive, attempts=[3], backend=[2], escalations=[1], fallbacks=[1], finish_s=[4])


def test_a_retry_after_an_escalation_begins_with_the_leg_and_is_judged_again() -> None:
    # b fails at 2; a answers again from 2.5 to 4.5; b is there at 4.5.
    naive = routed([api("a"), api("b")], to("a", leg=always("b")), retrying())
    naive.set_errors(1, 1.0)
    asked(naive, (0.0, 1, 1), until_s=3.0)
    naive.set_errors(1, 0.0)
    naive.advance(END_S)
    expect(naive, attempts=[4], retries=[1], escalations=[2], first_token_s=[6.5])
    assert used(naive, 0)["escalated"] == 2


def test_patience_is_for_the_first_token_of_the_second_answer_unless_it_is_over() -> None:
    # The first answer is there from 2 to 4. Who would have left at 3 sees it come, and stays.
    requests = [(0.0, 1, 3)] * 3
    naive = asked(
        routed([api("a"), api("b")], to("a", leg=always("b"))),
        *requests,
        patience_s=[1.0, 3.0, 5.0],
    )
    expect(naive, status=[status.GAVE_UP, COMPLETED, status.GAVE_UP], finish_s=[1, 8, 5])
    assert naive.seen["gave up on the second answer"] == 1


def test_the_second_answer_may_be_hedged_again() -> None:
    client = Client(hedge=Hedge(1.5))
    naive = asked(routed([api("a"), api("b")], to("a", leg=always("b")), client), (0.0, 1, 1))
    expect(naive, hedges=[2], attempts=[4], finish_s=[4])


# Hedges


def test_a_hedge_goes_where_its_attempt_went() -> None:
    backends = [own(), api()]
    client = Client(hedge=Hedge(0.5))
    naive = asked(routed(backends, to("own", "api"), client), (0.0, 1, 9), (0.25, 1, 2))
    # A's hedge is rejected, and B's is behind B by half a second.
    expect(naive, backend=[0, 1], attempts=[2, 3], hedges=[1, 1], fallbacks=[0, 1])
    expect(naive, first_token_s=[1, 2.25], finish_s=[9, 3.25])
    assert used(naive, 0)["rejections"] == 2
    assert used(naive, 1)["wasted_prompt_tokens"] == 1


def test_the_last_of_two_attempts_to_be_lost_goes_on() -> None:
    # At a until 3 and 3.5, then at b, where the first token is there after 2 s.
    client = Client(ttft_timeout_s=3.0, hedge=Hedge(0.5))
    naive = asked(routed([api("a", 9.0), api("b")], to("a", "b"), client), (0.0, 1, 1))
    expect(naive, hedges=[2], fallbacks=[1], attempts=[4], backend=[1], first_token_s=[5.5])


def test_limits_of_a_workload_are_over_all_backends() -> None:
    naive = asked(
        routed([api("a"), api("b")], Routing((Leg("a"), Leg("b"))), max_concurrency=3),
        *[(0.0, 1, 1)] * 20,
    )
    assert naive.column("status").tolist().count(COMPLETED) == 3


def test_one_pool_without_a_route_is_a_route_to_it() -> None:
    assert asked(routed([fleet()], to("pool")), (0.0, 1, 2)).column("finish_s") == [2]
