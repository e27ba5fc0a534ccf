"""The sections of a page as HTML, each with its heading; empty ones are left out."""

import base64
from collections.abc import Iterator

from sim.report.columns import Column
from sim.report.page.document import Attachment, Key, Page, Picture
from sim.report.page.elements import elements, table
from sim.report.page.escape import as_html, as_text
from sim.report.page.specs import compact, sentences
from sim.report.parts import Verdict

KEYS = (
    Column("Figure", right=False),
    Column("Median"),
    Column("95 % interval"),
    Column("p5 … p95 over worlds"),
)
TAKEN = ("SVG", "PNG", "CSV")  # as which a chart can be taken along


def sections(page: Page) -> str:
    """All that is between the page's head and its foot."""
    parts = (
        _answer(page),
        _section("figures", "Key figures", _figures(page)),
        _section("pictures", "Pictures", "".join(map(_picture, page.pictures))),
        _section("assumptions", "What it rests on", elements(page.assumptions)),
        _section("method", "Method and caveats", elements(page.method)),
        _section("scenario", "Scenario", "".join(map(_attachment, page.scenarios))),
    )
    return "\n".join(filter(None, parts))


def _answer(page: Page) -> str:
    verdicts = "".join(map(_verdict, page.verdicts))
    ticks = f'<ul class="verdicts">{verdicts}</ul>' if verdicts else ""
    details = elements(page.details)
    beside = f'<div class="beside">{details}</div>' if details else ""
    return f'<section id="answer"><h1>{as_text(page.answer)}</h1>{ticks}{beside}</section>'


def _section(name: str, title: str, body: str) -> str:
    if not body:
        return ""
    return f'<section id="{name}"><h2>{title}</h2>\n{body}</section>'


def _verdict(verdict: Verdict) -> str:
    kind = {None: "open", True: "kept", False: "missed"}[verdict.kept]
    return (
        f'<li class="{kind}"><span class="sign"><span aria-hidden="true">{verdict.sign}</span>'
        f" {verdict.word}"
        f"</span> <bdi>{as_text(verdict.what)}</bdi><br><bdi>{as_text(verdict.found)}</bdi></li>"
    )


def _figures(page: Page) -> str:
    keys = table(KEYS, ["<tbody>", *map(_key, page.keys), "</tbody>"])
    first = f'<div class="keys">{keys}</div>' if page.keys else ""
    others = elements(page.figures)
    if not first or not others:
        return first or others
    return f'{first}<details id="all"><summary>All figures</summary>{others}</details>'


def _key(key: Key) -> str:
    value = f'<data value="{key.value!r}" data-metric="{as_html(key.metric)}">'
    cells = (f"{value}{as_text(key.middle)}</data>", as_text(key.interval), as_text(key.spread))
    names = (each.head for each in KEYS[1:])
    row = "".join(
        f'<td class="n" data-name="{name}">{cell}</td>'
        for name, cell in zip(names, cells, strict=True)
    )
    return f'<tr><th scope="row"><bdi>{as_text(key.label)}</bdi></th>{row}</tr>'


def _picture(picture: Picture) -> str:
    chart = compact(picture.spec)
    buttons = "".join(
        f'<button type="button" data-take="{kind.lower()}">{kind}</button>' for kind in TAKEN
    )
    name = as_html(picture.name)
    title, subtitle = as_html(" ".join(chart["title"])), as_html(sentences(chart["subtitle"]))
    return (
        f'<figure data-chart="{name}"><figcaption><h3>{title}</h3>'
        f"<p>{subtitle}</p></figcaption>"
        f'<div class="chart" role="img" aria-label="{as_html(picture.alternative)}"></div>'
        f'<p class="take">{buttons}</p></figure>\n'
    )


def _attachment(attached: Attachment) -> str:
    name = as_html(attached.file)
    content = base64.b64encode(attached.text.encode("utf-8", "surrogateescape")).decode()
    return (
        f'<p><a class="button" download="{name}" href="data:application/yaml;base64,{content}">'
        f"Download {name}</a></p>"
        f"<details><summary>{name}</summary><pre><code>{as_html(attached.text)}</code></pre>"
        "</details>"
    )


def chart_data(page: Page) -> Iterator[tuple[str, dict[str, object]]]:
    """What the page's script draws, by the names of the charts."""
    for picture in page.pictures:
        yield picture.name, compact(picture.spec)
