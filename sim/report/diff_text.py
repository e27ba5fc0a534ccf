"""The answer of ``sim diff`` as text: what was changed, then what came of it."""

from typing import Any

from sim.report.columns import Column, table
from sim.report.compare_text import render as compared
from sim.report.paragraph import filled
from sim.studies.diff import Difference

CHANGED = (
    Column("Changed", right=False, text=True),
    Column("before", right=False, text=True),
    Column("after", right=False, text=True),
)
NONE = "–"


def render(answer: Difference) -> str:
    """Both as text."""
    first, second = answer.labels
    count = len(answer.changes)
    said = f"{count:,} key{'' if count == 1 else 's'} changed" if count else "the same scenario"
    parts = [filled(f"From {first} to {second}: {said}.")]
    rows = [(each.path, _written(each.before), _written(each.after)) for each in answer.changes]
    if rows:
        parts.append("\n".join(table(CHANGED, rows).lines))
    parts += [filled(note) for note in answer.notes]
    return "\n\n".join([*parts, compared(answer.comparison)])


def _written(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
