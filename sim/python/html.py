"""Answers as a notebook shows them: the decision, and a compact table below it.

All text that comes from a scenario is escaped.
"""

from collections.abc import Iterable, Sequence
from html import escape

from sim.report.parts import Grid

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


def grid(shown: Grid) -> str:
    """A table as it is printed, in words and units, with what its signs mean."""
    heads = [" ".join(column.head.split()) for column in shown.columns]
    title = f"<p>{escape(shown.title)}</p>" if shown.title else ""
    notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in shown.notes)
    return title + rows(heads, shown.blocks) + notes


def _cells(tag: str, texts: Sequence[str]) -> str:
    first, *others = texts
    return f'<{tag} style="{LEFT}">{escape(first.strip())}</{tag}>' + "".join(
        f"<{tag}>{escape(each)}</{tag}>" for each in others
    )
