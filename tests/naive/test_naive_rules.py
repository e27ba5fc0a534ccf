"""Further rules of providers and routers in the naive simulator, by hand.

First tokens come after 2 s, each further one a second later.
"""

import math
from typing import Any

import pytest

from naive.data_plane import NaiveDataPlane
from naive.runs import END_S, KEY, api, asked, chains, expect, routed, to, used
from naive.test_naive_managed import OBEDIENT, alone
from sim.engine.state.status import COMPLETED, FAILED, REJECTED, TIMED_OUT
from sim.model.client import Client
from sim.model.managed import Budget, ManagedApi, PromptCaching, Quota
from sim.model.price import TokenPrice, TokenRates
from sim.model.routing import Leg, Routing

# Weighted outputs


@pytest.mark.parametrize(("weight", "reserved", "second_s"), [(1, 0, 3.5), (3, 0, 5), (3, 4, 9)])
def test_a_token_of_an_answer_counts_several_times(
    weight: float, reserved: int, second_s: float
) -> None:
    # Twenty, one a second. A takes 5, and 2 tokens weighted at 3: of 18 there are 16, or 12. B
    # needs 14 at 3.5. What is reserved is not weighted: A's 4 come back at 3, B needs 18.
    quota = Quota(
        tokens_per_min=60, burst_s=20, output_weight=weight, reserved_output_tokens=reserved
    )
    naive = alone(api(quota=quota), (0.0, 5, 2), (3.5, 14, 1), client=OBEDIENT)
    expect(naive, dispatched_s=[0, second_s])


def test_the_limit_of_output_tokens_knows_no_weight() -> None:
    # Ten, one a second: 8 are left at 3, and B finds 8.5.
    quota = Quota(output_tokens_per_min=60, burst_s=10, output_weight=50)
    naive = alone(api(quota=quota), (0.0, 5, 2), (3.5, 14, 1), client=OBEDIENT)
    expect(naive, dispatched_s=[0, 3.5])


# Days


@pytest.mark.parametrize(("reset_s", "day_start_s"), [(10.0, 0.0), (0.0, 86_390.0)])
def test_what_is_beyond_the_day_comes_back_at_the_reset(reset_s: float, day_start_s: float) -> None:
    quota = Quota(requests_per_day=2, reset_s=reset_s)
    requests = [(0.0, 1, 1), (0.0, 1, 1), (1.0, 1, 1), (11.0, 1, 1)]
    naive = alone(api(quota=quota), *requests, client=OBEDIENT, day_start_s=day_start_s)
    expect(naive, dispatched_s=[0, 0, 10, 11], attempts=[1, 1, 2, 1])
    naive = alone(api(quota=quota), *requests, (12.0, 1, 1), day_start_s=day_start_s)
    expect(naive, status=[COMPLETED, COMPLETED, REJECTED, COMPLETED, COMPLETED])


def test_the_minute_and_the_day_both_bind() -> None:
    # Two a minute and three a day, from 90 s on: C waits for the minute, D for the day.
    quota = Quota(requests_per_min=2, requests_per_day=3, reset_s=90)
    naive = alone(api(quota=quota), *[(0.0, 1, 1)] * 3, (40.0, 1, 1), client=OBEDIENT)
    expect(naive, dispatched_s=[0, 0, 30, 90])


@pytest.mark.parametrize(("prompt", "fate"), [(10, COMPLETED), (11, REJECTED)])
def test_an_answer_counts_on_the_day_on_which_it_ends(prompt: int, fate: int) -> None:
    # A's 5 + 6 are of yesterday; its 4 tokens come at 5. B asks for 16 of 16, or 17.
    quota = Quota(tokens_per_day=20, reset_s=3, reserved_output_tokens=6)
    naive = alone(api(quota=quota), (0.0, 5, 4), (6.0, prompt, 1))
    expect(naive, status=[COMPLETED, fate])


# Weeks


