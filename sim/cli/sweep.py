"""``sim sweep``: a space of designs, and which of them are worth their cost."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.completion import OVERRIDE
from sim.cli.study import Asked, Study, study_options
from sim.cli.values import SHARE

if TYPE_CHECKING:
    from sim.scenario import Scenario

MOST = 500  # as in sim.studies.sweep, too slow to import for a help


@click.command(short_help="A space of designs: which are worth their cost.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--over",
    type=OVERRIDE,
    multiple=True,
    metavar="PATH=A,B,C",
    help="A key and the values that it takes, or PATH=LOW..HIGH with --lhs. Repeatable.",
)
@click.option(
    "--lhs",
    type=click.IntRange(min=2),
    metavar="N",
    help="Draw so many designs, a Latin hypercube, in place of every combination.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="What the front is of: the first in USD is what is paid, the first other one what one has"
    " for it; further ones are in the table.  [default: cost_usd_per_month, e2e_p95_s]",
)
@click.option(
    "--probability",
    type=SHARE,
    default="95%",
    show_default=True,
    help="Share of worlds in which the SLO is to be met.",
)
@click.option(
    "--most",
    type=click.IntRange(min=2),
    default=MOST,
    show_default=True,
    help="Most designs; more are refused, with the time that they would take.",
)
@click.option("--per-world", is_flag=True, help="Write worlds.parquet, too: a row for each.")
@study_options
def sweep(
    scenario: Path,
    over: tuple[str, ...],
    lhs: int | None,
    metrics: tuple[str, ...],
    probability: float,
    most: int,
    per_world: bool,
    asked: Asked,
) -> None:
    """Simulate a space of designs of SCENARIO, and say which are worth their cost.

    Every combination of the values of --over is a design, or --lhs draws some of them. All see the
    same worlds, at most 72 by default: the fewest of which all have to meet an SLO for it to be
    sure in 95 %. Designs that another one beats in cost, latency or worlds that meet the SLO, and
    that are ahead of it in none, are dominated; the others are the front. designs.parquet and
    designs.csv have a row for each design.

    \b
    sim sweep chat.yaml --over backends.large.replicas=2,3,4,6
    sim sweep chat.yaml --over backends.large.replicas=2,3,4 \\
        --over backends.large.router=least_loaded,prefix
    sim sweep chat.yaml --lhs 48 --over backends.large.replicas=2..8 \\
        --over backends.large.cold_start=30s..300s
    """  # noqa: D301 (Click wants the control character itself)
    from sim.report.charts.sweep import charts
    from sim.report.sweep_text import tell
    from sim.studies.sweep import candidates, count, read_axes
    from sim.studies.sweep import sweep as study

    axes = read_axes(over, drawn=lhs is not None)
    case = asked.case(scenario)
    base = case.load()
    if count(axes, lhs) > most:
        with asked.study("sweep", base) as under_way:
            _refuse(under_way, asked, base, count(axes, lhs), most)
    found = candidates(case, axes, lhs, base.seed if asked.seed is None else asked.seed)
    with asked.study("sweep", base) as under_way:
        answer = study(
            axes,
            found,
            under_way.bench,
            asked.worlds,
            asked.seed,
            metrics,
            probability,
            lhs,
            per_world,
        )
        under_way.give(answer, tell, charts)
        under_way.tell_levers({"": case}, asked.seed)


def _refuse(under_way: Study, asked: Asked, base: "Scenario", number: int, most: int) -> None:
    """Say how long so many designs would take, as far as a world tells."""
    from time import perf_counter

    from sim.studies.sweep import WORLDS, pilot_s, refuse_too_many

    bench, seed = under_way.bench, base.seed if asked.seed is None else asked.seed
    worlds = asked.worlds or min(base.worlds, WORLDS)
    refuse_too_many(
        number, most, worlds, bench.jobs, lambda: pilot_s(base, bench, seed, perf_counter)
    )
