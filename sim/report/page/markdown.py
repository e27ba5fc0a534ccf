"""A page as Markdown, short enough for the description of a pull request."""

import re
from collections.abc import Iterable, Iterator

from sim.report.columns import Column
from sim.report.page.document import Key, Page
from sim.report.page.escape import as_markdown
from sim.report.page.sections import KEYS
from sim.report.parts import Command, Grid, Items, Paragraph, Part

Rows = Iterable[Iterable[str]]

BACKTICKS = re.compile("`+")


def markdown(page: Page) -> str:
    """The answer, its verdicts and figures; what it rests on is folded away."""
    blocks = [f"### {as_markdown(page.title)}", f"**{as_markdown(page.answer)}**"]
    if page.verdicts:
        blocks.append("\n".join(_verdicts(page)))
    blocks += _parts(page.details)
    if page.keys:
        blocks.append(_table(KEYS, map(_key, page.keys)))
    for title, parts in (
        ("All figures", page.figures),
        ("What it rests on", page.assumptions),
        ("Method and caveats", page.method),
    ):
        if parts:
            body = "\n\n".join(_parts(parts))
            blocks.append(f"<details><summary>{title}</summary>\n\n{body}\n\n</details>")
    blocks.append(f"<sub>{page.kind}, Peakfleet {page.version}</sub>")
    return "\n\n".join(blocks) + "\n"


def _verdicts(page: Page) -> Iterator[str]:
    for each in page.verdicts:
        yield f"- **{each.sign} {each.word}** {as_markdown(each.what)}: {as_markdown(each.found)}"


def _key(key: Key) -> tuple[str, ...]:
    return key.label, key.middle, key.interval, key.spread


def _parts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        yield "\n\n".join(_part(part))


def _part(part: Part) -> Iterator[str]:
    match part:
        case Paragraph(text):
            yield as_markdown(text)
        case Items(items, title):
            if title:
                yield f"**{as_markdown(title)}**"
            yield "\n".join(f"- {as_markdown(item)}" for item in items)
        case Grid():
            if part.title:
                yield f"**{as_markdown(part.title)}**"
            yield _table(part.columns, _rows(part))
            yield from map(as_markdown, part.notes)
        case Command(purpose, command):
            yield as_markdown(purpose)
            yield _fenced(command)


def _rows(grid: Grid) -> Iterator[Iterable[str]]:
    """Rows; what is over a block of them as a row of its own."""
    for title, block in grid.blocks:
        if title:
            yield (title, *[""] * (len(grid.columns) - 1))
        yield from block


def _table(columns: Iterable[Column], rows: Rows) -> str:
    heads = list(columns)
    lines = [
        [" ".join(each.head.split()) for each in heads],
        ["---:" if each.right else ":---" for each in heads],
        *rows,
    ]
    return "\n".join(_line(cells, plain=at == 1) for at, cells in enumerate(lines))


def _line(cells: Iterable[str], plain: bool) -> str:
    shown = [cell if plain else as_markdown(cell) for cell in cells]
    return f"| {' | '.join(shown)} |"


def _fenced(text: str) -> str:
    """A text as it is, within a fence that is longer than any in it."""
    fence = "`" * max(3, 1 + max(map(len, BACKTICKS.findall(text)), default=0))
    return f"{fence}\n{text}\n{fence}"
