"""The answer of ``sim diff`` as text: what was changed, then what came of it."""

from dataclasses import replace
from typing import Any

from sim.report.columns import Column
from sim.report.compare_text import tell as compared
from sim.report.parts import Grid, Paragraph, Part, Telling, as_text, paragraphs
from sim.studies.diff import Difference

CHANGED = (
    Column("Changed", right=False, text=True),
    Column("before", right=False, text=True),
    Column("after", right=False, text=True),
)
FEW = 12  # keys, which stand before what came of them
MOST = 24  # keys that are shown
NONE = "–"


def render(answer: Difference) -> str:
    """Both as text."""
    told = compared(answer.comparison)
    return "\n\n".join([as_text(changed(answer)), told.text()])


def tell(answer: Difference) -> Telling:
    """The comparison, with what was changed beside it."""
    told = compared(answer.comparison)
    said, keys = _said(answer), _keys(answer)
    if len(answer.changes) <= FEW:
        return replace(told, details=(*said, *keys, *told.details), brief=())
    figures = (*told.figures, *keys)  # what came of them is not to be looked for behind
    return replace(told, details=(*said, *told.details), figures=figures, brief=())


def changed(answer: Difference) -> tuple[Part, ...]:
    """What was changed, and why differences may come of something else."""
    return (*_said(answer), *_keys(answer))


def _said(answer: Difference) -> tuple[Part, ...]:
    """How much was changed, and why differences may come of something else."""
    first, second = answer.labels
    count = len(answer.changes)
    said = f"{count:,} key{'' if count == 1 else 's'} changed" if count else "the same scenario"
    return (Paragraph(f"From {first} to {second}: {said}."), *paragraphs(answer.notes))


def _keys(answer: Difference) -> tuple[Part, ...]:
    """The keys that were changed, the first of many."""
    rows = [(each.path, _written(each.before), _written(each.after)) for each in answer.changes]
    more = len(rows) - MOST
    notes = (f"and {more:,} more, which 'sim diff --json' has",) if more > 0 else ()
    return (Grid(CHANGED, (("", rows[:MOST]),), notes=notes),) if rows else ()


def _written(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
