"""Budgets of APIs over the worlds of a run, together those that cannot be told apart.

A budget is kept in worlds in which no attempt went elsewhere, or nowhere, as it was spent. Where an
API has several, what went elsewhere is counted for all of them together.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.model.managed import ManagedApi
from sim.montecarlo.sample import Sample
from sim.montecarlo.shares import Share

Counts = npt.NDArray[np.float64]


def groups(apis: Sequence[ManagedApi]) -> list[list[ManagedApi]]:
    """APIs with budgets, those together that share one, or do so with a common third."""
    found: list[list[ManagedApi]] = []
    for api in apis:
        if api.budgets:
            linked = [group for group in found if any(_share(api, other) for other in group)]
            found = [group for group in found if group not in linked]
            found.append([*(each for group in linked for each in group), api])
    return found


def _share(one: ManagedApi, other: ManagedApi) -> bool:
    names = {budget.shared for budget in one.budgets} - {""}
    return any(budget.shared in names for budget in other.budgets)


def named(group: Sequence[ManagedApi]) -> str:
    """The budgets of a group and who spends them: ``team of small, large``, or ``large``."""
    users: dict[tuple[str, str], list[str]] = {}
    for api in group:
        for budget in api.budgets:
            users.setdefault((budget.shared, "" if budget.shared else api.name), []).append(
                api.name
            )
    each = (f"{team} of {', '.join(of)}" if team else own for (team, own), of in users.items())
    return "; ".join(each)


def group_of(api: ManagedApi, apis: Sequence[ManagedApi]) -> list[ManagedApi]:
    """The APIs whose budgets cannot be told from those of one."""
    return next((each for each in groups(apis) if api in each), [api])


def count(sample: Sample, group: Sequence[ManagedApi], name: str) -> Counts:
    """What was counted at all APIs of a group: (worlds,)."""
    found = [sample.values(f"backends.{api.name}.{name}") for api in group]
    return np.asarray(np.sum(found, axis=0), np.float64)


def never_spent(sample: Sample, group: Sequence[ManagedApi]) -> npt.NDArray[np.bool_]:
    """Worlds in which no attempt found a budget spent: (worlds,)."""
    passed_over = count(sample, group, "over_budget") + count(sample, group, "diverted")
    return np.asarray(passed_over == 0.0, np.bool_)


def as_json(sample: Sample, design: Design) -> Iterator[dict[str, Any]]:
    """What became of the attempts that were meant for the APIs of each group, in their medians."""
    for group in groups(design.managed):
        elsewhere, away = (count(sample, group, name) for name in ("diverted", "over_budget"))
        meant = np.maximum(count(sample, group, "attempts") + elsewhere, 1.0)
        yield {
            "budget": named(group),
            "backends": [api.name for api in group],
            "spent": Share.of(~never_spent(sample, group)).as_json(),
            "diverted_share": float(np.median(elsewhere / meant)),
            "over_budget_share": float(np.median(away / meant)),
            "passed_over_share": float(np.median((elsewhere + away) / meant)),
        }
