"""The answers of ``sim calibrate`` and ``sim validate`` as text."""

import math
from collections.abc import Iterator

import click
import pandas as pd

from sim.report.columns import Column, table
from sim.report.paragraph import command_lines, filled
from sim.studies.calibration import Calibration
from sim.studies.measure import rounded
from sim.studies.validation import Validation

COLUMNS = (
    ("TTFT", "ttft", "p50"),
    ("TTFT", "ttft", "p95"),
    ("TPOT", "tpot", "p50"),
    ("TPOT", "tpot", "p95"),
    ("E2E", "e2e", "p50"),
    ("E2E", "e2e", "p95"),
    ("E2E", "e2e", "p99"),
    ("tokens/s", "throughput", "mean"),
)
LAW = (
    Column("", right=False),
    Column(""),
    Column("", right=False),
    Column("", right=False, text=True),
)
NAME = 22  # of a run, at most
MARK = "*"  # at loads beyond saturation


def render_calibration(answer: Calibration) -> str:
    """A calibration as text."""
    profile = answer.profile
    parts = [filled(answer.sentence), "\n".join(_law(answer)), _errors(answer.rows)]
    if answer.noise:
        worst = max(answer.noise.values())
        parts.append(
            filled(
                "Repeats of one run are up to"
                f" {100 * worst:.2g} % from their median: no error counts as less than that."
            )
        )
    for each in answer.suggestions:
        text = f"The data cannot tell: {each.untold.words()}."
        parts.append(filled(text))
        if each.command:
            left = f"{100 * each.untold.remaining:.0f} %"
            lines = command_lines(each.command, "  ")
            parts.append("\n".join([f"  Add (leaves {left} of that error):", *lines]))
    limits = (
        f"Measured at {_range(profile.measured.batch)} requests in flight, prompts of"
        f" {_range(profile.measured.prompt_tokens)} and answers of"
        f" {_range(profile.measured.output_tokens)} tokens; beyond is extrapolation."
        if profile.measured is not None
        else ""
    )
    parts.append(filled(limits))
    if answer.in_flight:
        parts.append(filled(f"Steps in flight: {answer.in_flight}."))
    if answer.assumed:
        parts.append(filled(f"Assumed, for no file says it: {'; '.join(answer.assumed)}."))
    parts += [filled(f"Left out: {each}.") for each in answer.left_out]
    return "\n\n".join(part for part in parts if part)


def _range(bounds: tuple[int, int] | None) -> str:
    if bounds is None:
        return "unknown"
    low, high = bounds
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _law(answer: Calibration) -> Iterator[str]:
    """Coefficients with their errors."""
    from sim.catalog.profile_file import profile_document  # noqa: PLC0415 (YAML is slow to load)
    from sim.studies.calibration.telling import in_words  # noqa: PLC0415

    yield click.style("Coefficients (one standard deviation)", bold=True)
    document = profile_document(answer.profile)
    error = answer.profile.joint_error
    if error is None:
        return
    rows = []
    for name, sd in zip(error.names, error.relative_sd, strict=True):
        key, at, batch = name.partition("@")
        value = document[key]
        if at:
            value = value[document["batch"].index(int(batch))]
        elif isinstance(value, list):
            value = value[0]
        factor = f"± {100 * sd:.2g} %" if sd < 0.5 else f"within a factor of {math.exp(sd):.2g}"
        rows.append((f"  {name}", str(rounded(float(value), 4)), factor, in_words(name)))
    yield from table(LAW, rows).lines


def render_validation(answer: Validation) -> str:
    """A validation as text."""
    parts = [filled(answer.sentence), _errors(answer.rows)]
    parts += [filled(text) for text in answer.notes]
    return "\n\n".join(part for part in parts if part)


def _errors(rows: pd.DataFrame) -> str:
    """Simulated over measured, less one, run by run."""
    runs = rows.drop_duplicates(["run", "load"])
    shown = [column for column in COLUMNS if _has(rows, *column[1:])]
    if not shown:  # statistics of a file without percentiles
        shown = [("TTFT", "ttft", "mean"), ("TPOT", "tpot", "mean"), ("E2E", "e2e", "mean")]
        shown = [column for column in shown if _has(rows, *column[1:])]
    heads = [
        "load",
        *(f"{name} {which if which != 'mean' else ''}".strip() for name, _, which in shown),
    ]
    lines = [click.style("Simulated / measured − 1, in per cent", bold=True)]
    cells = []
    saturated = False
    for _, run in runs.iterrows():
        own = rows[(rows["run"] == run["run"]) & (rows["load"] == run["load"])]
        mark = MARK if run["saturated"] else ""
        saturated |= bool(mark)
        load = f"{rounded(float(run['load']), 3)}{'/s' if run['loop'] == 'open' else ''}"
        errors = (_cell(own, metric, which) for _, metric, which in shown)
        cells.append((f"  {_short(str(run['run']))}{mark}", load, *errors))
    lines += table([Column("  run", right=False), *map(Column, heads)], cells).lines
    if saturated:
        said = f"{MARK} saturated: requests wait for a place; not among the errors above"
        lines.append(filled(said, "  ", "    "))
    return "\n".join(lines)


def _short(name: str) -> str:
    """The end of a long name, which tells it from others."""
    return name if len(name) < NAME else f"…{name[2 - NAME :]}"


def _has(rows: pd.DataFrame, metric: str, which: str) -> bool:
    return bool(((rows["metric"] == metric) & (rows["statistic"] == which)).any())


def _cell(own: pd.DataFrame, metric: str, which: str) -> str:
    found = own[(own["metric"] == metric) & (own["statistic"] == which)]["error"]
    if not len(found) or not math.isfinite(found.iloc[0]):
        return "–"
    return f"{100 * float(found.iloc[0]):+.1f}"
