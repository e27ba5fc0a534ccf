"""``sim plan``: month by month what will be asked, what it takes and what it costs."""

from pathlib import Path

import click

from sim.cli.study import Asked, study_options
from sim.cli.values import SHARE, SHARE_OR_ALL

HELP = """Plan the months of SCENARIO: fleet, commitments, cost, margin, latency, what breaks.

A factor a year is a number such as 3, or its p5 and p95 over worlds such as 2..6. Growth may also
be a curve: multiples of today's volume, month by month, in a list or in a file, one a line.

Today's fleet is kept as it is until it breaks; beside it, the fleet is resized every month. At a
refresh all GPUs are exchanged for new ones with as much memory; nothing old is kept, and no
reservation runs past it.

\b
sim plan scenarios/quickstart.yaml --growth 1.5..4 --price 0.8 --reserved 0.6
sim plan chat.yaml --months 36 --growth 3 --creep 1.3 --refresh 13:1.8:1.3
sim plan chat.yaml --months 6 --growth 1,1.1,1.3,2,1.4,1.5 --simulate all
sim plan chat.yaml --growth launch.csv --retrain 6:20000 --budget 50000
"""


def _refreshes(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[int, float, float], ...]:
    found = []
    for value in values:
        try:
            month, speed, price = value.split(":")
            found.append((int(month) - 1, float(speed), float(price)))
        except ValueError:
            raise click.BadParameter(
                f"{value!r} is not MONTH:SPEED:PRICE such as 18:2:1.6"
            ) from None
    return tuple(found)


def _retraining(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, float] | None:
    if value is None:
        return None
    try:
        every, usd = value.split(":")
        return int(every), float(usd)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not MONTHS:USD such as 6:20000") from None


def _simulated(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> int | str | None:
    if value is None or value == "all":
        return value
    try:
        months = int(value)
    except ValueError:
        months = 0
    if months < 1:
        raise click.BadParameter(f"{value!r} is neither a number of months from 1 on, nor 'all'")
    return months


@click.command(help=HELP, short_help="Plan month by month: volume, fleet, commitments, cost.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--months", type=click.IntRange(1, 120), default=24, show_default=True, help="How many."
)
@click.option(
    "--growth",
    default="1",
    show_default=True,
    metavar="FACTOR|LIST|FILE",
    help="Of the volume: a factor a year, or multiples of today's by the month.",
)
@click.option(
    "--creep", default="1", show_default=True, metavar="FACTOR", help="Factor on prompts, a year."
)
@click.option(
    "--price", default="1", show_default=True, metavar="FACTOR", help="Factor on prices, a year."
)
@click.option(
    "--refresh",
    callback=_refreshes,
    multiple=True,
    metavar="MONTH:SPEED:PRICE",
    help="New hardware from a month on, its GPUs' speed and price over today's. Repeatable.",
)
@click.option(
    "--retrain",
    callback=_retraining,
    metavar="MONTHS:USD",
    help="Training every so many months, at that price; 'one_off' in the scenario is the first.",
)
@click.option("--peak", default=1.5, show_default=True, help="Volume of a peak day, times usual.")
@click.option("--peak-days", default=1.0, show_default=True, help="Peak days a month.")
@click.option("--on-demand", type=float, metavar="USD", help="A GPU-hour on demand, today.")
@click.option("--reserved", type=SHARE_OR_ALL, help="Price reserved over on demand.")
@click.option("--spot", type=SHARE_OR_ALL, help="Price on spot over on demand.")
@click.option("--spot-share", type=SHARE_OR_ALL, help="Of the not reserved, on spot.")
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    metavar="USD",
    help="A month, for inference.",
)
@click.option(
    "--simulate",
    callback=_simulated,
    metavar="N|all",
    help="Months to simulate at most; those between are interpolated.  [default: 9]",
)
@click.option(
    "--probability",
    type=SHARE,
    default="75%",
    show_default=True,
    help="Share of worlds in which each month's fleet must hold.",
)
@study_options
def plan(
    scenario: Path,
    months: int,
    growth: str,
    creep: str,
    price: str,
    refresh: tuple[tuple[int, float, float], ...],
    retrain: tuple[int, float] | None,
    peak: float,
    peak_days: float,
    on_demand: float | None,
    reserved: float | None,
    spot: float | None,
    spot_share: float | None,
    budget: float | None,
    simulate: int | str | None,
    probability: float,
    asked: Asked,
) -> None:
    """Answer ``sim plan``."""
    from sim.report.charts.plan import charts
    from sim.report.plan_text import tell
    from sim.studies.plan import Outlook, Refresh, Retraining, Terms, factor
    from sim.studies.plan import growth as growth_of
    from sim.studies.plan import plan as study
    from sim.studies.plan.study import DEFAULT_MONTHS, DEFAULT_WORLDS

    if (spot is None) != (spot_share is None):
        raise click.UsageError("--spot and --spot-share go together: a price, and how much of it")
    yearly, curve = growth_of(growth)
    outlook = Outlook(
        months,
        growth=yearly,
        curve=curve,
        creep=factor(creep),
        price=factor(price),
        refreshes=tuple(Refresh(*each) for each in refresh),
        retraining=None if retrain is None else Retraining(*retrain),
        peak_factor=peak,
        peak_days=peak_days,
    )
    terms = Terms(reserved, 1.0 if spot is None else spot, spot_share or 0.0, on_demand)
    case = asked.case(scenario)
    with asked.study("plan", case.load()) as under_way:
        answer = study(
            case,
            under_way.bench,
            outlook,
            terms,
            worlds=DEFAULT_WORLDS if asked.worlds is None else asked.worlds,
            seed=asked.seed,
            probability=probability,
            budget_usd=budget,
            simulated=months if simulate == "all" else int(simulate or DEFAULT_MONTHS),
        )
        under_way.give(answer, tell, charts)
        under_way.tell_levers({"": case}, asked.seed)
