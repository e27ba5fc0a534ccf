"""``sim size``: the cheapest fleet whose SLO holds."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.emission import EMIT, check_emit
from sim.cli.emission import emit as write_manifests
from sim.cli.study import Asked, study_options
from sim.cli.values import SHARE, refuse_beside, refuse_for

if TYPE_CHECKING:
    from sim.studies.case import Case
    from sim.studies.size import Question, Size


@click.command(short_help="Find the cheapest fleet whose SLO holds.")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--probability",
    type=SHARE,
    default="95%",
    show_default=True,
    help="Share of worlds that must keep the SLO; 95 % takes at least 83 worlds, 90 % 39; with a"
    " second service 98 and 46, with an autoscaler 106 and 51; each degree of a --gpu is one.",
)
@click.option(
    "--attainment",
    type=SHARE,
    help="Share of requests that must keep it.  [default: the SLO's own]",
)
@click.option("--peak", is_flag=True, help="Ask the worst hour's p95 to keep the thresholds, too.")
@click.option(
    "--backend",
    metavar="NAME",
    help="The pool to size, where there are several, or the backend whose variants to mix.",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME[@USD]",
    help="Another service profile to consider, with its price per GPU-hour. Repeatable.",
)
@click.option(
    "--gpu",
    "gpus",
    multiple=True,
    metavar="NAME",
    help="Consider the same model on this type of GPU, on 1, 2, 4 and 8 to a replica: as measured,"
    " else computed. Repeatable.",
)
@click.option(
    "--error",
    type=SHARE,
    default="5%",
    show_default=True,
    help="Chance of a wrong answer; the smaller, the more worlds.",
)
@click.option(
    "--miss-cost",
    type=click.FloatRange(min=0.0),
    metavar="USD",
    help="Price of a request outside of the SLO, for the least-regret fleet.",
)
@click.option(
    "--users",
    type=click.IntRange(min=1),
    metavar="N",
    help="Size the fleet for so many users, in place of the scenario's.",
)
@click.option(
    "--most-users",
    is_flag=True,
    help="Ask how many users the fleet holds as it is, in place of the fleet.",
)
@EMIT
@study_options
@click.pass_context
def size(
    context: click.Context,
    scenario: Path,
    probability: float,
    attainment: float | None,
    peak: bool,
    backend: str | None,
    services: tuple[str, ...],
    gpus: tuple[str, ...],
    error: float,
    miss_cost: float | None,
    users: int | None,
    most_users: bool,
    emit: Path | None,
    asked: Asked,
) -> None:
    """Find the cheapest fleet of SCENARIO whose SLO holds in enough of its worlds.

    A world keeps the SLO if it does not fall behind and the asked share of the requests of every
    workload stays within the thresholds. Worlds are added only where fleets are close; where they
    do not decide, the answer says so, and how many would. Of a backend that has variants it is the
    cheapest mix of them.

    \b
    sim size scenarios/quickstart.yaml
    sim size scenarios/quickstart.yaml --probability 90% --peak
    sim size scenarios/quickstart.yaml --emit fleet.yaml
    sim size scenarios/quickstart.yaml --gpu h200-sxm --miss-cost 0.01
    sim size scenarios/population.yaml --users 500
    sim size scenarios/population.yaml --most-users
    sim size scenarios/variants.yaml --probability 90%
    """  # noqa: D301 (click reads the \b)
    from sim.catalog.hardware import form_taken
    from sim.report.charts.size import size_charts
    from sim.report.size_text import tell
    from sim.studies.size import Question, mixed
    from sim.studies.size import size as study
    from sim.studies.size.fleet import service_of, services_on, users_of, workload_of_users

    case = asked.case(scenario)
    if users is not None:
        case = case.but(users_of(workload_of_users(case.load()), users))
    question = Question(probability, peak, math.nan if attainment is None else attainment)
    if most_users:
        refuse_beside(
            context, "most_users", "users", "backend", "services", "gpus", "miss_cost", "emit"
        )
        _most_users(case, question, error, asked)
        return
    if (joined := mixed(case.load(), backend)) is not None:
        refuse_for(context, "a mix of variants", "services", "gpus", "miss_cost", "emit")
        _mix(case, question, joined, error, asked)
        return
    if gpus:
        services = (*services, *services_on(gpus, service_of(case, backend)))
    check_emit(emit, case.load())
    with asked.study("size", case.load()) as under_way:
        for taken in filter(None, map(form_taken, gpus)):
            under_way.advice.say(f"--gpu {taken}")
        answer = study(
            case,
            under_way.bench,
            question,
            backend,
            services,
            asked.worlds,
            asked.seed,
            error,
            miss_cost,
        )
        under_way.give(answer, tell, size_charts)
        if answer.chosen is None and emit is not None:
            under_way.advice.warn(f"no fleet was chosen: {emit} is not written")
        elif emit is not None:
            write_manifests(emit, _chosen(case, answer).load(), answer.sentence, under_way.advice)
        under_way.tell_levers({"": _chosen(case, answer)}, asked.seed)


def _chosen(case: "Case", answer: "Size") -> "Case":
    """The case with the fleet that was chosen, if one was."""
    return case if answer.chosen is None else replace(case, overrides=answer.overrides)


def _mix(case: "Case", question: "Question", backend: str, error: float, asked: Asked) -> None:
    """Which mix of variants is the cheapest."""
    from sim.report.charts.mix import mix_charts
    from sim.report.mix_text import tell
    from sim.studies.size import mix

    with asked.study("size", case.load()) as under_way:
        answer = mix(case, under_way.bench, question, backend, asked.worlds, asked.seed, error)
        under_way.give(answer, tell, mix_charts)
        chosen = case if answer.chosen is None else replace(case, overrides=answer.overrides)
        under_way.tell_levers({"": chosen}, asked.seed)


def _most_users(case: "Case", question: "Question", error: float, asked: Asked) -> None:
    """How many users the fleet holds."""
    from sim.report.charts.crowd import crowd_charts
    from sim.report.crowd_text import tell
    from sim.studies.size import most_users

    with asked.study("size", case.load()) as under_way:
        answer = most_users(case, under_way.bench, question, asked.worlds, asked.seed, error)
        under_way.give(answer, tell, crowd_charts)
        under_way.tell_levers({"": case}, asked.seed)
