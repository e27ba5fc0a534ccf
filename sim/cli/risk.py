"""``sim risk``: how likely a rare miss is."""

from pathlib import Path

import click

from sim.cli.study import Asked, study_options
from sim.cli.values import SHARE

SLO_MET = "slo_met"  # as in sim.studies.measure, too slow to import for a help


@click.command(short_help="How likely a rare miss of the SLO is, from few worlds.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--metric",
    metavar="NAME",
    default=SLO_MET,
    show_default=True,
    help="What a world is to keep: slo_met, or a limit such as e2e_p95_s<=30.",
)
@click.option(
    "--probability",
    type=SHARE,
    default="99.9%",
    show_default=True,
    help="Share of worlds that should keep it.",
)
@study_options
def risk(scenario: Path, metric: str, probability: float, asked: Asked) -> None:
    """Say in how many of all worlds SCENARIO keeps its SLO, where that is nearly all of them.

    Of worlds drawn as they come, nearly all keep it, and tell little. So the inputs of 131,072
    worlds are drawn, which costs next to nothing; a few worlds, the pilot, tell which of these come
    near to a miss; and mostly such are simulated, each counted by the share of all worlds that it
    stands for. Where chance within a world decides more than the inputs do, or nothing is
    uncertain, worlds are drawn as they come, and the answer says so. It takes --worlds worlds, by
    default 512.

    \b
    sim risk chat.yaml
    sim risk chat.yaml --metric "e2e_p95_s<=30" --probability 99.5%
    """  # noqa: D301 (Click wants the control character itself)
    from sim.report.charts.risk import charts
    from sim.report.risk_text import tell
    from sim.studies.risk import risk as study

    case = asked.case(scenario)
    loaded = case.load()
    with asked.study("risk", loaded) as under_way:
        answer = study(loaded, under_way.bench, metric, probability, asked.worlds, asked.seed)
        under_way.give(answer, tell, charts)
        under_way.tell_levers({"": case}, asked.seed)
