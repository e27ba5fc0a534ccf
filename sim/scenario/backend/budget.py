"""Budgets: what may be spent at one API or several in a period; then a gateway leaves them out."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, get_args

from pydantic import Field

from sim.model import managed as model
from sim.model.price import DAY_S
from sim.scenario.backend.token_price import TokenPrice
from sim.scenario.values.fields import number, one_of
from sim.scenario.values.numbers import Number, extent, known
from sim.scenario.values.part import Model, Text
from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.units import shown

MONTHS: Final = 12  # of a year


class ApiBudget(Model):
    """What may be spent by the token at an API; beyond it requests go on to the next backend."""

    usd: Annotated[Number, number("money", above=0, most=1e12)]
    """Dollars in a period. Once they are spent the gateway leaves the API out until the next period
    begins: requests go to the fallback, or are turned away."""
    per: Annotated[model.Period, one_of(*get_args(model.Period))]
    """Period: a day from midnight, a week from Monday or a calendar month, on the scenario's clock,
    that of horizon.start."""
    spent: Annotated[Number, number("money", least=0, most=1e12)] | None = None
    """What of it is spent when the horizon starts; default 0."""


class SharedBudget(ApiBudget):
    """What may be spent by the token at several APIs together, as by a team or with one key."""

    backends: Annotated[list[Text], Field(min_length=1)]
    """The APIs at which it is spent, such as [small, large]. Once it is, the gateway leaves all of
    them out until the next period begins, so that requests go to a fallback that is none of them.
    One may have a budget of its own beside it, or others that it shares; then each holds."""


def check(
    budget: ApiBudget | None, price: TokenPrice | None, path: Path, findings: Findings
) -> None:
    """Note what can only be a mistake in the budget of an API."""
    if budget is None:
        return
    if price is not None and price.subscription is not None:
        message = "has no meaning beside a subscription, which is paid by the month"
        findings.add((*path, "budget"), message, "remove one")
    _check_spent(budget, (*path, "budget"), findings)


def _check_spent(budget: ApiBudget, path: Path, findings: Findings) -> None:
    if budget.spent is not None and extent(budget.spent)[0] > extent(budget.usd)[1]:
        spent, usd = extent(budget.spent)[0], extent(budget.usd)[1]
        message = f"({spent:g}) is more than the budget ({usd:g}), which is left out all the time"
        findings.add((*path, "spent"), message, "spend at most all of it")


def check_shared(
    budgets: Mapping[str, SharedBudget] | None,
    prices: Mapping[str, TokenPrice | None],
    findings: Findings,
) -> None:
    """Note what can only be a mistake in budgets of several APIs.

    Parameters
    ----------
    budgets : mapping or None
    prices : mapping
        Prices of all APIs by name.
    findings : Findings
    """
    for name, budget in (budgets or {}).items():
        path: Path = ("budgets", name)
        _check_spent(budget, path, findings)
        for index, api in enumerate(budget.backends):
            if api in budget.backends[:index]:
                message = f"{shown(api)} is there twice"
                findings.add((*path, "backends", index), message, "remove one")
            elif (price := prices.get(api)) is not None and price.subscription is not None:
                message = f"{shown(api)} has a subscription, which is paid by the month, not spent"
                findings.add((*path, "backends", index), message, "remove one or the other")


def references(budgets: Any) -> Iterator[tuple[Path, Any]]:
    """Names of backends that share a budget, each with its path."""
    for name, budget in budgets.items() if isinstance(budgets, dict) else ():
        named = budget.get("backends") if isinstance(budget, dict) else None
        for index, backend in enumerate(named if isinstance(named, list) else ()):
            yield ("budgets", name, "backends", index), backend


def compiled(
    budget: ApiBudget,
    start: datetime,
    duration_s: float,
    draws: Mapping[str, float],
    shared: str = "",
) -> model.Budget:
    """The budget in a world that is simulated from ``start`` for so long."""
    return model.Budget(
        known(budget.usd, draws),
        tuple(_ends_s(budget.per, start, duration_s)),
        0.0 if budget.spent is None else known(budget.spent, draws),
        budget.per,
        shared,
    )


def of_api(
    name: str,
    own: ApiBudget | None,
    shared: Mapping[str, SharedBudget] | None,
    start: datetime,
    duration_s: float,
    draws: Mapping[str, float],
) -> tuple[model.Budget, ...]:
    """All budgets of an API in such a world: its own, and those that it shares."""
    found = [] if own is None else [compiled(own, start, duration_s, draws)]
    for team, budget in (shared or {}).items():
        if name in budget.backends:
            found.append(compiled(budget, start, duration_s, draws, team))
    return tuple(found)


def _ends_s(per: model.Period, start: datetime, duration_s: float) -> Iterator[float]:
    """When periods end, in seconds from the start, up to the first after the simulation.

    Examples
    --------
    >>> list(_ends_s("day", datetime(2026, 7, 31, 18), DAY_S))
    [21600.0, 108000.0]
    >>> list(_ends_s("month", datetime(2026, 12, 31), 2 * DAY_S))
    [86400.0, 2764800.0]
    """
    end, end_s = start, 0.0
    while end_s <= duration_s:
        end = _next(per, end)
        end_s = (end - start).total_seconds()
        yield end_s


def _next(per: model.Period, moment: datetime) -> datetime:
    """When the period of a moment ends."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if per == "day":
        return midnight + timedelta(seconds=DAY_S)
    if per == "week":
        return midnight + timedelta(days=7 - midnight.weekday())
    months = midnight.year * MONTHS + midnight.month
    return midnight.replace(year=months // MONTHS, month=months % MONTHS + 1, day=1)
