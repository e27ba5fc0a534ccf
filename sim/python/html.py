"""Answers as a notebook shows them: the decision, and a compact table below it.

All text that comes from a scenario is escaped.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd

MOST_ROWS, MOST_COLUMNS = 12, 8
DIGITS = 5
LEFT = "text-align:left"


def decision(sentence: str) -> str:
    """The decision as a paragraph."""
    return f'<p style="max-width:60em"><b>{escape(sentence)}</b></p>'


def rows(head: Sequence[str], blocks: Iterable[tuple[str, Iterable[Sequence[str]]]]) -> str:
    """A table of text, with a heading above each block of rows; the first column flush left."""
    parts = [f"<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>"]
    for title, block in blocks:
        heading = f'<th colspan="{len(head)}" style="{LEFT}">{escape(title)}</th>'
        parts.append(f"<tr>{heading}</tr>" if title else "")
        parts += [f"<tr>{_cells('td', row)}</tr>" for row in block]
    return "".join([*parts, "</tbody></table>"])


def frame(table: pd.DataFrame) -> str:
    """The first rows and columns of a table, and how many more there are."""
    shown = table.iloc[:MOST_ROWS, :MOST_COLUMNS]
    body = [[_value(value) for value in row] for row in shown.itertuples(index=False)]
    more = [
        f"{left:,} {what} more"
        for left, what in zip(
            (len(table) - len(shown), table.shape[1] - shown.shape[1]),
            ("rows", "columns"),
            strict=True,
        )
        if left
    ]
    note = f"<p><small>{', '.join(more)}</small></p>" if more else ""
    return rows([str(name) for name in shown.columns], [("", body)]) + note


def _cells(tag: str, texts: Sequence[str]) -> str:
    first, *others = texts
    return f'<{tag} style="{LEFT}">{escape(first.strip())}</{tag}>' + "".join(
        f"<{tag}>{escape(each)}</{tag}>" for each in others
    )


def _value(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:,.{DIGITS}g}"
    return "–" if value is None else str(value)