@pytest.mark.parametrize("week_reset_s", [10.0, 10.0 - 604_800, 10.0 + 604_800])
def test_what_is_beyond_the_week_comes_back_at_its_reset(week_reset_s: float) -> None:
    quota = Quota(requests_per_week=2, week_reset_s=week_reset_s)
    requests = [(0.0, 1, 1), (0.0, 1, 1), (1.0, 1, 1), (11.0, 1, 1)]
    naive = alone(api(quota=quota), *requests, client=OBEDIENT)
    expect(naive, dispatched_s=[0, 0, 10, 11], attempts=[1, 1, 2, 1])


def test_the_minute_the_day_and_the_week_all_bind() -> None:
    # Two a minute, three a day from 90 s on, four a week from 200 s on: C waits for the minute, D
    # for the day, E for the week.
    quota = Quota(
        requests_per_min=2, requests_per_day=3, reset_s=90, requests_per_week=4, week_reset_s=200
    )
    asked_at = [(0.0, 1, 1)] * 3 + [(40.0, 1, 1), (95.0, 1, 1)]
    expect(alone(api(quota=quota), *asked_at, client=OBEDIENT), dispatched_s=[0, 0, 30, 90, 200])


@pytest.mark.parametrize(("prompt", "fate"), [(10, COMPLETED), (11, REJECTED)])
def test_an_answer_counts_in_the_week_in_which_it_ends(prompt: int, fate: int) -> None:
    quota = Quota(tokens_per_week=20, week_reset_s=3, reserved_output_tokens=6)
    naive = alone(api(quota=quota), (0.0, 5, 4), (6.0, prompt, 1))
    expect(naive, status=[COMPLETED, fate])


# Budgets

# A dollar for each token of a prompt, two for each of an answer.
DEAR = TokenPrice(TokenRates(input=1e6, output=2e6))
A_WEEK_S = 604_800.0


def dear(name: str = "api", usd: float = 5.0, spent_usd: float = 0.0, **changes: Any) -> ManagedApi:
    """A budget of dollars for the first 10 s, and again for the next 10."""
    budget = Budget(usd, (10.0, 20.0, A_WEEK_S), spent_usd)
    return api(name, price=changes.pop("price", DEAR), budgets=(budget,), **changes)


def test_who_comes_when_the_budget_is_spent_goes_elsewhere_until_its_period_ends() -> None:
    # A costs 1 + 2·2 at 3, B is under way by then. C goes on, D comes in the next period.
    requests = [(0.0, 1, 2), (2.5, 1, 1), (4.0, 1, 1), (10.0, 1, 1)]
    naive = asked(routed([dear(), api("other")], to("api", "other")), *requests)
    expect(naive, status=[COMPLETED] * 4, backend=[0, 0, 1, 0])
    assert used(naive, 0)["diverted"] == 1
    assert "rejections" not in used(naive, 0)


def test_who_finds_no_other_backend_is_turned_away_and_told_when_it_is_back() -> None:
    naive = alone(dear(), (0.0, 1, 2), (4.0, 1, 1), client=OBEDIENT)
    expect(naive, attempts=[1, 2], dispatched_s=[0, 10])
    assert used(naive, 0)["over_budget"] == used(naive, 0)["rejections"] == 1
    expect(alone(dear(), (0.0, 1, 2), (4.0, 1, 1)), status=[COMPLETED, REJECTED])


def test_what_is_left_of_a_budget_lapses_with_its_period() -> None:
    # 4 of 5 by 3, then 3 by 12: none is spent. A budget of 4 is, until 10.
    requests = [(0.0, 2, 1), (4.0, 1, 1), (10.0, 1, 1)]
    expect(alone(dear(usd=7.5), *requests), status=[COMPLETED] * 3)
    expect(alone(dear(usd=4.0), *requests), status=[COMPLETED, REJECTED, COMPLETED])


def sharing(usd: float, name: str, own_usd: float = math.inf) -> ManagedApi:
    """An API with a budget that others have, too, and one of its own for 20 s."""
    own = Budget(own_usd, (20.0, A_WEEK_S))
    both = (own, Budget(usd, (10.0, 20.0, A_WEEK_S), shared="team"))
    return api(name, price=DEAR, budgets=both)


