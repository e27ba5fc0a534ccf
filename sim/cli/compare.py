"""``sim compare``: designs side by side under the same random numbers."""

from pathlib import Path

import click

from sim.cli.study import Asked, study_options
from sim.cli.values import METRICS, SHARE_OR_ALL


@click.command(short_help="Designs side by side, under the same chance.")
@click.argument(
    "scenarios", metavar="SCENARIO...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="'[LABEL:] PATH=VALUE, ...'",
    help="One more design: the first scenario with these changes. Repeatable.",
)
@METRICS
@click.option(
    "--cost",
    metavar="NAME",
    help="What makes a design the cheaper one. Default cost_usd_per_month; cost_usd where all end"
    " with their last answers.",
)
@click.option(
    "--latency",
    default="e2e_p95_s",
    show_default=True,
    metavar="NAME",
    help="What makes a design the faster one.",
)
@click.option(
    "--equal-within",
    type=SHARE_OR_ALL,
    default="1%",
    show_default=True,
    help="Say 'practically equal' where a difference is surely smaller than this share of the"
    " other design's figure (of shares: so many points).",
)
@click.option(
    "--stop-when-sure",
    is_flag=True,
    help="Look with an eighth, a quarter and half of the worlds, too, and end as soon as it is sure"
    " which design is cheaper and which faster; 5 % of error for all looks together.",
)
@study_options
def compare(
    scenarios: tuple[Path, ...],
    variants: tuple[str, ...],
    metrics: tuple[str, ...],
    cost: str | None,
    latency: str,
    equal_within: float,
    stop_when_sure: bool,
    asked: Asked,
) -> None:
    """Compare designs: several scenarios, or one SCENARIO and variants of it.

    All designs see the same worlds, the same arrivals and the same draws of what is uncertain, so
    that differences are taken world by world. Up to four designs are all set against one another,
    of more each against the cheapest and the first. --set changes every design, --variant makes one
    more of the first scenario: a label and a colon, then changes as for --set, with commas between
    them. By default it takes the worlds of the first scenario, at most 128.

    \b
    sim compare own_gpus.yaml api.yaml
    sim compare chat.yaml --variant 'two: backends.large.replicas=2'
    sim compare chat.yaml --variant backends.large.router=round_robin
    sim compare own_gpus.yaml api.yaml --worlds 512 --stop-when-sure
    sim compare chat.yaml --variant 'few: backends.large.replicas=2, worlds=50'
    """  # noqa: D301 (Click wants the control character itself)
    from sim.report.charts.compare import charts
    from sim.report.compare_text import tell
    from sim.studies.compare import compare as study
    from sim.studies.compare import contenders

    found = contenders([asked.case(path) for path in scenarios], variants)
    with asked.study("compare", *(each.scenario for each in found)) as under_way:
        answer = study(
            found,
            under_way.bench,
            asked.worlds,
            asked.seed,
            metrics,
            cost,
            latency,
            equal_within,
            stop_when_sure,
        )
        under_way.give(answer, tell, charts)
        under_way.tell_levers({each.label: each.case for each in found if each.case}, asked.seed)
