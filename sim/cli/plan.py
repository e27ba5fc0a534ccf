"""``sim plan``: month by month what will be asked, what it takes and what it costs."""

from pathlib import Path

import click

from sim.cli.study import give, study_bench, study_options, study_place

HELP = """Plan the months of SCENARIO: volume, fleet, commitments, cost, margin, latency.

A factor a year is a number such as 3, or its p5 and p95 over worlds such as 2..6.

\b
sim plan scenarios/quickstart.yaml --growth 1.5..4 --price 0.8 --reserved 0.6
sim plan chat.yaml --months 36 --growth 3 --creep 1.3 --refresh 18:2:1.6
"""


def _curve(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...]:
    if value is None:
        return ()
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of multiples such as 1,1.2,1.5") from None


def _refresh(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, float, float] | None:
    if value is None:
        return None
    try:
        month, speed, price = value.split(":")
        return int(month) - 1, float(speed), float(price)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not MONTH:SPEED:PRICE such as 18:2:1.6") from None


@click.command(help=HELP, short_help="Plan month by month: volume, fleet, commitments, cost.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--months", type=click.IntRange(1, 120), default=24, show_default=True, help="How many."
)
@click.option("--growth", default="1", show_default=True, help="Factor on the volume, a year.")
@click.option(
    "--curve", callback=_curve, metavar="FACTORS", help="Multiples of the volume, by the month."
)
@click.option("--creep", default="1", show_default=True, help="Factor on prompts, a year.")
@click.option("--price", default="1", show_default=True, help="Factor on prices, a year.")
@click.option(
    "--refresh",
    callback=_refresh,
    metavar="MONTH:SPEED:PRICE",
    help="New hardware from a month on: factors on speed and price of a GPU.",
)
@click.option("--peak", default=1.5, show_default=True, help="Volume of a peak day, times usual.")
@click.option("--peak-days", default=1.0, show_default=True, help="Peak days a month.")
@click.option("--on-demand", type=float, metavar="USD", help="A GPU-hour on demand, today.")
@click.option("--reserved", type=float, metavar="SHARE", help="Price reserved over on demand.")
@click.option("--spot", type=float, default=1.0, help="Price on spot over on demand.")
@click.option("--spot-share", type=float, default=0.0, help="Of what is not reserved, on spot.")
@click.option("--budget", type=click.FloatRange(0, min_open=True), metavar="USD", help="A month.")
@click.option(
    "--probability",
    type=click.FloatRange(min=0.0, max=1.0, min_open=True, max_open=True),
    default=0.75,
    show_default=True,
    help="Share of worlds in which each month's fleet must hold.",
)
@study_options
def plan(
    scenario: Path,
    months: int,
    growth: str,
    curve: tuple[float, ...],
    creep: str,
    price: str,
    refresh: tuple[int, float, float] | None,
    peak: float,
    peak_days: float,
    on_demand: float | None,
    reserved: float | None,
    spot: float,
    spot_share: float,
    budget: float | None,
    probability: float,
    worlds: int | None,
    seed: int | None,
    jobs: int | None,
    out: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Answer ``sim plan``."""
    from sim.report.charts.plan import charts
    from sim.report.plan_text import render
    from sim.studies.case import Case
    from sim.studies.plan import Outlook, Refresh, Terms, factor
    from sim.studies.plan import plan as study
    from sim.studies.plan.study import DEFAULT_WORLDS

    outlook = Outlook(
        months,
        growth=factor(growth),
        curve=curve,
        creep=factor(creep),
        price=factor(price),
        refresh=None if refresh is None else Refresh(*refresh),
        peak_factor=peak,
        peak_days=peak_days,
    )
    terms = Terms(reserved, spot, spot_share, on_demand)
    case = Case(scenario, overrides)
    with study_bench(jobs, quiet) as bench:
        answer = study(
            case,
            bench,
            outlook,
            terms,
            worlds=DEFAULT_WORLDS if worlds is None else worlds,
            seed=seed,
            probability=probability,
            budget_usd=budget,
        )
    place = study_place(out, "plan", answer.name)
    give(answer, render(answer), lambda: charts(answer), place, as_json, quiet)
