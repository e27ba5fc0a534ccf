"""Whether budgets of APIs are kept, in one line for those that cannot be told apart.

A budget is kept in worlds in which no attempt went elsewhere, or nowhere, as it was spent. Where an
API has several, what went elsewhere is counted for all of them together.
"""

from collections.abc import Iterator

import numpy as np

from sim.model.managed import Budget, ManagedApi
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.report.figures import Figure, text
from sim.report.parts import Verdict
from sim.report.verdicts import in_worlds

COUNTS = ("over_budget", "diverted")


def of_budgets(result: RunResult) -> Iterator[Verdict]:
    """A verdict for each group of APIs."""
    for apis in _groups([api for api in result.design.managed if api.budgets]):
        counts = [
            result.sample.values(f"backends.{api.name}.{name}") for api in apis for name in COUNTS
        ]
        within = np.all([each == 0.0 for each in counts], axis=0)
        yield in_worlds(Share.of(within), _title(apis))


def _groups(apis: list[ManagedApi]) -> list[list[ManagedApi]]:
    """APIs, those together that share a budget, or do so with a common third."""
    groups: list[list[ManagedApi]] = []
    for api in apis:
        linked = [group for group in groups if any(_share(api, other) for other in group)]
        groups = [group for group in groups if group not in linked]
        groups.append([*(each for group in linked for each in group), api])
    return groups


def _share(one: ManagedApi, other: ManagedApi) -> bool:
    names = {budget.shared for budget in one.budgets} - {""}
    return any(budget.shared in names for budget in other.budgets)


def _title(apis: list[ManagedApi]) -> str:
    said = {_words(api, budget, len(apis) > 1): None for api in apis for budget in api.budgets}
    many = "s" if len(said) > 1 else ""
    return f"Budget{many} of {', '.join(api.name for api in apis)}: {', '.join(said)}"


def _words(api: ManagedApi, budget: Budget, has_others: bool) -> str:
    amount = f"{text(Figure('', '', 'usd'), budget.usd)} a {budget.per}"
    if budget.shared:
        return f"{amount} ({budget.shared})"
    return f"{amount} ({api.name})" if has_others else amount
