"""Budgets of APIs that are spent, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from sim.montecarlo.shares import percent


def spent_budgets(summary: Mapping[str, Any]) -> Iterator[str]:
    """What became of attempts that were meant for APIs whose budget was spent."""
    for each in summary["budgets"]:
        over = each["passed_over_share"]
        if not over:
            continue
        fates = {
            "went elsewhere": each["diverted_share"],
            "were turned away": each["over_budget_share"],
        }
        said = [f"{percent(share)} {fate}" for fate, share in fates.items() if share]
        when = "all the time" if over == 1.0 else "for a part of the time"
        yield (
            f"Budget: in the median world {_of_whom(each)} is spent {when}; of the attempts that"
            f" were meant for {_counted(each)}"
            f" {' and '.join(said)} for that."
        )


def _of_whom(each: Mapping[str, Any]) -> str:
    """A budget with its name and those who spend it, or one of several."""
    name = each["budget"]
    if ";" in name:
        return f"one or more of the budgets {name.replace('; ', ' and ')}"
    return f"the budget {'' if ' of ' in name else 'of '}{name}"


def _counted(each: Mapping[str, Any]) -> str:
    """What attempts were meant for; one that passes over several APIs is counted at each."""
    if len(each["backends"]) == 1:
        return "it"
    return "them, counted at each," if each["diverted_share"] else "them"
