"""Pictures of ``sim breakeven``: cost over volume, the distribution of the break-even, payback."""

import math

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import amount, amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.style import (
    GREY,
    HEIGHT,
    PALETTE,
    Align,
    at_y,
    brief_names,
    drawn,
    legend,
    level,
)
from sim.studies.breakeven import BreakEven
from sim.studies.breakeven.findings import Verdict
from sim.studies.breakeven.saving import short

TALL = HEIGHT + 60
MONTH_DAYS = 365.25 / 12
DASHES = ([1, 0], [8, 3], [3, 2], [10, 3, 2, 3], [2, 2])  # besides colours


def breakeven_charts(answer: BreakEven) -> list[Chart]:
    """What each volume costs on each side, and where the sides break even."""
    charts = [_costs(answer), _shares(answer)]
    if len(answer.payback) and np.isfinite(answer.payback["p50_years"]).any():
        charts.append(_payback(answer))
    return charts


def _sides(answer: BreakEven) -> dict[str, str]:
    """Short names of all sides, the reference last."""
    others = [name for name in answer.runs if name != answer.reference]
    return brief_names([*others, answer.reference], 30)


def _channels(answer: BreakEven, shown: list[str]) -> tuple[alt.Color, alt.StrokeDash]:
    """Colour and dash of each side: the reference is grey, and a line without gaps."""
    names = _sides(answer)
    sides = list(names.values())
    colours = {side: PALETTE[n % len(PALETTE)] for n, side in enumerate(sides)}
    dashes = {side: DASHES[n % len(DASHES)] for n, side in enumerate(sides)}
    reference = names[answer.reference]
    colours[reference], dashes[reference] = GREY, [1, 0]
    lines = legend(shown, symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3)
    return (
        alt.Color(
            "side:N",
            scale=alt.Scale(domain=shown, range=[colours[side] for side in shown]),
            legend=lines,
        ),
        alt.StrokeDash(
            "side:N",
            scale=alt.Scale(domain=shown, range=[dashes[side] for side in shown]),
            legend=None,
        ),
    )


def _volume(answer: BreakEven) -> alt.X:
    ends = [float(answer.volumes[0]), float(answer.volumes[-1])]
    channel = amounts("rate", ends, f"{answer.arrivals} a day (log scale)", log=True)
    channel["scale"].domain = ends
    return alt.X("volume:Q", **channel)


def _today(answer: BreakEven) -> list[alt.Chart]:
    """The scenario's own volume, where it is in the range."""
    usual, ends = answer.own.usual, answer.volumes[[0, -1]]
    if not ends[0] <= usual <= ends[1]:
        return []
    line = alt.Chart(pd.DataFrame({"volume": [usual], "label": [f"today: {short(usual)}"]})).encode(
        x=alt.X("volume:Q")
    )
    late = math.log(usual / ends[0]) > 0.85 * math.log(ends[1] / ends[0])
    align: Align = "right" if late else "left"
    name = line.mark_text(align=align, baseline="bottom", dx=-4 if late else 4, dy=-6)
    rule = line.mark_rule(color=GREY, strokeDash=[2, 3], strokeWidth=2)
    return [rule, name.encode(y=at_y("height"), text=alt.Text("label:N"))]


def _median(verdict: Verdict) -> float:
    """The median break-even, as the table has it; infinite where half of the worlds have none."""
    return verdict.breaking.level(0.5)


def _within(answer: BreakEven, volume: float) -> bool:
    """Whether it is a break-even, and no end of the range."""
    return float(answer.volumes[0]) * 1.001 < volume <= float(answer.volumes[-1])


def _costs(answer: BreakEven) -> Chart:
    """Cost of a thousand arrivals: the median as a line, p5 to p95 as a band."""
    names = _sides(answer)
    frame = answer.costs_frame(answer.curve_volumes())
    frame = frame[np.isfinite(frame["p95_usd_per_month"])].reset_index(drop=True)
    per = 1000 / MONTH_DAYS / frame["volume"]
    for level_ in ("p5", "p50", "p95"):
        frame[f"{level_}_usd_per_thousand"] = frame[f"{level_}_usd_per_month"] * per
    frame["side"] = frame["side"].map(names)
    columns = ["side", "volume", *(f"{each}_usd_per_thousand" for each in ("p5", "p50", "p95"))]
    shown = frame[columns].assign(volume=frame["volume"].round(3))
    sides = [side for side in names.values() if side in set(frame["side"])]
    ends = shown[columns[2:]].to_numpy(np.float64).ravel()
    up = amounts("usd", ends, f"USD per thousand {answer.arrivals} (log scale)", log=True)
    if not (len(ends) and ends.min() > 0):
        up["title"] = f"USD per thousand {answer.arrivals}"
    x, (colour, dash) = _volume(answer), _channels(answer, sides)
    base = alt.Chart(shown)
    bands = base.mark_area(opacity=0.15, clip=True).encode(
        x=x,
        y=alt.Y("p5_usd_per_thousand:Q", **up),
        y2=alt.Y2("p95_usd_per_thousand:Q"),
        color=colour,
    )
    lines = base.mark_line(strokeWidth=2, clip=True).encode(
        x=x, y=alt.Y("p50_usd_per_thousand:Q"), color=colour, strokeDash=dash
    )
    crossings = _crossings(answer, frame, names)
    layers: list[alt.Chart] = [bands, lines, *_today(answer)]
    if len(crossings):
        marks = alt.Chart(crossings).encode(x=alt.X("volume:Q"), y=alt.Y("usd:Q"))
        layers.append(marks.mark_point(size=110, strokeWidth=2.5).encode(color=colour))
        named = alt.Chart(_apart(crossings, answer)).encode(x=alt.X("volume:Q"), y=alt.Y("usd:Q"))
        text = named.mark_text(align="left", dx=8, dy=-8, fontWeight="bold")
        layers.append(text.encode(text=alt.Text("label:N")))
    return drawn(
        "break_even_costs",
        frame,
        alt.layer(*layers),
        "What does each side cost as volume grows?",
        f"median and 5 to 95 % of {answer.worlds} worlds; circles: break-even with"
        f" {names[answer.reference]} in the median world; dotted: the scenario's own volume",
        _costs_alt(answer, names),
        height=TALL,
    )


