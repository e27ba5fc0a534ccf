"""A trace's traffic as text: what was found, how well it fits, what the trace cannot tell."""

import click

from sim.report.columns import Column, table
from sim.report.paragraph import filled
from sim.studies.traffic import Traffic

SHOWN = (50.0, 95.0, 99.0)  # percentiles of lengths
DAY_S = 86_400.0


def render_traffic(found: Traffic) -> str:
    """The whole answer."""
    lines = [filled(_sentence(found)), "", *_fit(found)]
    if found.remarks:
        lines += ["", click.style("What the trace cannot tell", bold=True)]
        lines += [filled(f"- {remark}") for remark in found.remarks]
    return "\n".join(lines)


def _sentence(found: Traffic) -> str:
    """What a scenario is told of this traffic."""
    rate = found.rate
    unit, per = ("a day", rate.per_s * DAY_S) if found.span_s >= DAY_S else ("a second", rate.per_s)
    what = "sessions" if found.follow_up else "requests"
    parts = [f"{found.requests:,} requests make {per:,.4g} {what} {unit}"]
    values = rate.shape.multipliers()
    if len(values) > 1:
        over = "week" if rate.shape.days == 7 else "day"
        parts.append(f"{values.max():.2f} times that in the busiest hour of the {over}")
    if rate.growth:
        parts.append(f"growing {rate.growth[0]:.2g} to {rate.growth[1]:.2g} times a year")
    if rate.dispersion:
        swing = rate.dispersion
        parts.append(f"swinging by {swing.cv:.0%} for {swing.timescale_s:,.0f} s at a time")
    parts.append("with Poisson gaps" if rate.gap_cv == 1 else f"with gaps of cv {rate.gap_cv:.2f}")
    if found.follow_up:
        parts.append(f"of {found.follow_up.mean_calls:.2f} calls each")
    if found.hit_rate is not None:
        parts.append(f"and {found.hit_rate:.0%} of the prompt tokens have come before")
    return ", ".join(parts) + "."


def _fit(found: Traffic) -> list[str]:
    """Data and model side by side."""
    rows = []
    for what, law in (("prompt", found.prompt), ("output", found.output)):
        own = found.quantiles[found.quantiles["what"] == what]
        for level in SHOWN:
            row = own[own["percentile"] == level].iloc[0]
            name = f"{what} tokens p{level:g} ({law.kind})"
            rows.append((name, f"{row['data']:,.0f}", f"{row['model']:,.0f}"))
    inside = found.windows["per_s"].between(found.windows["low"], found.windows["high"]).mean()
    rows.append(("windows within the model's 90 %", f"{inside:.0%}", "90%"))
    for each in found.dispersions.iloc[:: max(len(found.dispersions) // 3, 1)].itertuples():
        name = f"dispersion of counts in {each.window_s:,.0f} s"
        rows.append((name, f"{each.data:.2f}", f"{each.model:.2f}"))
    heads = (Column("", right=False), Column("data"), Column("model"))
    return table(heads, rows).lines
