"""``sim breakeven``: the volume from which on one side costs less than another."""

from pathlib import Path

import click

from sim.cli.study import Asked, study_options


def _volumes(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...]:
    """Volumes written as ``1k,10k,1M``."""
    if value is None:
        return ()
    from sim.scenario.values.units import UnitError, parse_quantity

    try:
        return tuple(parse_quantity(part.strip(), "count") for part in value.split(","))
    except UnitError as error:
        raise click.BadParameter(f"{error}; give a list such as 1k,10k,100k,1M") from None


@click.command(short_help="Find the volume at which self-hosting beats an API.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--volumes",
    callback=_volumes,
    metavar="LIST",
    help="Arrivals a day: the range, and where to simulate.  [default: 1k,3k,10k,…,10M]",
)
@click.option(
    "--against",
    metavar="BACKEND",
    help="The side that all others are measured against.  [default: the first managed API]",
)
@click.option(
    "--switching-cost",
    "switching",
    multiple=True,
    metavar="[SIDE=]USD",
    help="What switching costs once: 40k, its p5 and p95 20k..60k, or that of one side own=40k."
    " Comes on top of the scenario's one_off. Repeatable.",
)
@click.option(
    "--term",
    type=click.FloatRange(min=0.0, min_open=True, max=1200.0),
    metavar="MONTHS",
    help="Within which what is paid at once must be saved.  [default: its life; 24 of a"
    " --switching-cost]",
)
@study_options
def breakeven(
    scenario: Path,
    volumes: tuple[float, ...],
    against: str | None,
    switching: tuple[str, ...],
    term: float | None,
    asked: Asked,
) -> None:
    """Find the volume from which on each backend of SCENARIO costs less than the managed API.

    Every backend is a side, which serves all workloads alone: APIs, users' devices, and pools of
    GPUs that are rented, reserved or owned. Pools are sized at every volume so that the SLO holds.

    \b
    sim breakeven scenarios/breakeven.yaml
    sim breakeven scenarios/breakeven.yaml --volumes 10k,100k,1M --worlds 100
    sim breakeven scenarios/breakeven.yaml --switching-cost 20k..60k --term 24
    sim breakeven chat.yaml --against on-demand --set worlds=100
    """  # noqa: D301 (click wants the character itself)
    from sim.report.breakeven_text import tell
    from sim.report.charts.breakeven import breakeven_charts
    from sim.studies.breakeven import VOLUMES, switching_cost
    from sim.studies.breakeven import breakeven as study
    from sim.studies.breakeven.alone import sides_alone

    costs = dict(switching_cost(each) for each in switching)
    case = asked.case(scenario)
    with asked.study("breakeven", case.load()) as under_way:
        answer = study(
            case,
            under_way.bench,
            volumes or VOLUMES,
            against,
            asked.worlds,
            asked.seed,
            costs,
            term,
        )
        under_way.give(answer, tell, breakeven_charts)
        under_way.tell_levers(sides_alone(case, answer), asked.seed)
