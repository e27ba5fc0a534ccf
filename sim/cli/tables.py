"""Rows as JSON, or as tables whose sources are numbered and listed beneath."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

Row = dict[str, Any]

# Headings of tables, where the key (as in JSON) would be long; the others are the key in words.
HEADINGS = {
    "usd_per_gpu_hour": "USD/GPU-h",
    "hbm_gib": "HBM GiB",
    "bandwidth_tb_per_s": "TB/s",
    "fp16_tflops": "FP16 TFLOPS",
    "fp8_tflops": "FP8 TFLOPS",
    "fp4_tflops": "FP4 TFLOPS",
    "tdp_w": "W",
    "ttft_p50_s": "TTFT p50 s",
    "tokens_per_s_p50": "tok/s p50",
    "ttft_sigma": "TTFT sigma",
    "speed_p95_over_p50": "tok/s p95/p50",
    "requests_per_min": "requests/min",
    "tokens_per_min": "tokens/min",
    "input_tokens_per_min": "in/min",
    "output_tokens_per_min": "out/min",
    "incidents_per_month": "a month",
    "median_duration_h": "median h",
    "mean_duration_h": "mean h",
    "median_usd_per_hour": "USD/h",
    "params_b": "params 1e9",
    "active_params_b": "active 1e9",
    "kv_bytes_per_token": "KV bytes/token",
    "growth_bytes": "beyond window",
    "context_tokens": "context",
    "weights_16_bit_gb": "16-bit GB",
    "billing_s": "billed by s",
    "tpot_ms": "TPOT ms",
    "decode_tokens_per_s": "tok/s",
    "prefill_tokens_per_s": "prefill tok/s",
    "kv_capacity_tokens": "KV tokens",
    "cached_input": "cached",
    "cache_write": "write",
    "cache_write_1h": "write 1h",
    "batch": "batch x",
    "flex": "flex x",
    "priority": "priority x",
    "long_above": "long above",
    "peak": "peak x",
    "term_days": "term d",
    "age_days": "days",
}


def print_rows(rows: list[Row], as_json: bool) -> None:
    """Rows as JSON, or as a table whose sources are numbered and listed beneath it."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("nothing matches", err=True)
        return
    sources = list(dict.fromkeys(row["source"] for row in rows))
    table = [{**row, "source": f"[{sources.index(row['source']) + 1}]"} for row in rows]
    _print_table({key: [row[key] for row in table] for key in table[0]})
    click.echo("\nsources")
    for number, source in enumerate(sources, start=1):
        click.echo(f"  [{number}] {source}")


def _print_table(columns: dict[str, list[Any]]) -> None:
    """Columns side by side: with rich on a terminal, elsewhere as plain aligned text."""
    headings = [HEADINGS.get(key, key.replace("_", " ")) for key in columns]
    cells = [_cells(values) for values in columns.values()]
    right = [any(isinstance(value, int | float) for value in values) for values in columns.values()]
    if sys.stdout.isatty():
        _print_rich_table(headings, cells, right)
        return
    texts = []
    for heading, column, is_right in zip(headings, cells, right, strict=True):
        width = max(map(len, [heading, *column]))
        justify = str.rjust if is_right else str.ljust
        texts.append([justify(text, width) for text in [heading, *column]])
    for line in zip(*texts, strict=True):
        click.echo("  ".join(line).rstrip())


def _print_rich_table(headings: list[str], cells: list[list[str]], right: Sequence[bool]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, is_right in zip(headings, right, strict=True):
        table.add_column(heading, justify="right" if is_right else "left", no_wrap=True)
    for row in zip(*cells, strict=True):
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    # Names, dates and figures are not cut short: on a narrow terminal the lines run over.
    console.width = max(console.width, table.__rich_measure__(console, console.options).maximum)
    console.print(table)


def _cells(values: list[Any]) -> list[str]:
    """A column as text; its fractions all with as many decimals as the longest of them."""
    fractions = [value for value in values if isinstance(value, float)]
    decimals = max((len(str(value).partition(".")[2]) for value in fractions), default=0)
    return [_cell(value, decimals) for value in values]


def _cell(value: Any, decimals: int) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.{decimals}f}"
        case _:
            return str(value)
