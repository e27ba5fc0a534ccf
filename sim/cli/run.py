"""``sim run``: simulate a scenario."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.completion import OVERRIDE
from sim.cli.delivery import Advice, command_line, deliver
from sim.cli.emission import EMIT, check_emit
from sim.cli.emission import emit as write_manifests
from sim.cli.values import (
    ALLOW_CODE,
    CLUSTER,
    EXIT_INTERRUPTED,
    EXIT_MISSED,
    EXIT_SPENT,
    JOBS,
    MAX_MEMORY,
    MAX_TIME,
    NO_REPORT,
    SHARE,
    Condition,
    refuse_jobs_beside_cluster,
)

if TYPE_CHECKING:
    from sim.model.threshold import Threshold
    from sim.montecarlo.allowance import Allowance
    from sim.montecarlo.precision import Goal
    from sim.montecarlo.result import Earlier, RunResult
    from sim.montecarlo.store import Store
    from sim.scenario import Scenario

DEFAULT_METRIC = "e2e_p95_s:p50"  # as in sim.montecarlo.precision, too slow to import for a help
DEFAULT_CAP = 10_000
MEDIAN = 0.5


@click.command(short_help="Simulate a scenario: cost, utilisation and latency.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--worlds", type=click.IntRange(min=1), help="Number of worlds.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers.")
@JOBS
@CLUSTER
@click.option("--out", type=click.Path(path_type=Path), help="Results folder.")
@click.option(
    "--set",
    "overrides",
    type=OVERRIDE,
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
    help="The metric for --precision, and its percentile over worlds (both if none is named)."
    f"  [default: {DEFAULT_METRIC}]",
)
@click.option(
    "--fail-if",
    "failing",
    type=Condition(),
    multiple=True,
    metavar="CONDITION",
    help="Exit with code 3 if this holds of the answer, such as 'slo_met < 95%' or"
    " 'cost_usd_per_month:p95 > 40k'. Repeatable; see also the scenario's thresholds.",
)
@click.option(
    "--fidelity",
    type=click.Choice(["exact", "auto"]),
    help="Simulate every day of a long horizon, or a sample of days that stand for the others."
    "  [default: that of the scenario, else exact]",
)
@ALLOW_CODE
@click.option("--requests", is_flag=True, help="Keep every request of the first world.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run in its folder.")
@MAX_TIME
@MAX_MEMORY
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--full", is_flag=True, help="Print every figure, of each part, with its interval.")
@EMIT
@NO_REPORT
@click.option("--quiet", is_flag=True, help="No progress, no advice.")
@click.pass_context
def run(
    context: click.Context,
    scenario: Path,
    worlds: int | None,
    seed: int | None,
    jobs: int | None,
    cluster: str | None,
    out: Path | None,
    overrides: tuple[str, ...],
    precision: float | None,
    precision_metric: str | None,
    failing: "tuple[Threshold, ...]",
    fidelity: str | None,
    allow_code: bool,
    requests: bool,
    resume: bool,
    max_time: float | None,
    max_memory: float | None,
    as_json: bool,
    full: bool,
    emit: Path | None,
    no_report: bool,
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
    from sim.montecarlo.compilation import leave_out_linear_algebra
    from sim.montecarlo.precision import Goal
    from sim.report.headline import sentence

    if precision is None and precision_metric is not None:
        raise click.UsageError("--precision-metric goes with --precision, such as --precision 2%")
    refuse_jobs_beside_cluster(jobs, cluster)
    metric = precision_metric or DEFAULT_METRIC
    advice = Advice(quiet)
    allowance = allowed(advice, max_time, max_memory)
    if precision is not None and worlds is None:
        worlds = DEFAULT_CAP
    asked = {"worlds": worlds, "seed": seed, "fidelity": fidelity}
    loaded = _load(scenario, overrides, asked, allow_code, advice)
    if requests and loaded.fidelity != "exact":
        raise click.UsageError("--requests keeps every request, which takes --fidelity exact")
    check_emit(emit, loaded)
    goal = None if precision is None else Goal.parse(precision, metric)
    place = out or store.default_folder(loaded, loaded.seed, loaded.worlds, goal, requests)
    opening = partial(store.opened, scenario=loaded, seed=loaded.seed, command=command_line())
    with opening(place, anywhere=out is None, resume=resume, tell=advice.warn) as kept:
        earlier = _earlier(kept, resume, advice)
        compile_once(advice, [loaded], loaded.seed, jobs, cluster)
        if not allow_code:
            leave_out_linear_algebra()
        result = _simulate(
            kept,
            advice,
            goal,
            cluster=cluster,
            allowance=allowance,
            jobs=jobs,
            precision=precision,
            metric=metric,
            record_requests=requests,
            earlier=earlier,
            report=not no_report,
            thresholds=[*loaded.thresholds, *(each.negated() for each in failing)],
        )
        _tell_batches(result, advice)
        _tell_writes(result, advice)
        with _final(kept, result, earlier, opening, advice) as final:
            save = partial(_save, result, final, advice, not no_report)
            deliver(_shown(result, as_json, full), save, advice)
        if emit is not None:
            write_manifests(emit, loaded, sentence(result.summary), advice)
    if result.interrupted:
        if allowance.spent:
            advice.warn(allowance.spent)
        context.exit(EXIT_SPENT if allowance.spent else EXIT_INTERRUPTED)
    if not (quiet or advice.is_over):
        _tell_levers(scenario, overrides, allow_code, loaded, advice)
    if not all(each["kept"] for each in result.summary["thresholds"]):
        context.exit(EXIT_MISSED)


def _tell_levers(
    path: Path,
    overrides: tuple[str, ...],
    allow_code: bool,
    scenario: "Scenario",
    advice: Advice,
) -> None:
    """Say which memory of prompts is off where it would matter."""
    from sim.studies.case import Case
    from sim.studies.levers import levers

    for lever in levers(Case(path, overrides, allow_code), scenario, scenario.seed):
        advice.say(lever.words())


def _load(
    path: Path,
    overrides: tuple[str, ...],
    asked: dict[str, int | str | None],
    allow_code: bool,
    advice: Advice,
) -> "Scenario":
    """The scenario with all that was asked for, so that its stored copy repeats the run."""
    from sim.scenario import load_scenario
    from sim.studies.own_code import make_importable

    settings = (f"{key}={value}" for key, value in asked.items() if value is not None)
    scenario = load_scenario(path, (*overrides, *settings), allow_code)
    for line in (*scenario.warnings, *scenario.footing):
        advice.say(line)
    make_importable(scenario)
    return scenario


def _earlier(kept: "Store", resume: bool, advice: Advice) -> "Earlier | None":
    """What is to be continued; said if nothing is, or if something could be."""
    if not resume:
        if kept.has_parts:
            advice.say(
                f"{kept.folder} holds worlds of a run that was cut off, which --resume continues;"
                " this run begins anew and replaces them"
            )
        return None
    earlier = kept.load_earlier()
    if earlier is None:
        advice.say(f"nothing to resume in {kept.folder}; starting anew")
    else:
        advice.say(f"{len(earlier.sample):,} finished worlds are taken from {kept.folder}")
    return earlier


def allowed(advice: Advice, time_s: float | None, memory_bytes: float | None) -> "Allowance":
    """What a command may take from now on, and how its outlook is told."""
    from sim.montecarlo.allowance import Allowance
    from sim.report.outlook_text import outlook_text

    tell = None if advice.quiet else (lambda outlook: advice.say(outlook_text(outlook)))
    return Allowance(time_s, memory_bytes, tell, advice.say)


def compile_once(
    advice: Advice,
    scenarios: "Iterable[Scenario]",
    seed: int | None,
    jobs: int | None = None,
    cluster: str | None = None,
) -> None:
    """Compile the kernel that scenarios need, unless it lies on disk, or others are to use it."""
    from sim.montecarlo.cluster.address import local_workers
    from sim.montecarlo.needed_kernel import compile_for

    if cluster is not None:
        jobs = local_workers(cluster)
        if jobs is None:
            return  # workers of other machines compile theirs
    for scenario in scenarios:
        compile_for(scenario, scenario.seed if seed is None else seed, jobs, advice.say)


def _simulate(
    kept: "Store",
    advice: Advice,
    goal: "Goal | None",
    earlier: "Earlier | None",
    report: bool,
    cluster: str | None,
    **options: Any,
) -> "RunResult":
    """Run, and save what was finished before something went wrong."""
    from sim.montecarlo.execution import StoppedError, foresee_workers

    scenario = kept.scenario
    if cluster is None:
        foresee_workers(scenario, options["jobs"])  # they begin while the rest is imported
    from sim.errors import ResultError
    from sim.montecarlo.checkpoints import Checkpoints
    from sim.montecarlo.cluster.connection import place_at
    from sim.montecarlo.run import run as simulate
    from sim.report.progress import progress_bar

    options["allowance"].expect(scenario.worlds - (len(earlier.sample) if earlier else 0))
    try:
        with (
            place_at(cluster, advice.say) as place,
            progress_bar(scenario.worlds, goal, shown=not advice.quiet) as progress,
            _pictures_ahead(scenario.worlds, options["jobs"], options["allowance"]),
        ):
            return simulate(
                scenario,
                worlds=scenario.worlds,
                executor=place,
                progress=progress,
                announce=advice.finishing,
                earlier=earlier,
                checkpoints=Checkpoints(kept, advice.warn),
                **options,
            )
    except StoppedError as error:
        if error.partial is not None:
            try:
                _save(error.partial, kept, advice, report)
            except ResultError as unsaved:
                advice.warn(str(unsaved))
        raise


def _pictures_ahead(
    worlds: int, jobs: int | None, allowance: "Allowance"
) -> AbstractContextManager[None]:
    """What draws pictures, loaded while this process waits for its workers."""
    from sim.montecarlo.execution import available_cores
    from sim.report.ahead import loaded_ahead

    waits = min(jobs or available_cores(), worlds) > 1
    return loaded_ahead("sim.report.charts.run", wanted=waits and not allowance.limits_memory)


def _tell_batches(result: "RunResult", advice: Advice) -> None:
    """Say where batches went beyond the measured ones."""
    from sim.report.footing_text import beyond_batches

    timelines = result.sample.timelines.percentiles([MEDIAN])
    for line in beyond_batches(
        result.design, {name: cells[0] for name, cells in timelines.items()}
    ):
        advice.say(line)


def _tell_writes(result: "RunResult", advice: Advice) -> None:
    """Say where more was written to tiers under caches of prompts than their links carry."""
    from sim.report.tier_text import beyond_links

    for line in beyond_links(result.design, result.sample.values):
        advice.say(line)


def _shown(result: "RunResult", as_json: bool, full: bool) -> str:
    from sim.montecarlo.storage.manifest import to_json
    from sim.report.run_text import run_text

    return to_json(result.summary) if as_json else run_text(result, full) + "\n"


@contextmanager
def _final(
    kept: "Store",
    result: "RunResult",
    earlier: "Earlier | None",
    opening: "Callable[..., AbstractContextManager[Store]]",
    advice: Advice,
) -> "Iterator[Store]":
    """Where results go: elsewhere if they are less than what lies there, or if it is gone."""
    less = result.interrupted and earlier is None and kept.has_results
    if kept.folder.is_there and not less:
        yield kept
        return
    with opening(kept.folder.path, anywhere=True, fresh=less, tell=advice.warn) as other:
        yield other
    kept.forget()


def _save(result: "RunResult", kept: "Store", advice: Advice, report: bool) -> None:
    """Write the results, the page first, and say what is to be said about them."""
    from sim.report import page
    from sim.report.charts import save
    from sim.report.charts.run import charts
    from sim.report.page.run import page_of_run

    kept.save(result)
    drawn = charts(result)
    if report:
        kept.add(lambda draft: page.write(page_of_run(result, result.summary, drawn), draft))
    kept.add(lambda draft: save(drawn, draft / "figures"))
    place = kept.folder
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
