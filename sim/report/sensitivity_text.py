"""The answer of ``sim sensitivity``: what to measure first, then a table per measure."""

import math
from collections.abc import Iterator

import pandas as pd

from sim.report.columns import Column
from sim.report.parts import Grid, Items, Paragraph, Part, Telling, Verdict, paragraphs
from sim.report.verdicts import in_worlds
from sim.studies.measure import Measure, compact
from sim.studies.sensitivity.answer import (
    CHANCE,
    ROUGH,
    Influence,
    Sensitivity,
    percent,
    short_names,
    unled,
)

NAME = 30  # of an input, at most
DRAWN = "drawn together"  # inputs that have no p10 of their own
FEW = 3  # inputs on one screen
BRIEF = (0, 1, 3, 5)  # columns there
HEADER = (
    Column("", right=False),
    *map(Column, ("alone", "95 %", "in all", "input p10 → p90", "moves it from … to")),
)


def tell(answer: Sensitivity) -> Telling:
    """The study."""
    inputs = len(answer.influences[0].factors) - 1
    plural = "s" if inputs != 1 else ""
    basis = (
        f"Sobol indices of {inputs} uncertain input{plural} from {answer.rows} rows;"
        f" {answer.worlds:,} worlds simulated."
    )
    if answer.rough:
        basis += f" From fewer than {ROUGH} rows (--worlds {ROUGH}) all of it is rough."
    return Telling(
        answer.sentence,
        verdicts=tuple(_verdicts(answer)),
        details=(Paragraph(basis),),
        figures=tuple(map(_block, answer.influences)),
        method=paragraphs(_notes(answer)),
        brief=tuple(map(_brief, answer.influences)),
    )


def _verdicts(answer: Sensitivity) -> Iterator[Verdict]:
    """Whether what is asked as a yes or no holds in enough worlds."""
    for each in answer.influences:
        if each.held is not None:
            yield in_worlds(each.held, _capital(each.measure.words()))


def _block(each: Influence) -> Part:
    measure = each.measure
    title, spread = _capital(measure.words()), _spread(each)
    if not each.varies:
        return Items((f"{spread}.",), title)
    names = short_names(each.factors["factor"].tolist())
    rows = [_row(row, names, measure) for _, row in each.factors.iterrows()]
    return Grid(HEADER, (("", rows),), f"{title}: {spread}", (_worth(each, names),))


def _brief(each: Influence) -> Part:
    """What moves a measure most, and what to learn first."""
    measure = each.measure
    title = f"{_capital(measure.words())}: {_spread(each)}"
    names = short_names(each.factors["factor"].tolist())
    first = each.factors[each.factors["factor"] != CHANCE].head(FEW)
    if not each.varies or first["total"].isna().all():
        return Items((_worth(each, names),) if each.varies else ("nothing moves it.",), title)
    cells = (_row(row, names, measure) for _, row in first.iterrows())
    rows = [tuple(cell for at, cell in enumerate(row) if at in BRIEF) for row in cells]
    heads = tuple(column for at, column in enumerate(HEADER) if at in BRIEF)
    return Grid(heads, (("", rows),), title, (_worth(each, names),))


def _spread(each: Influence) -> str:
    """The measure over worlds, in words."""
    if math.isnan(each.mean):
        return "undefined in too many worlds"
    if each.held is not None:
        return f"in {each.held.words()}"
    if not each.varies:
        return f"{each.measure.amount(each.mean)} in every world"
    middle = each.measure.amount(each.p50)
    low, high = each.measure.amounts(each.p5, each.p95)
    return f"{middle} in the median world, {low} … {high} in nine of ten (p5 … p95)"


def _row(row: "pd.Series[float]", names: dict[str, str], measure: Measure) -> tuple[str, ...]:
    factor = str(row["factor"])
    known = not math.isnan(row["first_low"])
    interval = f"{_points(row['first_low'])} … {_points(row['first_high'])}" if known else ""
    name = f"  {_shortened(names[factor])}"
    cells = (name, percent(row["first"]), interval, percent(row["total"]))
    if factor == CHANCE:
        return (*cells, "", "")
    ends = f"{compact(row['input_p10'])} → {compact(row['input_p90'])}"
    ends = DRAWN if math.isnan(row["input_p10"]) else ends
    return (*cells, ends, _swing(row, measure))


def _swing(row: "pd.Series[float]", measure: Measure) -> str:
    low, high = row["at_p10"], row["at_p90"]
    if math.isnan(row["swing"]):
        return "–"
    if row["swing"] == 0.0:
        return f"stays {measure.amounts(low)[0]}"
    first, last = measure.amounts(low, high)
    if first == last.partition(" ")[0]:
        return f"stays {last}"
    within_chance = row["swing_low"] <= 0.0 <= row["swing_high"]
    return f"{first} → {last}{'?' if within_chance else ''}"


def _worth(each: Influence, names: dict[str, str]) -> str:
    """What it is worth to learn an input, in words."""
    if not each.led:
        text = unled(each, names)
        return f"{_capital(text)}."
    row = each.factors.loc[each.factors["factor"] == each.leader].iloc[0]
    if each.measure.decision:
        return (
            f"Learn {names[each.leader]} first: it would take away {percent(row['first'])} of the"
            f" uncertainty of the decision (of the variance of yes or no)."
        )
    now, known = each.measure.amounts(each.p95 - each.p5, float(row["width_known"]))
    return (
        f"Learn {names[each.leader]} first: p5 … p95 would narrow from {now} to about {known} wide."
    )


def _notes(answer: Sensitivity) -> Iterator[str]:
    varied = [each for each in answer.influences if each.varies]
    if varied:
        yield (
            "alone: share of the variance that goes away once this input is known (first-order"
            " index). in all: with its interactions (total index). Chance within a world is what"
            " arrivals, lengths and failures do; its share in all would remain if every input were"
            " known. Intervals have 95 %. The last columns move one input, the others at their"
            " medians."
        )
    if any("?" in _swing(row, e.measure) for e in varied for row in _inputs(e)):
        yield "?  within what chance alone does between worlds."
    yield from answer.notes
    if answer.fixed:
        yield f"Written as uncertain, but never varies: {', '.join(answer.fixed)}."
    if answer.overloaded_share > 0.0:
        yield f"The fleet falls behind in {percent(answer.overloaded_share)} of worlds."
    for each in answer.influences:
        if each.ranked and each.varies:
            reason = (
                f"in {percent(each.lower_bound_share)} of worlds it is a lower bound only, for the"
                " backlog would have grown further"
                if each.lower_bound_share > 0.0
                else "a few extreme worlds hold more than half of its variance"
            )
            yield (
                f"{_capital(each.measure.words())}: the indices are those of its rank among all"
                f" worlds, because {reason}."
            )
        if each.undefined:
            yield (
                f"{_capital(each.measure.words())} is undefined in some worlds of"
                f" {each.undefined} rows, which were left out."
            )


def _inputs(each: Influence) -> Iterator["pd.Series[float]"]:
    for _, row in each.factors.iterrows():
        if row["factor"] != CHANCE:
            yield row


def _points(share: float) -> str:
    """An end of an interval, in per cent: what chance puts outside of 0 to 100 is cut off."""
    return f"{100 * min(max(share, 0.0), 1.0):.0f}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _shortened(name: str) -> str:
    """The name, without as many of its first keys as do not fit."""
    shown = name
    while len(shown) > NAME and "." in shown.removeprefix("…"):
        shown = f"…{shown.partition('.')[2]}"
    return shown if len(shown) <= NAME else f"…{shown[1 - NAME :]}"
