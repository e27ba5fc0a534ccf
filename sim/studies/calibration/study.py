"""Calibration: from benchmark files to a service profile that says how good it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sim.errors import MeasurementError
from sim.model.coefficients import SCALARS
from sim.model.joint_error import JointError, SimulatedError
from sim.model.measured import MeasuredRun
from sim.model.profile import Measurement, ServiceProfile
from sim.studies.calibration import accuracy
from sim.studies.calibration.answer import Calibration, Suggestion
from sim.studies.calibration.certainty import WAITING_SD
from sim.studies.calibration.commands import command
from sim.studies.calibration.engine import Engine, Given, engine_of
from sim.studies.calibration.figures import (
    Figure,
    driven_alike,
    fitted_figures,
    is_saturated,
    repeats,
)
from sim.studies.calibration.fitting import TRIED, fitted, fitted_near
from sim.studies.calibration.in_flight import judged
from sim.studies.calibration.law import starting_law
from sim.studies.calibration.problem import Fit, Problem
from sim.studies.calibration.script import Script, script
from sim.studies.calibration.telling import untold

NEARBY = 6  # steps of the descent from a fit to nearly the same runs
MOST_REQUESTS = 200_000  # of all runs, beyond which a fit takes many minutes

Told = Callable[[str], None]


def calibrate(
    runs: Sequence[MeasuredRun],
    given: Given | None = None,
    name: str = "calibrated",
    told: Told = lambda _: None,
    tried: int = TRIED,
    others: Sequence[MeasuredRun] = (),
    begin: ServiceProfile | None = None,
    hear: bool = True,
) -> Calibration:
    """A profile from measured runs of one engine.

    Parameters
    ----------
    runs : sequence of MeasuredRun
    given : Given
        What is said by hand, in place of what the files say.
    name : str
        Of the profile.
    told : callable
        Told in a few words of what is going on.
    tried : int
        Starts that go all the way.
    others : sequence of MeasuredRun
        Of which those of the same engine, on any GPU, show what its front end keeps up with.
    begin : ServiceProfile
        A fit to nearly the same runs, near which this one is looked for.
    hear : bool
        Whether the runs are asked about steps in flight even where that number is known.

    Raises
    ------
    MeasurementError
        If the runs say too little, or are of different engines.
    """
    fit, engine, left_out = fit_of(runs, given, told, tried, others, begin)
    in_flight = ""
    if hear or not engine.knows_steps:
        told("fitting them with the other number of steps in flight")
        fit, in_flight = judged(fit, engine.knows_steps)
    scripts = fit.problem.scripts
    rows = accuracy.comparison(fit.profile, scripts)
    used = [each.run for each in scripts]
    noise = repeats(used)
    error = accuracy.simulated_error(rows, noise)
    weak = untold(fit)
    tool = used[0].source.tool
    suggestions = tuple(
        Suggestion(each, "" if each.run is None else command(tool, each.run, engine.model))
        for each in weak
    )
    profile = replace(
        fit.profile,
        name=name,
        grade=accuracy.grade(error),
        fit_error=0.0 if math.isnan(error.tpot) else min(round(error.tpot, 4), 0.99),
        simulated_error=_rounded(error),
        joint_error=JointError.of(fit.problem.names, fit.covariance),
        measured=measured(scripts, len(rows), engine.data_parallel_ranks),
        source=source(used),
        as_of=max((run.source.as_of for run in used), default=""),
        notes=notes(engine),
    )
    return Calibration(
        profile=tidy(profile),
        rows=accuracy.frame_of(rows),
        error=error,
        noise=noise,
        suggestions=suggestions,
        assumed=engine.assumed,
        left_out=tuple(left_out),
        remarks=tuple(dict.fromkeys(f"{r.name}: {m.text}" for r in used for m in r.remarks)),
        in_flight=in_flight,
        runs=len(used),
        requests=sum(run.completed or 0 for run in used),
    )


def fit_of(
    runs: Sequence[MeasuredRun],
    given: Given | None = None,
    told: Told = lambda _: None,
    tried: int = TRIED,
    others: Sequence[MeasuredRun] = (),
    begin: ServiceProfile | None = None,
) -> tuple[Fit, Engine, list[str]]:
    """The fit alone, what was measured, and why runs were left out."""
    usable, left_out = _usable(runs)
    problem, engine = problem_of(usable, given, others)
    requests = sum(run.completed or 0 for run in usable)
    told(f"fitting {len(problem.free)} coefficients to {len(usable)} runs, {requests:,} requests")
    if begin is not None:
        return fitted_near(problem, problem.point(begin), NEARBY), engine, left_out
    return fitted(problem, told, tried), engine, left_out


def problem_of(
    runs: Sequence[MeasuredRun],
    given: Given | None = None,
    others: Sequence[MeasuredRun] = (),
) -> tuple[Problem, Engine]:
    """What is to be fitted to runs, all of which are used."""
    scripts = tuple(script(run) for run in runs)
    engine = engine_of(runs, scripts, given or Given(), others)
    profile, free = starting_law(engine, scripts)
    figures = {id(run): _figures(run) for run in runs}
    for group in driven_alike(runs):
        _widen(figures, [id(run) for run in group])
    of_runs = tuple(tuple(figures[id(run)]) for run in runs)
    return Problem(profile, free, scripts, of_runs, engine.is_mixture), engine


def _widen(figures: dict[int, list[Figure]], group: Sequence[int]) -> None:
    """Repeats of a run say how well it repeats: no figure of it is known better than that."""
    logs: dict[tuple[str, object], list[float]] = {}
    for run in group:
        for each in figures[run]:
            logs.setdefault((each.metric, each.which), []).append(math.log(each.value))
    for run in group:
        figures[run] = [
            replace(each, sd=max(each.sd, float(np.std(logs[each.metric, each.which], ddof=1))))
            if len(logs[each.metric, each.which]) > 1
            else each
            for each in figures[run]
        ]


def _figures(run: MeasuredRun) -> list[Figure]:
    """What a run is fitted to: where requests wait for a place, little of how long they do."""
    figures = fitted_figures(run)
    if not is_saturated(run):
        return figures
    return [
        replace(each, sd=max(each.sd, WAITING_SD)) if each.metric == "ttft_s" else each
        for each in figures
    ]


def _usable(runs: Sequence[MeasuredRun]) -> tuple[list[MeasuredRun], list[str]]:
    usable, left_out = [], []
    for run in runs:
        why = _unusable(run)
        if why:
            left_out.append(f"{run.name}: {why}")
        else:
            usable.append(run)
    if not usable:
        because = f" ({left_out[0]})" if left_out else ""
        raise MeasurementError(
            f"no run can be used{because}; run the benchmark with its results of single requests,"
            " such as vllm bench serve --save-result --save-detailed"
        )
    total = sum(run.completed or 0 for run in usable)
    if total > MOST_REQUESTS:
        raise MeasurementError(
            f"{total:,} requests are more than {MOST_REQUESTS:,}: give fewer files, or shorter runs"
        )
    return usable, left_out


def _unusable(run: MeasuredRun) -> str:
    if run.drive.loop is None and (run.requests is None or not run.requests.has_times):
        return "it says neither how many users nor which rate drove it"
    if not fitted_figures(run):
        return "it has too few completed requests, and no statistics"
    return ""


def measured(scripts: Sequence[Script], points: int, ranks: int = 1) -> Measurement:
    """What was measured, and over which ranges; batches are those of a rank."""
    loads = [each.in_flight / ranks for each in scripts]
    prompts, outputs = (
        np.concatenate([getattr(each, name) for each in scripts])
        for name in ("prompt_tokens", "output_tokens")
    )
    return Measurement(
        "TTFT, TPOT, E2E and throughput of clients, in simulations of the runs",
        points,
        batch=(max(round(min(loads)), 1), max(round(max(loads)), 1)),
        prompt_tokens=(int(prompts.min()), int(prompts.max())),
        output_tokens=(int(outputs.min()), int(outputs.max())),
    )


def source(runs: Sequence[MeasuredRun]) -> str:
    """Tools and files."""
    tools = sorted({run.source.tool for run in runs})
    files = sorted({run.source.file.rsplit("/", 1)[-1] for run in runs})
    shown = ", ".join(files[:6]) + (f" and {len(files) - 6} more" if len(files) > 6 else "")
    versions = sorted({v for run in runs if (v := run.setup.engine_version)})
    of_version = f"; engine version {', '.join(versions)}" if versions else ""
    return f"measured with {', '.join(tools)} ({shown}){of_version}; fitted by sim calibrate"


def notes(engine: Engine) -> str:
    """What is assumed."""
    return f"assumed: {'; '.join(engine.assumed)}" if engine.assumed else ""


def tidy(profile: ServiceProfile) -> ServiceProfile:
    """With as many digits as the figures deserve."""
    changes: dict[str, Any] = {name: _digits(getattr(profile, name)) for name in SCALARS.values()}
    for name in ("step_base_s", "step_s_per_kv_token"):
        changes[name] = tuple(_digits(each) for each in getattr(profile, name))
    return replace(profile, **changes)


def _digits(value: float) -> float:
    return float(f"{value:.5g}")


def _rounded(error: SimulatedError) -> SimulatedError:
    values = {name: getattr(error, name) for name in accuracy.SHORT.values()}
    return SimulatedError(**{k: round(v, 4) for k, v in values.items()})