def test_a_shared_budget_is_spent_by_all_that_have_it_and_leaves_all_of_them_out() -> None:
    # A costs 5 at one API by 3, B costs 3 at the other by 6: 8 of 8. C finds neither, D both.
    backends = [sharing(8.0, "one"), sharing(8.0, "two"), api("spare")]
    routes = [Routing((Leg(name),), ("spare",)) for name in ("one", "two")]
    naive = NaiveDataPlane([], [0, 1], KEY, managed=backends, routes=routes)
    requests = [(0.0, 1, 2), (4.0, 1, 1), (7.0, 1, 1), (10.0, 1, 1)]
    naive.feed(*zip(*requests, strict=True), [0, 1, 0, 0])
    naive.advance(END_S)
    expect(naive, status=[COMPLETED] * 4, backend=[0, 1, 2, 0])
    assert used(naive, 0)["diverted"] == 1


def test_of_two_budgets_of_an_api_each_holds() -> None:
    # Its own of 5 is spent by 3, and for 20 s; the other one is at half by then.
    requests = [(0.0, 1, 2), (4.0, 1, 1), (10.0, 1, 1), (20.0, 1, 1)]
    for usd, own_usd, fates in (
        (10.0, 5.0, [COMPLETED, REJECTED, REJECTED, COMPLETED]),
        (5.0, 10.0, [COMPLETED, REJECTED, COMPLETED, COMPLETED]),
    ):
        expect(alone(sharing(usd, "api", own_usd), *requests), status=fates)


def test_what_is_spent_before_the_start_counts() -> None:
    requests = [(0.0, 1, 1), (3.0, 1, 1), (10.0, 1, 1)]
    naive = alone(dear(spent_usd=2.0), *requests)
    expect(naive, status=[COMPLETED, REJECTED, COMPLETED])
    naive = alone(dear(spent_usd=5.0), *requests)
    expect(naive, status=[REJECTED, REJECTED, COMPLETED])


def test_an_answer_that_nobody_waits_for_is_spent_too() -> None:
    # The provider goes on: 1 + 2·5 are billed when A's client leaves at 1.
    hasty = Client(timeout_s=1.0, server_stops=False)
    naive = alone(dear(usd=11.0), (0.0, 1, 5), (1.5, 1, 1), client=hasty)
    expect(naive, status=[TIMED_OUT, REJECTED])


def test_shares_are_of_those_whose_budget_is_not_spent() -> None:
    routing = Routing((Leg("api", 0.5), Leg("other", 0.5)))
    naive = routed([dear(usd=0.1), api("other")], routing)
    asked(naive, (0.0, 1, 1), *[(4.0 + at / 8, 1, 1) for at in range(40)])
    assert naive.column("status").tolist() == [COMPLETED] * 41
    assert 10 < used(naive, 0)["diverted"] < 30
    assert used(naive, 0)["attempts"] + used(naive, 1)["attempts"] == 41


@pytest.mark.parametrize(
    ("caching", "usd"),
    [
        (None, 10.0 + 2),
        (PromptCaching(least_tokens=10), 30.0 + 2),
        (PromptCaching(least_tokens=11), 10.0 + 2),  # too short to be kept, and paid as usual
        (PromptCaching(least_tokens=1, marked_tokens=4), 6.0 + 12 + 2),
        (PromptCaching(least_tokens=5, marked_tokens=4), 10.0 + 2),
    ],
)
def test_only_what_is_kept_of_a_prompt_is_paid_as_written(
    caching: PromptCaching | None, usd: float
) -> None:
    price = TokenPrice(TokenRates(input=1e6, output=2e6, cache_write=3e6))
    for budget_usd, fate in ((usd, REJECTED), (usd + 0.01, COMPLETED)):
        own = dear(usd=budget_usd, price=price, caching=caching)
        expect(alone(own, (0.0, 10, 1), (3.0, 1, 1)), status=[COMPLETED, fate])


def test_a_call_finds_what_was_marked_of_the_one_before() -> None:
    # Of 10 + 1 carried over 4 are found; B's prompt has 6 more.
    caching = PromptCaching(least_tokens=1, marked_tokens=4)
    naive = alone(api(caching=caching), (0.0, 10, 1), chains=chains([(1, 0.0, 6, 1)]))
    expect(naive, prompt=[10, 17], cached_tokens=[0, 4])
    assert used(naive, 0)["written_tokens"] == 4