def _crossings(answer: BreakEven, frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Where the median world breaks even, on the line of the side."""
    rows = []
    for verdict in answer.verdicts:
        volume, side = _median(verdict), names[verdict.side]
        line = frame[frame["side"] == side]
        if verdict.able and _within(answer, volume) and len(line):
            usd = np.interp(np.log(volume), np.log(line["volume"]), line["p50_usd_per_thousand"])
            label = f"{side}: {short(volume)} a day"
            rows.append({"side": side, "volume": volume, "usd": float(usd), "label": label})
    return pd.DataFrame(rows, columns=["side", "volume", "usd", "label"])


def _apart(crossings: pd.DataFrame, answer: BreakEven) -> pd.DataFrame:
    """Of crossings next to one another only the first is written at."""
    ordered = crossings.sort_values("volume")
    width = math.log(answer.volumes[-1] / answer.volumes[0])
    kept: list[int] = []
    for row, volume in enumerate(ordered["volume"]):
        if not kept or math.log(volume / ordered["volume"].iloc[kept[-1]]) > 0.2 * width:
            kept.append(row)
    return ordered.iloc[kept]


def _costs_alt(answer: BreakEven, names: dict[str, str]) -> str:
    told = [_breaks(answer, verdict, names) for verdict in answer.verdicts]
    ends = answer.volumes[[0, -1]].tolist()
    return (
        f"Lines of cost per thousand {answer.arrivals} from {short(ends[0])} to {short(ends[1])} a"
        f" day, for {', '.join(names.values())}. In the median world {'; '.join(told)}. The"
        f" scenario's own volume is {short(answer.own.usual)} a day."
    )


def _breaks(answer: BreakEven, verdict: Verdict, names: dict[str, str]) -> str:
    """Where a side breaks even, in words."""
    side, volume = names[verdict.side], _median(verdict)
    if not verdict.able:
        return f"{side} keeps no SLO in the range"
    if not math.isfinite(volume):
        return f"{side} does not break even in the range"
    if not _within(answer, volume):
        return f"{side} is the cheaper one throughout"
    return f"{side} breaks even at {short(volume)} a day"


def _shares(answer: BreakEven) -> Chart:
    """In what share of worlds each side has broken even by a volume."""
    names = _sides(answer)
    grid = answer.curve_volumes()
    frame = pd.concat(
        pd.DataFrame(
            {
                "side": names[verdict.side],
                "volume": grid.round(3),
                "share": (verdict.breaking.volume[None, :] <= grid[:, None]).mean(axis=1),
            }
        )
        for verdict in answer.verdicts
    ).reset_index(drop=True)
    colour, dash = _channels(answer, [names[verdict.side] for verdict in answer.verdicts])
    y = alt.Y("share:Q", **amounts("share", [0.0, 1.0], "share of worlds"))
    lines = alt.Chart(frame).mark_line(strokeWidth=2, interpolate="step-after")
    last = frame.groupby("side", sort=False)["share"].last()
    told = "; ".join(f"{side} in {amount('share', share)}" for side, share in last.items())
    return drawn(
        "break_even_share",
        frame,
        alt.layer(
            lines.encode(x=_volume(answer), y=y, color=colour, strokeDash=dash),
            *level(0.5, "half of the worlds"),
            *_today(answer),
        ),
        f"By which volume has each side broken even with {names[answer.reference]}?",
        f"share of {answer.worlds} worlds; what is missing at {short(answer.volumes[-1])} never"
        " does in the range; dotted: the scenario's own volume",
        f"Rising lines: by {short(answer.volumes[-1])} {answer.arrivals} a day have broken even:"
        f" {told} of worlds. In the median world"
        f" {'; '.join(_breaks(answer, verdict, names) for verdict in answer.verdicts)}.",
        height=TALL,
    )


def _payback(answer: BreakEven) -> Chart:
    """Years until what was paid at once has come back."""
    names = _sides(answer)
    frame = answer.payback.replace([np.inf], np.nan)
    frame = frame[frame["p50_years"].notna()].reset_index(drop=True)
    frame["side"] = frame["side"].map(names)
    colour, dash = _channels(answer, list(dict.fromkeys(frame["side"])))
    y = alt.Y("p50_years:Q", **amounts("rate", frame["p50_years"], "years, median over worlds"))
    base = alt.Chart(frame).encode(x=_volume(answer), y=y, color=colour)
    told = "; ".join(
        f"{side} {between('rate', float(part['p50_years'].min()), float(part['p50_years'].max()))}"
        f" years from {short(float(part['volume'].min()))} to"
        f" {short(float(part['volume'].max()))} {answer.arrivals} a day"
        for side, part in frame.groupby("side", sort=False)
    )
    return drawn(
        "payback",
        frame,
        base.mark_line(strokeWidth=2).encode(strokeDash=dash)
        + base.mark_point(filled=True, size=45),
        "How long does what is paid at once take to come back?",
        f"against {names[answer.reference]}, at the trend of its price",
        f"Lines of the years until it has paid for itself, median over worlds: {told}.",
    )
