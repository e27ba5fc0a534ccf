"""Rows as JSON, or as tables whose sources are numbered and listed beneath."""

import json
import math
from typing import Any

import click

Row = dict[str, Any]
INDENT = "  "
as_json = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
DIGITS = 4

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
    "kv_bytes_per_token": "KV bytes a token",
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
    "age_days": "days old",
}

# Columns that a narrow terminal does without, those of the highest number first.
LEAVES = {
    "age_days": 9,
    "cache_write_1h": 8,
    "priority": 7,
    "flex": 6,
    "long_output": 5,
    "long_input": 5,
    "long_above": 5,
    "peak": 4,
    "cache_write": 3,
    "growth_bytes": 3,
    "layers": 1,
    "weights_16_bit_gb": 2,
    "batch": 2,
}


def print_rows(rows: list[Row], as_json: bool) -> None:
    """Rows as JSON, or as a table whose sources are numbered and listed beneath it."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        return
    from sim.report.paragraph import lines_of, terminal_columns

    sources = list(dict.fromkeys(row["source"] for row in rows))
    table = [{**row, "source": f"[{sources.index(row['source']) + 1}]"} for row in rows]
    columns = {key: [row[key] for row in table] for key in table[0]}
    told = {key: cells for key, cells in columns.items() if any(cell is not None for cell in cells)}
    _print_table(told)
    click.echo("\nsources")
    for number, source in enumerate(sources, start=1):
        said = f"[{number}] {source}"
        width = terminal_columns() or len(said) + len(INDENT)
        for line in lines_of(said, width, INDENT, INDENT + " " * 4):
            click.echo(line)


def _print_table(columns: dict[str, list[Any]]) -> None:
    """Columns side by side, as far as there is room for them."""
    from sim.report.columns import Column, table
    from sim.report.paragraph import filled

    heads = []
    for key, values in columns.items():
        right = any(isinstance(value, int | float) for value in values)
        heading = HEADINGS.get(key, key.replace("_", " "))
        heads.append(Column(heading, right, text=not right, leaves=LEAVES.get(key, 0)))
    cells = map(_cells, columns.values())
    laid_out = table(heads, list(zip(*cells, strict=True)))
    for line in laid_out.lines:
        click.echo(line)
    if laid_out.left_out:
        left = ", ".join(laid_out.left_out)
        click.echo(filled(f"Wider terminals have, too, and so has --json: {left}."))


def _cells(values: list[Any]) -> list[str]:
    """A column as text; its fractions all with as many decimals.

    As many as the longest of them has, or as show four digits of the least.
    """
    fractions = [value for value in values if isinstance(value, float)]
    longest = max((len(str(value).partition(".")[2]) for value in fractions), default=0)
    least = min((abs(value) for value in fractions if value), default=1.0)
    decimals = min(longest, max(DIGITS - 1 - math.floor(math.log10(least)), 0))
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
