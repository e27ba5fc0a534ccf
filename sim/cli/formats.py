"""``sim catalog formats``: logs, tables and benchmark files that can be read."""

import click

from sim.cli.tables import as_json, print_rows


@click.command()
@as_json
def formats(as_json: bool) -> None:
    """List formats of logs that 'arrivals: {trace: {file: …}}' and 'sim trace' read.

    What a file is, is told by its content. All are plain or gzip.
    """
    from sim.catalog.logs import FORMATS

    rows = [
        {"format": each.name, "what": each.about, "source": each.source}
        for each in FORMATS.values()
    ]
    rows += [
        {
            "format": "columns",
            "what": "any CSV, Parquet, JSON array or lines; columns: names them",
            "source": "",
        },
        {
            "format": "(benchmark)",
            "what": "request files of vLLM, GuideLLM, inference-perf, AIPerf, if they have times",
            "source": "",
        },
    ]
    print_rows(rows, as_json)
