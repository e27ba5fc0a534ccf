"""Whether budgets are kept: a line for each that can be told from others."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.model.distributions import Constant
from sim.model.managed import Budget, ManagedApi, Pace
from sim.report.page.budgets import of_budgets

API = ManagedApi("a", Pace(Constant(1.0), Constant(50.0)))
OWN = Budget(5.0, (86_400.0,), per="day")
TEAM = Budget(500.0, (86_400.0,), shared="team")
WORLDS = 200


@dataclass
class Found:
    """A run of which nothing is known but what went past an API, in every world."""

    managed: tuple[ManagedApi, ...]
    diverted: dict[str, float]

    @property
    def design(self) -> Any:
        return self

    @property
    def sample(self) -> Any:
        return self

    def values(self, metric: str) -> Any:
        _, name, what = metric.split(".")
        return np.full(WORLDS, self.diverted.get(name, 0.0) if what == "diverted" else 0.0)


def told(diverted: dict[str, float], **budgets: tuple[Budget, ...]) -> list[tuple[Any, str]]:
    apis = tuple(replace(API, name=name, budgets=own) for name, own in budgets.items())
    found: Any = Found(apis, diverted)
    return [(verdict.kept, verdict.what) for verdict in of_budgets(found)]


def test_a_spent_budget_is_not_said_to_be_missed_and_the_worlds_are_counted_in_which_it_ran_out():
    team: Any = Found((replace(API, budgets=(TEAM,)),), {"a": 3.0})
    (verdict,) = of_budgets(team)
    assert (verdict.word, verdict.sign) == ("spent", "✗")
    assert verdict.found == (
        "ran out in all 200 worlds (at least 98.2 %); from then on its requests went elsewhere or"
        " were turned away, so that it was exceeded by no more than answers under way"
    )
    (verdict,) = of_budgets(Found(team.managed, {}))  # type: ignore[arg-type]
    assert (verdict.word, verdict.found) == (
        "kept",
        "never spent in all 200 worlds (at least 98.2 %), 95 % asked",
    )


def test_an_own_budget_has_a_line_of_its_own():
    assert told({"b": 3.0}, a=(OWN,), b=(OWN,), c=()) == [
        (True, "Budget of a: 5.00 USD a day"),
        (False, "Budget of b: 5.00 USD a day"),
    ]


def test_a_shared_one_is_kept_where_no_api_was_passed_over_for_it():
    line = "Budget of a, b: 500.00 USD a month (team)"
    assert told({}, a=(TEAM,), b=(TEAM,)) == [(True, line)]
    assert told({"b": 3.0}, a=(TEAM,), b=(TEAM,)) == [(False, line)]


def test_budgets_that_cannot_be_told_apart_share_a_line():
    key = replace(TEAM, usd=9.0, shared="key")
    assert told({"c": 1.0}, a=(OWN, TEAM), b=(key,), c=(key, TEAM), d=(OWN,)) == [
        (False, "Budgets of a, b, c: 5.00 USD a day (a), 500.00 USD a month (team), "
                "9.00 USD a month (key)"),
        (True, "Budget of d: 5.00 USD a day"),
    ]  # fmt: skip
