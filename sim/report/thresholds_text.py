"""What became of the conditions that were set for a run: one line each, the first that is read."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from sim.montecarlo.shares import percent
from sim.report.columns import Column, table
from sim.report.figures import Figure, Kind, scale
from sim.scenario.values.threshold import kind_of

KEPT, MISSED = "✓ kept  ", "✗ missed"
_KINDS: dict[str, Kind] = {
    "share": "share", "money": "usd", "duration": "seconds", "count": "count", "power": "rate"
}  # fmt: skip
UNDECIDED = "; more worlds may decide otherwise"


def threshold_lines(judged: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each, as ``summary.json`` has them: kept or not, the figure and its interval."""
    heads = (Column("", right=False), *(Column("", right=False, text=True) for _ in range(2)))
    return [_coloured(line) for line in table(heads, [_row(each) for each in judged]).lines]


def _row(judged: Mapping[str, Any]) -> tuple[str, str, str]:
    return KEPT if judged["kept"] else MISSED, judged["threshold"], verdict_words(judged)


def verdict_words(judged: Mapping[str, Any]) -> str:
    """What was found, and whether more worlds may decide otherwise."""
    if judged["value"] is None:
        return "there is no such figure in this run"
    return f"{_figure(judged)}{'' if judged['certain'] else UNDECIDED}"


def _coloured(line: str) -> str:
    for word, colour in ((KEPT, "green"), (MISSED, "red")):
        if line.startswith(word):
            return click.style(word, fg=colour, bold=True) + line.removeprefix(word)
    return line


def _figure(judged: Mapping[str, Any]) -> str:
    """The figure and its interval, on the scale that the table of a run has for it."""
    value, ends = judged["value"], judged["value_ci"]
    name = judged["threshold"].split(" ")[0].partition(":")[0]
    kind = _KINDS[kind_of(name)]
    if kind == "share":
        texts = ["?" if each is None else percent(each) for each in (value, *ends)]
        unit = ""
    else:
        on = scale(Figure(name, name, kind, "W" if kind == "rate" else ""), value)
        texts = ["?" if each is None else on.text(each) for each in (value, *ends)]
        unit = f" {on.unit}" if on.unit else ""
    within = "" if ends == [None, None] else f" ({texts[1]} … {texts[2]})"
    return f"{texts[0]}{unit}{within}"
