"""The answer of ``sim breakeven``: the decision, then what it rests on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from sim.report.columns import Column
from sim.report.figures import ABSENT, Figure, duration, scale
from sim.report.parts import Grid, Paragraph, Part, Telling, Verdict, paragraphs
from sim.studies.breakeven import BreakEven
from sim.studies.breakeven.decision import notes, provisos
from sim.studies.breakeven.saving import amount, own_volume_words, short, whole

USD = Figure("cost_usd_per_month", "", "usd")
NONE = "none"


def tell(answer: BreakEven) -> Telling:
    """The whole answer."""
    payback = [_payback(answer)] if len(answer.payback) else []
    tables = (_own(answer), _switching(answer))
    by_volume = (_break_evens(answer), _costs(answer), _cheaper(answer))
    return Telling(
        answer.sentence,
        verdicts=tuple(_verdicts(answer)),
        details=paragraphs(notes(answer)),
        figures=(*tables, *by_volume, *payback),
        method=(Paragraph(_basis(answer)),),
        brief=(*paragraphs(provisos(answer)), _brief_switching(tables[1]), _brief_volumes(answer)),
    )


def _brief_switching(whole: Grid) -> Grid:
    """What each side would save, without what its signs and write-offs mean."""
    return replace(whole, notes=("below 0 a side costs more; paid at once, in months: medians",))


def _brief_volumes(answer: BreakEven) -> Grid:
    """From which volume on each side is the cheaper one, and at which price no more."""
    rows = [
        (
            row["side"],
            *(_bounded(row[level], answer) for level in ("p5", "p50", "p95")),
            f"{row['without_break_even']} of {row['worlds']}",
            _flip(row["flip_p50"]),
        )
        for row in answer.break_even_frame().to_dict("records")
    ]
    title = f"Break-even with {answer.reference}, {answer.arrivals} a day"
    foot = (
        f"flips at: share of its price at which {answer.reference} is the cheaper one at"
        f" {short(answer.volumes[-1])}, median"
    )
    return _table(title, ("side", "p5", "p50", "p95", "no break-even", "flips at"), rows, foot)


def _verdicts(answer: BreakEven) -> Iterator[Verdict]:
    """Which sides keep the SLO at no volume."""
    span = f"from {short(answer.volumes[0])} to {short(answer.volumes[-1])} {answer.arrivals} a day"
    for side, run in answer.runs.items():
        if answer.has_slo and not run.able:
            yield Verdict(False, f"The SLO with {side}", f"at no volume {span}")


def _own(answer: BreakEven) -> Grid:
    """What each side costs a month at the scenario's own volume."""
    rows = []
    for row in answer.own_costs_frame().to_dict("records"):
        usd = [row[f"p{p}_usd_per_month"] for p in (5, 50, 95)]
        cells = [amount(each) if math.isfinite(each) else ABSENT for each in usd]
        rows.append((row["side"], *cells, "" if row["keeps_slo"] else "does not keep the SLO"))
    title = f"Cost at the scenario's own volume, {own_volume_words(answer)}, USD a month"
    foot = "p5, p50 and p95 over worlds; a fixed fleet is the one of the table below"
    return _table(title, ("side", "p5", "p50", "p95", ""), rows, foot)


def _switching(answer: BreakEven) -> Grid:
    """What each side would save a month at the scenario's own volume."""
    header = ("side", "p5", "p50", "p95", "costs more in", "GPUs", "paid at once", "in months")
    rows: list[tuple[str, ...]] = []
    for each in answer.switches:
        if not each.able:
            rows.append((each.side, "–", "–", "–", "does not keep the SLO", "", "", ""))
            continue
        row = each.as_row()
        paid = bool(each.paid_usd.any())
        rows.append(
            (
                each.side,
                *(amount(float(row[f"saved_usd_per_month_p{p}"])) for p in (5, 50, 95)),
                f"{each.costs_more.count} of {answer.worlds}",
                _whole(math.nan if each.gpus is None else each.gpus),
                amount(float(row["paid_at_once_usd_p50"])) if paid else ABSENT,
                whole(float(row["payback_months_p50"])) if paid else ABSENT,
            )
        )
    title = f"Saved by switching from {answer.reference}, USD a month, at the scenario's own volume"
    foot = "paid at once, and the months until it is saved: medians; below 0 a side costs more"
    if any(each.written_off_usd > 0 for each in answer.switches):
        foot += (
            "; a month's cost contains the write-off of what is bought, which payback counts as"
            " paid at once"
        )
    return _table(title, header, rows, foot)


def _break_evens(answer: BreakEven) -> Grid:
    """Where each side breaks even, and the fleet there."""
    header = ("side", "p5", "p50", "95 % interval", "p95", "no break-even", "replicas", "used")
    rows = []
    for row in answer.break_even_frame().to_dict("records"):
        low, high = row["p50_low"], row["p50_high"]
        interval = "" if row["p5"] == row["p95"] else f"{_end(low)} … {_end(high)}"
        rows.append(
            (
                row["side"],
                *(_bounded(row[level], answer) for level in ("p5", "p50")),
                interval,
                _bounded(row["p95"], answer),
                f"{row['without_break_even']} of {row['worlds']}",
                _whole(row["replicas"]),
                _percent(row["utilisation_p50"]),
            )
        )
    title = f"Break-even with {answer.reference}, {answer.arrivals} a day"
    foot = (
        "replicas at the p50; used: work that comes against what that fleet can do at its largest"
        f" batch, median{_of_the_least(rows, answer)}"
    )
    return _table(title, header, rows, foot)


