"""Whether budgets of APIs are ever spent, in one line for those that cannot be told apart."""

from collections.abc import Iterator
from dataclasses import replace

from sim.model.managed import Budget, ManagedApi
from sim.montecarlo import budgets
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.report.figures import Figure, text
from sim.report.parts import Verdict
from sim.report.thresholds_text import UNDECIDED
from sim.report.verdicts import in_worlds

SPENT = (
    "; from then on its requests went elsewhere or were turned away, so that it was exceeded by no"
    " more than answers under way"
)


def of_budgets(result: RunResult) -> Iterator[Verdict]:
    """A verdict for each group of APIs."""
    for apis in budgets.groups(result.design.managed):
        within = budgets.never_spent(result.sample, apis)
        verdict = in_worlds(Share.of(within), _title(apis))
        found = f"never spent {verdict.found}"
        if not within.all():
            undecided = UNDECIDED if verdict.kept is None else ""
            found = f"ran out in {Share.of(~within).words()}{SPENT}{undecided}"
        yield replace(verdict, found=found, missed="spent")


def _title(apis: list[ManagedApi]) -> str:
    said = {_words(api, budget, len(apis) > 1): None for api in apis for budget in api.budgets}
    many = "s" if len(said) > 1 else ""
    return f"Budget{many} of {', '.join(api.name for api in apis)}: {', '.join(said)}"


def _words(api: ManagedApi, budget: Budget, has_others: bool) -> str:
    cents = budget.usd >= 1.0  # as on a bill: three decimals look like thousands
    usd = f"{budget.usd:,.2f} USD" if cents else text(Figure("", "", "usd"), budget.usd)
    amount = f"{usd} a {budget.per}"
    if budget.shared:
        return f"{amount} ({budget.shared})"
    return f"{amount} ({api.name})" if has_others else amount
