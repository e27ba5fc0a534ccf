"""``sim sensitivity``: which uncertain input moves the answer."""

from pathlib import Path

import click

from sim.cli.study import Asked, study_options

ROWS = 64  # as in sim.studies.sensitivity, too slow to import for a help


@click.command(short_help="Which uncertain input moves the answer, and what to measure first.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="What is to be explained: a metric, a decision such as e2e_p95_s<=30, or slo_met."
    " Repeatable; all come from the same worlds.  [default: cost_usd_per_request,"
    " peak_hour_ttft_p95_s, slo_met]",
)
@study_options
def sensitivity(
    scenario: Path,
    metrics: tuple[str, ...],
    asked: Asked,
) -> None:
    """Say which uncertain inputs of SCENARIO move its figures, and which to measure first.

    Uncertain inputs are numbers written as distributions. Their Sobol indices say what share of the
    variance over worlds each is the cause of, alone and with its interactions; chance within a
    world (arrivals, lengths, failures) is one more cause. A tornado moves each from its p10 to its
    p90. It takes (inputs + 3) times --worlds worlds (a power of two, by default 64), and a few
    more; the errors of a measured profile, which a benchmark tells together, are one input.

    \b
    sim sensitivity scenarios/quickstart.yaml
    sim sensitivity chat.yaml --metric "cost_usd_per_request<=0.01"
    sim sensitivity chat.yaml \\
        --set 'backends.large.price.usd_per_gpu_hour={p5: 2, p95: 4}'
    """  # noqa: D301 (Click wants the control character itself)
    from sim.report.charts.sensitivity import charts
    from sim.report.sensitivity_text import tell
    from sim.studies.sensitivity import sensitivity as study

    case = asked.case(scenario)
    loaded = case.load()
    with asked.study("sensitivity", loaded) as under_way:
        answer = study(loaded, under_way.bench, metrics, asked.worlds or ROWS, asked.seed)
        under_way.give(answer, tell, charts)
        under_way.tell_levers({"": case}, asked.seed)
