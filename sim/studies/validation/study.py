"""Validation: a profile's predictions beside what was measured."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from sim.errors import MeasurementError
from sim.model.coefficients import drawn
from sim.model.measured import MeasuredRun
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.studies.calibration.accuracy import Compared, comparison, frame_of
from sim.studies.calibration.engine import Given
from sim.studies.calibration.script import Script, script
from sim.studies.validation.answer import Validation
from sim.studies.validation.bar import Bar
from sim.studies.validation.knee import Knee, knee_of

FloatArray = npt.NDArray[np.float64]

WORLDS = 40  # of the bands
BAND = (5.0, 95.0)  # percentiles
SPREAD = math.sqrt(math.pi / 2)  # from a mean absolute error to a standard deviation
LIMITS = (
    "kv_capacity_tokens",
    "max_num_seqs",
    "max_num_batched_tokens",
    "max_model_len",
    "scheduler",
    "steps_in_flight",
    "admission",
)


def validate(
    profile: ServiceProfile,
    runs: Sequence[MeasuredRun],
    bar: Bar | None = None,
    given: Given | None = None,
    worlds: int = WORLDS,
    seed: int = 0,
    told: Callable[[str], None] = lambda _: None,
) -> Validation:
    """Predict measured runs.

    Bands are of nine worlds in ten, each of which draws the profile's coefficients from their joint
    error, and each figure's remaining error from what simulations of the profile's own runs were
    off, and from chance over so few requests.

    Raises
    ------
    MeasurementError
        If no run says how it was driven.
    """
    bar = bar or Bar()
    profile = limited(profile, given or Given())
    scripts, notes = _scripts(runs)
    told(f"predicting {len(scripts)} runs, with bands from {worlds} worlds")
    rows = comparison(profile, scripts)
    if not rows:
        raise MeasurementError("no run has a figure to compare: too few completed requests")
    frame = frame_of(rows)
    frame["low"], frame["high"] = bands(profile, scripts, rows, worlds, seed)
    inside = (frame["low"] <= frame["measured"]) & (frame["measured"] <= frame["high"])
    frame["inside"] = inside.where(frame["low"].notna(), None)
    knees = tuple(_knees(frame))
    answer = Validation(
        profile=profile.name,
        rows=frame,
        bar=bar,
        failed=tuple(_failed(rows, bar)),
        knees=knees,
        notes=(),
    )
    if not math.isnan(answer.coverage):
        notes.append(
            f"{100 * answer.coverage:.0f} % of the measured figures below saturation lie in the"
            " bands of nine worlds in ten."
        )
    notes += [each.words() for each in knees]
    return replace(answer, notes=tuple(notes))


def limited(profile: ServiceProfile, given: Given) -> ServiceProfile:
    """The profile with limits that are given by hand."""
    changes = {name: value for name in LIMITS if (value := getattr(given, name)) is not None}
    return replace(profile, **changes) if changes else profile


def bands(
    profile: ServiceProfile,
    scripts: Sequence[Script],
    rows: Sequence[Compared],
    worlds: int,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Where nine worlds in ten have each figure: two arrays like the rows, NaN without worlds."""
    nothing = np.full(len(rows), np.nan)
    if worlds < 2:
        return nothing, nothing.copy()
    drawn_rows = [
        [row.simulated for row in comparison(_in_world(profile, seed, world), scripts)]
        for world in range(worlds)
    ]
    values = np.array(drawn_rows)
    left = np.array([math.hypot(_left_s(profile, row.figure.metric), row.chance) for row in rows])
    # One error of each kind in a world, at the quantiles of a normal in an order of its own.
    rng = Streams(seed, 0)("validation/left")
    levels = (np.arange(worlds) + 0.5) / worlds
    noise = np.array([special.ndtri(rng.permutation(levels)) for _ in rows]).T
    values = values * np.exp(noise * left)
    low, high = np.nanpercentile(values, BAND, axis=0)
    return low, high


def _in_world(profile: ServiceProfile, seed: int, world: int) -> ServiceProfile:
    """The profile with its coefficients in a world."""
    if profile.joint_error is None:
        return profile
    count = profile.joint_error.directions.shape[1]
    rng = Streams(seed, world)("validation/coefficients")
    return drawn(profile, rng.standard_normal((count,)).tolist())


def _left_s(profile: ServiceProfile, metric: str) -> float:
    """What simulations are off even of the profile's own runs: of the logarithm."""
    error = profile.simulated_error
    if error is None:
        return profile.fit_error * SPREAD
    name = {"ttft_s": "ttft", "tpot_s": "tpot", "e2e_s": "e2e"}.get(metric, "throughput")
    value = getattr(error, name)
    return (profile.fit_error if math.isnan(value) else value) * SPREAD


def _scripts(runs: Sequence[MeasuredRun]) -> tuple[list[Script], list[str]]:
    scripts, notes = [], []
    for run in runs:
        known = run.drive.loop is not None or (run.requests is not None and run.requests.has_times)
        if known:
            scripts.append(script(run))
        else:
            notes.append(f"Left out: {run.name} does not say how it was driven.")
    if not scripts:
        raise MeasurementError("no run says how it was driven: neither users nor a rate")
    return scripts, notes


def _failed(rows: Sequence[Compared], bar: Bar) -> list[str]:
    """What does not clear the bar, below saturation, the worst first."""
    found = []
    for row, name in zip(rows, _names(rows), strict=True):
        limit = bar.limits.get(name)
        if limit is None or row.saturated or abs(row.error) <= limit:
            continue
        text = f"{name.replace('_', ' ')} of {row.figure.run} {100 * row.error:+.0f} %"
        found.append((abs(row.error) / max(limit, 1e-9), text))
    return [text for _, text in sorted(found, key=lambda each: -each[0])]


def _names(rows: Sequence[Compared]) -> list[str]:
    frame = frame_of(rows)
    return [
        metric if metric == "throughput" else f"{metric}_{which}"
        for metric, which in zip(frame["metric"], frame["statistic"], strict=True)
    ]


def _knees(frame: pd.DataFrame) -> list[Knee]:
    found = []
    for loop, metric in (("closed", "throughput"), ("open", "ttft")):
        own = frame[(frame["loop"] == loop) & (frame["metric"] == metric)]
        own = own[own["statistic"].isin(["mean"] if loop == "closed" else ["p50"])]
        load = own["load"].tolist()
        sides = [knee_of(loop, load, own[side].tolist()) for side in ("measured", "simulated")]
        if any(math.isfinite(side) for side in sides):
            found.append(Knee(loop, *sides))
    return found