def _costs(answer: BreakEven) -> Grid:
    """Median cost of every side at every volume."""
    frame = answer.costs_frame(answer.volumes)
    sides = list(answer.runs)
    rows = []
    for volume in answer.volumes.tolist():
        here = frame[frame["volume"] == volume].set_index("side")
        best = here["cheapest_share"].idxmax()
        cells = []
        for side in sides:
            usd = float(here.loc[side, "p50_usd_per_month"])
            share = here.loc[side, "cheapest_share"]
            mark = "*" if 0 < share == here.loc[best, "cheapest_share"] else " "
            cells.append(("–" if math.isinf(usd) else _usd(usd)) + mark)
        rows.append((short(volume), *cells, _percent(float(here.loc[best, "cheapest_share"]))))
    title = "Cost in USD a month, median over worlds"
    unable = "" if frame["keeps_slo"].all() else "; – does not keep the SLO"
    foot = (
        "* the cheapest in more worlds than any other (or in as many, where several are marked): in"
        f" the last column{unable}; volumes in {answer.arrivals} a day"
    )
    return _table(title, ("volume", *(f"{side} " for side in sides), "sure"), rows, foot)


def _cheaper(answer: BreakEven) -> Grid:
    """Where the answer flips if prices change."""
    flips = answer.flips_frame()
    factors = list(dict.fromkeys(flips["reference_factor"]))
    sides = answer.break_even_frame().set_index("side")
    rows = []
    for side in sides.index:
        own = flips[flips["side"] == side].set_index("reference_factor")
        cells = [_bounded(float(own.loc[factor, "p50"]), answer) for factor in factors]
        row = sides.loc[side]
        rows.append((side, *cells, _flip(row["flip_p50"]), _years(row["flip_years_p50"])))
    header = (
        "side",
        *("as is" if f == 1 else f"−{1 - f:.0%}".replace("%", " %") for f in factors),
        "flips at",
        "in years",
    )
    same = ", ".join(f"−{1 - f:.0%} as ×{1 / f:.3g}".replace("%", " %") for f in factors if f != 1)
    title = f"Median break-even if {answer.reference} becomes cheaper"
    foot = (
        f"a bill of one's own that rises (GPU prices) does the same: {same}; flips at: share of its"
        f" price at which {answer.reference} is the cheaper again in the median world at"
        f" {short(answer.volumes[-1])}; in years: until it falls to that at its yearly_factor"
        f"{_of_the_least(rows, answer)}"
    )
    return _table(title, header, rows, foot)


def _payback(answer: BreakEven) -> Part:
    """How long what is paid at once takes to be saved."""
    rows = []
    for row in answer.payback.to_dict("records"):
        if math.isinf(row["p5_years"]):
            continue  # never, in hardly any world
        cells = [whole(12 * row[f"{level}_years"]) for level in ("p5", "p50", "p95")]
        rows.append((row["side"], short(row["volume"]), *cells, _percent(row["within_life"])))
    if not rows:
        return Paragraph("What is paid at once pays back at no volume.")
    within = "within the term" if answer.once.is_term else "within its life"
    header = ("side", "volume", "p5", "p50", "p95", within)
    foot = (
        "what is paid over what is saved, at the yearly_factor of the reference's price; all of it"
        " counts as paid at the beginning, so that no month after bears its write-off again"
    )
    return _table("Payback of what is paid at once, months", header, rows, foot)


def _basis(answer: BreakEven) -> str:
    return (
        f"Rests on {answer.worlds} worlds of {duration(answer.horizon_s)} at the least volume and"
        f" fewer above (runs.csv), seed {answer.seed}; a break-even is the volume from which on a"
        " side costs no more at all greater volumes in the range."
        + (f" A day is a mean one of {answer.month}." if answer.month else "")
    )


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], foot: str) -> Grid:
    """A table under its title; names of sides to the left, figures to the right."""
    first, *others = header
    columns = (Column(f"  {first}", right=False, text=True), *map(Column, others))
    named = [(f"  {side}", *cells) for side, *cells in rows]
    return Grid(columns, (("", named),), title, (foot,))


def _bounded(volume: float, answer: BreakEven) -> str:
    """A break-even; one at the beginning of the range may be below it."""
    return f"≤{short(volume)}" if volume <= answer.volumes[0] else short(volume)


def _of_the_least(rows: Sequence[Sequence[str]], answer: BreakEven) -> str:
    """What a break-even says that lies where the range begins."""
    least = _bounded(answer.volumes[0], answer)
    if not any(least in row for row in rows):
        return ""
    return (
        f"; {least}: the cheaper one from the least volume of the range on, and maybe below it"
        " (smaller --volumes tell)"
    )


def _end(volume: float) -> str:
    return "?" if math.isnan(volume) else short(volume)


def _usd(value: float) -> str:
    chosen = scale(USD, value)
    return chosen.text(value) + chosen.unit.removesuffix("USD")


def _whole(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{value:,.0f}"


def _percent(value: float) -> str:
    return ABSENT if math.isnan(value) else f"{value:.0%}".replace("%", " %")


def _flip(ratio: float) -> str:
    return ABSENT if math.isinf(ratio) else f"{ratio:.0%}".replace("%", " %")


def _years(years: float) -> str:
    return "never" if math.isinf(years) or pd.isna(years) else f"{years:.1f}"
