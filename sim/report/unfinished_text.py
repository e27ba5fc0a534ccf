"""What an ended study had found, as text."""

import math

import click

from sim.report.figures import ABSENT, Figure, scale
from sim.report.paragraph import filled
from sim.studies.unfinished import Case, Unfinished

USD = Figure("cost_usd_per_month", "", "usd")
SECONDS = Figure("latency", "", "seconds")
NAME = 34  # of a case, at most
HEADER = ("", "worlds", "SLO met in", "a month", "first token p95")


def unfinished_text(found: Unfinished) -> str:
    """That there is no answer, and a line for each case."""
    many = "case" if len(found.cases) == 1 else "cases"
    head = (
        f"Unfinished: sim {found.study} of {found.scenario} was ended before its answer. Simulated"
        f" until then: {found.worlds:,} worlds of {len(found.cases):,} {many}, which decide nothing"
        " yet; cost and latency are those of the median world."
    )
    rows = [HEADER, *(_row(each) for each in found.cases)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        )
        for name, *rest in rows
    ]
    lines = [line.rstrip() for line in lines]
    return "\n".join([filled(head), "", click.style(lines[0], bold=True), *lines[1:]])


def _row(case: Case) -> tuple[str, ...]:
    name = case.about if len(case.about) <= NAME else f"{case.about[: NAME - 1]}…"
    of = f"{case.worlds:,} of {case.asked:,}" if case.worlds < case.asked else f"{case.worlds:,}"
    kept = ABSENT if case.kept is None else f"{case.kept.count:,} of {case.kept.worlds:,}"
    return (name, of, kept, _amount(USD, case.usd_per_month), _amount(SECONDS, case.ttft_p95_s))


def _amount(figure: Figure, value: float) -> str:
    if math.isnan(value):
        return ABSENT
    chosen = scale(figure, value)
    return f"{chosen.text(value)} {chosen.unit}".rstrip()
