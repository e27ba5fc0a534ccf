"""What answers bring in, and what is paid once before the first of them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from sim.model import economics as model
from sim.scenario.values.fields import number
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Model

Draws = Mapping[str, float]

Dollars = Annotated[Number, number("money", least=0, most=1e9)]
FIELDS: Final = {
    "value_per_request": "revenue_per_request_usd",
    "value_per_task": "revenue_per_task_usd",
    "value_per_user_month": "revenue_per_user_month_usd",
}


class Outcome(Model):
    """What a customer pays for: tasks that come to something."""

    value: Dollars
    """Revenue of a task that does."""
    share: Annotated[Number, number("share", least=0, most=1)]
    """Share of the completed tasks that do."""


class OneOff(Model):
    """Training, fine-tuning or a migration: paid once, for the life of its result."""

    cost: Dollars
    """What is paid."""
    life_months: Annotated[Number, number("count", above=0, most=1200)]
    """For how long its result serves."""


def compiled(workload: Any, draws: Draws, share: float = 1.0) -> model.Economics:
    """What a workload brings in, in a world, of whose users so many are meant.

    Active users are those of the arrivals where they are not given.
    """
    given = {name: getattr(workload, key) for key, name in FIELDS.items()}
    revenues = {name: known(usd, draws) for name, usd in given.items() if usd is not None}
    users = workload.active_users or workload.arrivals.users
    outcome: Outcome | None = workload.value_per_outcome
    return model.Economics(
        active_users=0.0 if users is None else share * known(users, draws),
        revenue_per_outcome_usd=0.0 if outcome is None else known(outcome.value, draws),
        outcome_share=1.0 if outcome is None else known(outcome.share, draws),
        **revenues,
    )


def compiled_one_off(one_off: OneOff | None, draws: Draws) -> model.OneOff | None:
    """What is paid once, in a world."""
    if one_off is None:
        return None
    return model.OneOff(known(one_off.cost, draws), known(one_off.life_months, draws))
