"""The answer of ``sim plan`` as text: a sentence, then the months."""

import math
from collections.abc import Iterator

import numpy as np

from sim.report.figures import Figure, scale
from sim.report.paragraph import filled
from sim.studies.plan.answer import Plan

Row = tuple[str, ...]

THOUSANDS = 10_000.0  # USD a month, from which on they are counted in thousands
ROWS = 12  # months that are shown at most, besides those simulated
USD = Figure("cost_usd", "", "usd")
SECONDS = Figure("ttft", "", "seconds")


def render(answer: Plan) -> str:
    """The whole answer."""
    unit = 1e3 if np.quantile(answer.cost_usd, 0.5, axis=0).max() >= THOUSANDS else 1.0
    rows = [*_head(unit), *(_row(answer, month, unit) for month in _shown(answer))]
    columns = [column for column in zip(*rows, strict=True) if any(column[len(_head(unit)) :])]
    widths = [max(map(len, column)) for column in columns]
    table = (_line(row, widths) for row in zip(*columns, strict=True))
    return "\n".join([filled(answer.sentence), "", *table, "", *map(filled, _notes(answer))])


def _head(unit: float) -> tuple[Row, Row]:
    usd = "USD" if unit == 1.0 else "kUSD"
    return (
        ("", "volume", "GPUs", "GPUs", "cost a month,", "gross", "first token p95", "worlds"),
        (
            "month",
            "times",
            "at peak",
            "reserved",
            f"p50 (p5 … p95) {usd}",
            "margin",
            "weekday, peak",
            "that hold",
        ),
    )


def _line(cells: Row, widths: list[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _shown(answer: Plan) -> list[int]:
    """Months in the table: evenly spread, and those simulated."""
    months = answer.outlook.months
    return sorted({*range(0, months, math.ceil(months / ROWS)), *answer.simulated})


def _row(answer: Plan, month: int, unit: float) -> Row:
    volume, gpus = answer.volume[:, month], answer.most_gpus[:, month]
    reserved = sum(each.gpus for each in answer.commitments if each.first <= month < each.end)
    margin = answer.margin[:, month]
    held = dict(zip(answer.simulated, answer.held, strict=True)).get(month)
    return (
        str(month + 1),
        f"{np.median(volume):.3g}",
        _spread(gpus) if answer.gpus else "",
        f"{reserved:,.0f}" if answer.gpus else "",
        _spread(answer.cost_usd[:, month] / unit),
        "" if np.isnan(margin).all() else f"{100.0 * np.median(margin):.0f} %",
        f"{_seconds(answer.weekday_p95_s[:, month])}, {_seconds(answer.peak_p95_s[:, month])}",
        "" if held is None else f"{held} of {answer.worlds}",
    )


def _spread(values: np.ndarray) -> str:
    """Median, p5 and p95 over worlds; one number if all are the same."""
    low, middle, high = (float(each) for each in np.quantile(values, (0.05, 0.5, 0.95)))
    digits = 0 if middle >= 100 or middle.is_integer() else 1
    shown = [f"{each:,.{digits}f}" for each in (low, middle, high)]
    return shown[1] if low == high else f"{shown[1]} ({shown[0]} … {shown[2]})"


def _seconds(values: np.ndarray) -> str:
    middle = float(np.median(values))
    unit = scale(SECONDS, middle)
    return f"{unit.text(middle)} {unit.unit}"


def _notes(answer: Plan) -> Iterator[str]:
    outlook = answer.outlook
    yield (
        f"Months are made of weekdays, weekend days, and {outlook.peak_days:g} peak"
        f" day{'' if outlook.peak_days == 1 else 's'} of {outlook.peak_factor:g} times the volume;"
        f" months {', '.join(str(month + 1) for month in answer.simulated)} were simulated,"
        f" the others lie between them. {answer.worlds} worlds."
    )
    margins = [margin for margin in answer.margins if not math.isnan(margin)]
    if margins:
        yield (
            f"Replicas are {min(margins):g} to {max(margins):g} times what the peak day fills by a"
            " fluid estimate, as the SLO asks."
        )
    unsure = [
        m + 1 for m, w in zip(answer.simulated, answer.words, strict=True) if w == "cannot tell"
    ]
    if unsure:
        share = f"{100.0 * answer.probability:g} %"
        yield (
            f"Cannot tell at {answer.worlds} worlds whether {share} of worlds keep the SLO in month"
            f"{'' if len(unsure) == 1 else 's'} {', '.join(map(str, unsure))}; try more --worlds."
        )
    if any(each.first + 12 > each.end for each in answer.commitments):
        yield "A reservation that the plan cuts short is paid to its last month here only."
