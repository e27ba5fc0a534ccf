"""``sim trace``: what a log holds, and the workload that replays or models it."""

from pathlib import Path
from typing import Any

import click

from sim.cli.delivery import Advice, deliver
from sim.cli.outputs import FORCE, check_folder, check_outputs


@click.command(short_help="What a log holds, and the workload that replays or models it.")
@click.argument("file", type=click.Path())
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="A column by hand, or its dotted path: timestamp, prompt_tokens, output_tokens, session,"
    " cached, delay, blocks; or unit=ms, block_tokens=16, turns=new. Repeatable.",
)
@click.option("--format", "layout", default="auto", help="As 'sim catalog formats' names it.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the modelled workload goes."
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path),
    metavar="YAML",
    help="Write a whole scenario of it, to be run as it stands.",
)
@click.option(
    "--on",
    "served_by",
    metavar="MODEL|PROFILE",
    help="Who answers in that scenario: a model with an API, or the profile of a pool."
    "  [default: gpt-4.1-mini]",
)
@click.option("--figures", type=click.Path(path_type=Path), help="Folder for pictures and tables.")
@click.option(
    "--week",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Write a week drawn from this log, of a day, say.",
)
@click.option(
    "--day",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Write a day drawn from this log, of an hour, say.",
)
@click.option(
    "--shape",
    default="azure-chat-2024",
    show_default=True,
    help="How hours that the log lacks differ from those it has, for --day and --week.",
)
@click.option("--seed", type=click.IntRange(0, 10**18 - 1), default=0, help="Of that draw.")
@FORCE
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("--quiet", is_flag=True, help="No advice.")
def trace(
    file: str,
    columns: tuple[str, ...],
    layout: str,
    output: Path | None,
    scenario: Path | None,
    served_by: str | None,
    figures: Path | None,
    week: Path | None,
    day: Path | None,
    shape: str,
    seed: int,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show what a log of requests holds: rows, times, rates, lengths, sessions, shared prompts.

    FILE is a log or table of any tool that 'sim catalog formats' lists, or another whose columns
    are named. The answer ends with the workload that replays it, and the one that models it. Files
    that are there already are replaced with --force alone, and FILE itself never.

    \b
    sim trace requests.csv.gz
    sim trace export.json --column timestamp=at --column prompt_tokens=usage.in \\
        --column output_tokens=usage.out
    sim trace hour.jsonl --column unit=s --day day.csv
    sim trace requests.csv.gz --scenario shop.yaml --on gpt-4.1
    """  # noqa: D301 (Click wants the control character itself)
    from sim.catalog.logs import FORMATS
    from sim.cli.calibrate import pairs
    from sim.cli.logs import log_at
    from sim.cli.workload import of_columns
    from sim.montecarlo.storage.manifest import to_json
    from sim.report.trace_text import render_trace
    from sim.studies.traffic.contents import as_data, contents
    from sim.studies.traffic.whole import DEFAULT, answered_by

    if served_by is not None and scenario is None:
        raise click.UsageError("--on needs --scenario, whose traffic it answers")
    if layout not in ("auto", "columns", *FORMATS):
        raise click.UsageError(f"--format ({layout}) must be auto, columns, {', '.join(FORMATS)}")
    written = {"--output": output, "--scenario": scenario, "--week": week, "--day": day}
    check_outputs(written, [file], force)
    check_folder("--figures", figures, [file], force)
    given = of_columns(pairs(columns, "--column"))
    backends = None if scenario is None else answered_by(served_by or DEFAULT, scenario.parent)
    advice = Advice(quiet)
    try:
        log = log_at(file, layout, given)
    except ValueError as error:
        raise click.UsageError(f"--column: {error}") from None
    found = contents(log)
    drawn = [
        (path, days, _drawn(log, days, shape, seed))
        for path, days in ((week, 7), (day, 1))
        if path is not None
    ]
    whole = None if scenario is None else _whole(found, given, backends, scenario)
    shown = to_json(as_data(found, given)) if as_json else render_trace(found, given) + "\n"

    def save() -> None:
        if output is not None or figures is not None:
            _save_model(found, output, figures, advice)
        if scenario is not None and whole is not None:
            _save_scenario(whole, scenario, advice)
        for path, days, answer in drawn:
            _write(answer.trace, path)
            name = "day" if days == 1 else "week"
            advice.say(f"a {name} of {len(answer.trace.arrival_s):,} requests in {path}")
            for line in answer.assumed:
                advice.say(f"assumed: {line}")

    deliver(shown, save, advice)


def _drawn(log: Any, days: int, shape: str, seed: int) -> Any:
    """So many days that are like a log."""
    from sim.catalog import shape as catalogue_shape
    from sim.studies.traffic.resample import resampled

    return resampled(log, days, catalogue_shape(shape), seed)


def _save_model(found: Any, output: Path | None, figures: Path | None, advice: Advice) -> None:
    from sim.cli.workload import keep_traffic
    from sim.errors import TraceError

    if found.model is None:
        raise TraceError(f"{found.trace.file}: no model to be saved: {found.no_model}")
    keep_traffic(found.model, output, figures, advice)


def _whole(found: Any, given: dict[str, Any], backends: Any, path: Path) -> str:
    """The text of a whole scenario, read as whoever runs it will before anything is written."""
    from sim.scenario import load_scenario
    from sim.scenario.text.yaml_file import Written
    from sim.studies.traffic.whole import scenario_yaml

    text = scenario_yaml(found, given, backends)
    load_scenario(Written(text, str(path), path.parent))
    return text


def _save_scenario(text: str, path: Path, advice: Advice) -> None:
    from sim.errors import ResultError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {error.strerror}") from None
    advice.say(f"a whole scenario in {path} (sim run {path})")


def _write(log: Any, path: Path) -> None:
    """A trace as CSV, compressed if the name ends so, as 'sim trace' reads it again."""
    import gzip

    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    from sim.errors import ResultError

    begun = np.datetime64(log.began, "us")
    times = begun + np.rint(log.arrival_s * 1e6).astype("timedelta64[us]")
    columns = {"timestamp": times, "prompt_tokens": log.prompt_tokens,
               "output_tokens": log.output_tokens}  # fmt: skip
    if log.session is not None:
        columns["session_id"] = log.session
    try:
        with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
            arrow_csv.write_csv(pa.table(columns), file)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {error.strerror}") from None
