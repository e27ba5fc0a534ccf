"""Parts of an answer as HTML."""

import re
from collections.abc import Iterable, Iterator

from sim.report.columns import Column
from sim.report.page.escape import as_html, as_text, dated
from sim.report.parts import Command, Grid, Items, Paragraph, Part

NARROW = 3  # columns that a phone has room for
BETWEEN_KEYS = re.compile(r"([./_])(?=[a-z_])")  # where the path of a key may be broken


def elements(parts: Iterable[Part]) -> str:
    """Parts one after the other."""
    return "\n".join(_element(part) for part in parts)


def table(columns: Iterable[Column], body: Iterable[str], cards: bool = False) -> str:
    """A table of rows that are HTML already, which may be wider than the page.

    On a phone each row of ``cards`` is one, a cell on a line with its heading beside it.
    """
    heads = "".join(
        f'<th scope="col"{_side(each)}>{as_html(" ".join(each.head.split()))}</th>'
        for each in columns
    )
    kind = ' class="cards"' if cards else ""
    return (
        f'<div class="wide" tabindex="0"><table{kind}><thead><tr>{heads}</tr></thead>'
        f"{''.join(body)}</table></div>"
    )


def _element(part: Part) -> str:
    match part:
        case Paragraph(text):
            return f"<p>{as_text(text)}</p>"
        case Items(items, title):
            head = f"<h3>{as_text(title)}</h3>" if title else ""
            lines = "".join(f"<li>{as_text(item)}</li>" for item in items)
            return f"{head}<ul>{lines}</ul>"
        case Grid():
            head = f"<h3>{as_text(part.title)}</h3>" if part.title else ""
            notes = "".join(f'<p class="note">{as_text(note)}</p>' for note in part.notes)
            columns, body = _filled(part)
            return head + table(columns, body, cards=len(columns) > NARROW) + notes
        case Command(purpose, command):
            said = f"<p>{as_text(purpose)}</p>" if purpose else ""
            return f"{said}<pre><code>{as_html(command)}</code></pre>"


def _filled(grid: Grid) -> tuple[list[Column], Iterator[str]]:
    """Columns that are not empty in all rows, and the rows as HTML."""
    rows = [row for _, block in grid.blocks for row in block]
    kept = [
        at for at, _ in enumerate(grid.columns) if at == 0 or not rows or any(r[at] for r in rows)
    ]
    return [grid.columns[at] for at in kept], _bodies(grid, kept)


def _bodies(grid: Grid, kept: list[int]) -> Iterator[str]:
    for title, block in grid.blocks:
        yield "<tbody>"
        if title:
            yield (
                f'<tr><th class="block" scope="rowgroup" colspan="{len(kept)}">{as_text(title)}'
                "</th></tr>"
            )
        for row in block:
            yield f"<tr>{''.join(_cell(grid.columns[at], row[at], at) for at in kept)}</tr>"
        yield "</tbody>"


def _cell(column: Column, text: str, at: int) -> str:
    """A cell; the first names its row, the others say under which heading they are."""
    head = as_html(" ".join(column.head.split()))
    kind = 'th scope="row"' if at == 0 else f'td data-name="{head}"'
    inner = dated(BETWEEN_KEYS.sub(r"\1<wbr>", as_html(text.strip())))
    said = f"<bdi>{inner}</bdi>" if inner else ""
    return f"<{kind}{_side(column)}>{said}</{kind[:2]}>"


def _side(column: Column) -> str:
    return ' class="n"' if column.right else ' class="t"' if column.text else ""
