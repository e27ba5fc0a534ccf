"""``sim calibrate --workload``: a recorded trace as a workload of a scenario."""

from pathlib import Path
from typing import Any

import click

from sim.cli.delivery import Advice, deliver

COLUMNS = ("timestamp", "prompt_tokens", "output_tokens", "unit", "session")


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
        Columns of a trace of no known format, by `COLUMNS`.
    figures : Path or None
        Folder for pictures and tables.
    as_json, quiet : bool
    """
    from sim.errors import ResultError
    from sim.model.trace_files import read_trace
    from sim.montecarlo.exports.spreadsheet import csv_text
    from sim.montecarlo.storage.manifest import to_json
    from sim.report.charts import save
    from sim.report.charts.traffic import traffic_charts
    from sim.report.traffic_text import render_traffic
    from sim.studies.traffic import as_json as as_data
    from sim.studies.traffic import traffic, workload_yaml

    advice = Advice(quiet)
    found = traffic(read_trace(trace, _layout(columns) if columns else "auto"))
    shown = to_json(as_data(found)) if as_json else render_traffic(found) + "\n"

    def keep() -> None:
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

    deliver(shown, keep, advice)


def _layout(columns: dict[str, str]) -> Any:
    """Columns of a trace as they were given by hand."""
    from sim.model.trace_files import UNITS_PER_S, TraceColumns

    for key in columns:
        if key not in COLUMNS:
            raise click.UsageError(f"--column ({key}) must be one of {', '.join(COLUMNS)}")
    missing = [key for key in COLUMNS[:3] if key not in columns]
    if missing:
        raise click.UsageError(f"--column must also give {', '.join(missing)}")
    unit = columns.get("unit", "s")
    if unit not in UNITS_PER_S:
        known = ", ".join(UNITS_PER_S)
        raise click.UsageError(f"--column unit ({unit}) must be one of {known}")
    if len({columns[key] for key in COLUMNS[:3]}) < 3:
        raise click.UsageError("--column must give three different columns")
    layout: dict[str, Any] = {key: columns[key] for key in COLUMNS if key in columns}
    return TraceColumns(**layout)
