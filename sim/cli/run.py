"""``sim run``: simulate a scenario."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.values import EXIT_INTERRUPTED, SHARE

if TYPE_CHECKING:
    from sim.montecarlo.precision import Goal
    from sim.montecarlo.result import Earlier, RunResult
    from sim.scenario import Scenario

DEFAULT_METRIC = "e2e_p95_s:p50"  # as in sim.montecarlo.precision, too slow to import for a help
DEFAULT_CAP = 10_000


@click.command(short_help="Simulate a scenario: cost, utilisation and latency.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--worlds", type=click.IntRange(min=1), help="Number of worlds.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes.  [default: all cores]")
@click.option("--out", type=click.Path(path_type=Path), help="Results folder.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change the scenario. Repeatable.",
)
@click.option(
    "--precision",
    type=SHARE,
    help="Add worlds until half the interval of a metric is within this share of it, such as 2%,"
    f" or up to --worlds ({DEFAULT_CAP:,} if not given).",
)
@click.option(
    "--precision-metric",
    metavar="NAME[:p50|:p95]",
    default=DEFAULT_METRIC,
    show_default=True,
    help="The metric for --precision, and its percentile over worlds (both if none is named).",
)
@click.option("--requests", is_flag=True, help="Keep every request of the first world.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run in its folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--quiet", is_flag=True, help="No progress, no advice.")
@click.pass_context
def run(
    context: click.Context,
    scenario: Path,
    worlds: int | None,
    seed: int | None,
    jobs: int | None,
    out: Path | None,
    overrides: tuple[str, ...],
    precision: float | None,
    precision_metric: str,
    requests: bool,
    resume: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Simulate SCENARIO, a YAML file, and print distributions of cost, utilisation and latency.

    Results go to outputs/NAME/RUN, or to the folder of --out.

    \b
    sim run scenarios/quickstart.yaml
    sim run chat.yaml --set backends.large.replicas=8 --worlds 1000
    sim run chat.yaml --precision 2% --precision-metric cost_usd_per_request
    """  # noqa: D301 (click reads the \b)
    from sim.montecarlo import store
    from sim.montecarlo.precision import Goal

    advice = Advice(quiet)
    if precision is not None and worlds is None:
        worlds = DEFAULT_CAP
    loaded = _load(scenario, overrides, {"worlds": worlds, "seed": seed}, advice)
    goal = None if precision is None else Goal.parse(precision, precision_metric)
    place = out or store.default_folder(loaded, loaded.seed, loaded.worlds, goal, requests)
    store.check_place(place)
    earlier = _earlier(loaded, place, advice) if resume else None
    compile_once(advice)
    result = _simulate(
        loaded,
        place,
        advice,
        goal,
        jobs=jobs,
        precision=precision,
        metric=precision_metric,
        record_requests=requests,
        earlier=earlier,
    )
    _print(result, as_json)
    if result.interrupted:
        context.exit(EXIT_INTERRUPTED)


class Advice:
    """What is said on stderr, beside the result."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        """Say something, unless asked to be quiet."""
        if not self.quiet:
            click.echo(f"sim: {text}", err=True)

    def finishing(self) -> None:
        """Answer to a Ctrl-C; written past the buffers, which the signal may have come amid."""
        if not self.quiet:
            os.write(2, b"\nsim: finishing what is under way; Ctrl-C again to stop at once\n")


def _load(
    path: Path, overrides: tuple[str, ...], asked: dict[str, int | None], advice: Advice
) -> "Scenario":
    """The scenario with all that was asked for, so that its stored copy repeats the run."""
    from sim.cli.own_code import make_importable
    from sim.scenario import load_scenario

    settings = (f"{key}={value}" for key, value in asked.items() if value is not None)
    scenario = load_scenario(path, (*overrides, *settings))
    for warning in scenario.warnings:
        advice.say(warning)
    make_importable(scenario)
    return scenario


def _earlier(scenario: "Scenario", place: Path, advice: Advice) -> "Earlier | None":
    from sim.montecarlo import store

    if not store.is_results_folder(place):
        advice.say(f"nothing to resume in {place}; starting anew")
        return None
    return store.load_earlier(place, scenario, scenario.seed)


def compile_once(advice: Advice) -> None:
    """Compile the kernel, saying so, unless it lies on disk."""
    from sim.montecarlo.replication import compile_kernel, kernel_is_cached

    if not kernel_is_cached():
        advice.say("compiling the kernel (once)")
    compile_kernel()


def _simulate(
    scenario: "Scenario",
    place: Path,
    advice: Advice,
    goal: "Goal | None",
    earlier: "Earlier | None",
    **options: Any,
) -> "RunResult":
    """Run and save, also what was finished before something went wrong."""
    from sim.montecarlo.execution import StoppedError
    from sim.montecarlo.run import run as simulate
    from sim.report.progress import progress_bar

    try:
        with progress_bar(scenario.worlds, goal, shown=not advice.quiet) as progress:
            result = simulate(
                scenario,
                worlds=scenario.worlds,
                progress=progress,
                announce=advice.finishing,
                earlier=earlier,
                **options,
            )
    except StoppedError as error:
        if error.partial is not None:
            _save(error.partial, place, earlier, advice)
        raise
    _save(result, place, earlier, advice)
    return result


def _print(result: "RunResult", as_json: bool) -> None:
    from sim.montecarlo.store import to_json
    from sim.report.table import render

    if as_json:
        click.echo(to_json(result.summary), nl=False)
    else:
        click.echo(render(result.summary))


def _save(result: "RunResult", place: Path, earlier: "Earlier | None", advice: Advice) -> None:
    """Write the results and say what is to be said about them."""
    from sim.montecarlo import store
    from sim.report.charts import save
    from sim.report.charts.run import charts

    if result.interrupted and earlier is None:
        place = store.free_place(place)  # what is finished there is worth more than a part
    store.save(result, place, shlex.join(["sim", *sys.argv[1:]]))
    save(charts(result), place / "figures")
    done, asked = len(result.sample), result.worlds
    if result.interrupted:
        advice.say(f"ended after {done:,} of {asked:,} worlds; --resume --out {place} continues")
    elif result.goal is not None and result.precision > result.goal.relative:
        # The width of an interval falls with the square root of the number of worlds.
        needed = done * (result.precision / result.goal.relative) ** 2
        about = f"; about {needed:,.0f} worlds would do" if needed < float("inf") else ""
        advice.say(
            f"precision of {result.goal.metric} is {result.precision:.1%} after {done:,} worlds,"
            f" not {result.goal.relative:.1%}{about}"
        )
    advice.say(f"results in {place}")