# Requests at once, and such as are too large


def test_a_provider_takes_so_many_at_once() -> None:
    # B backs off by half a second, one and two, and comes when A is gone.
    quota = Quota(max_concurrency=1)
    naive = alone(api(quota=quota), (0.0, 1, 2), (0.0, 1, 1), client=OBEDIENT)
    expect(naive, attempts=[1, 4], dispatched_s=[0, 3.5])
    assert used(naive, 0)["rejections"] == 3


@pytest.mark.parametrize(
    "limit", [{"input_tokens_per_min": 60, "burst_s": 10}, {"tokens_per_day": 10}]
)
def test_what_is_larger_than_a_limit_passes_or_never_does(limit: dict[str, float]) -> None:
    large = (0.0, 11, 1)
    expect(alone(api(quota=Quota(**limit)), large), status=[COMPLETED])  # type: ignore[arg-type]
    refusing = api(quota=Quota(**limit, too_large="refuse"))  # type: ignore[arg-type]
    naive = alone(refusing, large, (0.0, 10, 1), client=OBEDIENT)
    expect(naive, status=[REJECTED, COMPLETED], attempts=[1, 1])
    naive = asked(routed([refusing, api("other")], to("api", "other")), large)
    expect(naive, status=[COMPLETED], backend=[1])


# Cooldown


def test_a_backend_is_left_out_after_a_failure_until_its_time_is_over() -> None:
    naive = routed([api("a", cooldown_s=5.0), api("b")], to("a", "b"))
    naive.set_errors(0, 1.0)
    asked(naive, (0.0, 1, 1), (1.0, 1, 1), (5.0, 1, 1), until_s=0.5)
    naive.set_errors(0, 0.0)
    naive.advance(99.0)
    expect(naive, status=[COMPLETED] * 3, backend=[1, 1, 0], attempts=[2, 1, 1])


def test_who_finds_all_left_out_is_told_when_the_first_is_back() -> None:
    naive = routed([api("a", cooldown_s=5.0), api("b", cooldown_s=9.0)], to("a", "b"), OBEDIENT)
    naive.set_errors(0, 1.0)
    naive.set_errors(1, 1.0)
    asked(naive, (0.0, 1, 1), (0.25, 1, 1), until_s=0.4)
    naive.set_errors(0, 0.0)
    naive.advance(99.0)
    # A fails at both, backs off by 0.5 s, and is told 5, like B.
    expect(naive, attempts=[4, 2], backend=[0, 0], dispatched_s=[5, 5])


def test_who_is_turned_away_or_times_out_has_it_left_out_too() -> None:
    quota = Quota(requests_per_min=60, burst_s=1.0)
    naive = alone(api(quota=quota, cooldown_s=9.0), (0.0, 1, 1), (0.5, 1, 1), (2.0, 1, 1))
    expect(naive, status=[COMPLETED, REJECTED, REJECTED])
    hasty = Client(timeout_s=1.5)
    naive = alone(api(cooldown_s=9.0), (0.0, 1, 1), (1.0, 1, 1), (2.0, 1, 1), client=hasty)
    expect(naive, status=[TIMED_OUT, TIMED_OUT, REJECTED])


def test_who_is_one_too_many_has_nothing_left_out() -> None:
    naive = alone(api(cooldown_s=9.0), (0.0, 1, 1), (0.0, 1, 1), (3.0, 1, 1), max_concurrency=1)
    expect(naive, status=[COMPLETED, REJECTED, COMPLETED])


def test_shares_are_of_those_that_are_not_left_out() -> None:
    routing = Routing((Leg("a", 0.5), Leg("b", 0.5)))
    naive = routed([api("a", cooldown_s=99.0), api("b")], routing)
    naive.set_errors(0, 1.0)
    asked(naive, *[(at, 1, 1) for at in range(40)])
    fates = naive.column("status").tolist()
    assert fates.count(FAILED) == 1
    assert fates.count(COMPLETED) == 39
