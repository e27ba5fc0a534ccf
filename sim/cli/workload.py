"""``sim calibrate --workload``: a recorded trace as a workload of a scenario."""

from pathlib import Path
from typing import Any

import click

from sim.cli.delivery import Advice, deliver


def model_trace(
    trace: str,
    output: Path | None,
    columns: dict[str, str],
    figures: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print how a trace's traffic is modelled, and keep the workload and its pictures.

    Parameters
    ----------
    trace : str
        Path of the trace.
    output : Path or None
        Where the workload goes, as YAML.
    columns : dict
        What is said of its columns: fields of `sim.catalog.logs.TraceColumns`.
    figures : Path or None
        Folder for pictures and tables.
    as_json, quiet : bool
    """
    from sim.cli.logs import log_at
    from sim.montecarlo.storage.manifest import to_json
    from sim.report.traffic_text import render_traffic
    from sim.studies.traffic import as_json as as_data
    from sim.studies.traffic import traffic

    advice = Advice(quiet)
    found = traffic(log_at(trace, given=of_columns(columns)))
    shown = to_json(as_data(found)) if as_json else render_traffic(found) + "\n"

    deliver(shown, lambda: keep_traffic(found, output, figures, advice), advice)


def keep_traffic(found: Any, output: Path | None, figures: Path | None, advice: Advice) -> None:
    """Write the workload of a trace's traffic, and its pictures and tables."""
    from sim.errors import ResultError
    from sim.montecarlo.exports.spreadsheet import csv_text
    from sim.report.charts import save
    from sim.report.charts.traffic import traffic_charts
    from sim.studies.traffic import workload_yaml

    try:
        if output is not None:
            output.write_text(workload_yaml(found), encoding="utf-8")
            advice.say(f"workload in {output}")
        if figures is not None:
            save(traffic_charts(found), figures)
            for name, frame in found.frames().items():
                figures.joinpath(f"{name}.csv").write_bytes(csv_text(frame).encode())
    except OSError as error:
        place = figures if figures is not None else output
        raise ResultError(f"{place}: cannot be written: {error.strerror}") from None


def of_columns(columns: dict[str, str]) -> dict[str, Any]:
    """What is said of a trace's columns by hand."""
    from sim.catalog.logs import GIVEN, UNITS

    for key in columns:
        if key not in GIVEN:
            raise click.UsageError(f"--column ({key}) must be one of {', '.join(GIVEN)}")
    unit = columns.get("unit", "s")
    if unit not in UNITS:
        raise click.UsageError(f"--column unit ({unit}) must be one of {', '.join(UNITS)}")
    given: dict[str, Any] = dict(columns)
    if "block_tokens" in given:
        if not columns["block_tokens"].isdigit() or not 1 <= int(columns["block_tokens"]) <= 65_536:
            raise click.UsageError(
                f"--column block_tokens ({columns['block_tokens']}) must be a whole number from 1"
                " to 65536"
            )
        given["block_tokens"] = int(columns["block_tokens"])
    named = [value for key, value in columns.items() if key not in ("unit", "block_tokens")]
    if len(set(named)) < len(named):
        raise click.UsageError("--column must give different columns")
    return given
