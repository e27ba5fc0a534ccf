"""``sim stress``: what breaks first on the way to a multiple of the traffic."""

from pathlib import Path

import click

from sim.cli.study import Asked, study_options
from sim.cli.values import SHARE, refuse_beside


def _factors(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...]:
    """Factors written as ``1,2,5,10``, each perhaps with an x."""
    if value is None:
        return ()
    try:
        return tuple(float(part.strip().removesuffix("x")) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of factors such as 1,2,5,10") from None


HELP = """Grow the traffic of SCENARIO and find what breaks first.

Three fleets are grown side by side, in the same worlds: as it is, autoscaled, and sized anew at
every step.

\b
sim stress scenarios/quickstart.yaml --growth 10
sim stress scenarios/pilot.yaml --growth 1,5,50,250 --budget 2000
sim stress chat.yaml --growth 1,2,4 --prompt-growth 1,1.5,2
"""


@click.command(help=HELP, short_help="Find what breaks first as traffic grows.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--growth",
    callback=_factors,
    metavar="FACTORS",
    help="Multiples of the traffic: 1,2,5,10, or 10 with the steps on the way.  [default: 10]",
)
@click.option(
    "--prompt-growth",
    callback=_factors,
    metavar="FACTORS",
    help="Multiples of the prompts' length: one for all steps, or as many as the longest list.",
)
@click.option(
    "--miss-growth",
    callback=_factors,
    metavar="FACTORS",
    help="Multiples of the share that caches miss, up to all. Stated hit rates fall; where a pool"
    " keeps the blocks of real prompts, more tasks begin with something of their own.",
)
@click.option(
    "--retry-growth",
    callback=_factors,
    metavar="FACTORS",
    help="Multiples of the number of retries.",
)
@click.option(
    "--spike",
    type=click.FloatRange(min=1.0, min_open=True, max=1000.0),
    default=3.0,
    show_default=True,
    help="Factor of the spike that fleets are to recover from.",
)
@click.option(
    "--spike-minutes",
    type=click.FloatRange(min=0.0, min_open=True, max=360.0),
    default=15.0,
    show_default=True,
    help="How long it lasts.",
)
@click.option("--no-spike", is_flag=True, help="Do without it, and take less time.")
@click.option(
    "--steps-only",
    is_flag=True,
    help="Do not look for the breaking point between the steps, and take less time.",
)
@click.option(
    "--budget", type=click.FloatRange(min=0.0, min_open=True), metavar="USD", help="A month."
)
@click.option(
    "--probability",
    type=SHARE,
    default="75%",
    show_default=True,
    help="Share of worlds in which a fleet must hold.",
)
@study_options
@click.pass_context
def stress(
    context: click.Context,
    scenario: Path,
    growth: tuple[float, ...],
    prompt_growth: tuple[float, ...],
    miss_growth: tuple[float, ...],
    retry_growth: tuple[float, ...],
    spike: float,
    spike_minutes: float,
    no_spike: bool,
    steps_only: bool,
    budget: float | None,
    probability: float,
    asked: Asked,
) -> None:
    """Answer ``sim stress``."""
    from sim.report.charts.stress import charts
    from sim.report.stress_text import tell
    from sim.studies.stress import Spike, path_of
    from sim.studies.stress import stress as study
    from sim.studies.stress.study import DEFAULT_WORLDS

    refuse_beside(context, "no_spike", "spike", "spike_minutes")
    steps = path_of(growth, prompt_growth, miss_growth, retry_growth)
    case = asked.case(scenario)
    with asked.study("stress", case.load()) as under_way:
        answer = study(
            case,
            under_way.bench,
            steps,
            worlds=DEFAULT_WORLDS if asked.worlds is None else asked.worlds,
            seed=asked.seed,
            probability=probability,
            budget_usd=budget,
            spike=None if no_spike else Spike(spike, 60.0 * spike_minutes),
            enclose=not steps_only,
        )
        under_way.give(answer, tell, charts)
        under_way.tell_levers({"": case}, asked.seed)
