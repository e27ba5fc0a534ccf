"""``sim catalog``: the built-in profiles, prices, GPUs, models and shapes, dated and sourced."""

import json
import math
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sim.model.profile import ServiceProfile

Row = dict[str, Any]

# Headings of tables, where the key (as in JSON) would be long; the others are the key in words.
HEADINGS = {
    "usd_per_gpu_hour": "USD/GPU-h",
    "hbm_gib": "HBM GiB",
    "bandwidth_tb_per_s": "TB/s",
    "fp16_tflops": "FP16 TFLOPS",
    "fp8_tflops": "FP8 TFLOPS",
    "tdp_w": "W",
    "median_usd_per_hour": "USD/h",
    "params_b": "params 1e9",
    "active_params_b": "active 1e9",
    "kv_bytes_per_token": "KV bytes/token",
    "context_tokens": "context",
    "weights_16_bit_gb": "16-bit GB",
    "billing_s": "billed by s",
    "tpot_ms": "TPOT ms",
    "decode_tokens_per_s": "tok/s",
    "prefill_tokens_per_s": "prefill tok/s",
    "kv_capacity_tokens": "KV tokens",
    "cached_input": "cached",
    "cache_write": "write",
    "batch": "batch x",
    "flex": "flex x",
    "priority": "priority x",
    "long_above": "long above",
    "age_days": "days",
}

as_json = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
by_gpu = click.option("--gpu", default="", help="Only GPUs whose name contains this.")
by_model = click.option("--model", default="", help="Only models whose name contains this.")


@click.group()
def catalog() -> None:
    """List built-in service profiles, prices, GPUs, models and day shapes."""


@catalog.command()
@click.argument("name", required=False)
@by_gpu
@by_model
@as_json
def profiles(name: str | None, gpu: str, model: str, as_json: bool) -> None:
    """List service profiles, or show the profile NAME (or a file) in full."""
    from sim.catalog.profiles import profile, profile_names

    if name is not None:
        _show_profile(profile(name), as_json)
        return
    names = [each for each in profile_names() if _matches(each, model, gpu)]
    _print_rows([_profile_row(profile(each)) for each in names], as_json)
    if not as_json:
        click.echo(
            "\ngrade A: recent end-to-end measurements; B: older engines, fewer points or a"
            "\nlooser fit. tok/s: decoded at the largest batch with 1,024 tokens in each cache."
        )


@catalog.command()
@by_gpu
@by_model
@click.option("--provider", default="", help="Only providers whose name contains this.")
@click.option("--purchase", default="", help="Only this form of purchase of GPUs, such as spot.")
@as_json
def prices(gpu: str, model: str, provider: str, purchase: str, as_json: bool) -> None:
    """List prices of GPUs, and of tokens at managed APIs.

    The first region of a provider is the one used by default. Of an API, prices are in USD per
    million tokens; tiers are factors on them.
    """
    of_gpus, of_tokens = gpu or purchase or not model, model or not (gpu or purchase)
    rented = _gpu_prices(gpu, provider, purchase) if of_gpus else []
    tokens = _token_prices(model, provider) if of_tokens else []
    if as_json or not (rented and tokens):
        _print_rows(rented + tokens, as_json)
    else:
        _print_rows(rented, as_json)
        click.echo("\nUSD per million tokens")
        _print_rows(tokens, as_json)
    _warn_of_old_prices(
        [(f"{row['provider']} {row['gpu']} {row['purchase']}", row["as_of"]) for row in rented]
        + [(f"{row['provider']} {row['model']}", row["as_of"]) for row in tokens]
    )


def _gpu_prices(gpu: str, provider: str, purchase: str) -> list[Row]:
    from sim.catalog.prices import listed_prices

    return [
        {
            "provider": price.provider,
            "region": price.region,
            "instance": price.instance,
            "gpu": price.gpu,
            "purchase": price.purchase,
            "usd_per_gpu_hour": price.usd_per_gpu_hour,
            "billing_s": _figure(price.billing_granularity_s),
            "as_of": price.as_of,
            "age_days": _age_days(price.as_of),
            "source": price.source,
        }
        for price in listed_prices()
        if gpu.casefold() in price.gpu
        and provider.casefold() in price.provider
        and purchase.casefold() in price.purchase
    ]


def _token_prices(model: str, provider: str) -> list[Row]:
    from sim.catalog.apis import NO_STEP, TIERS, listed_api_prices

    return [
        {
            "model": price.model,
            "provider": price.provider,
            "input": price.rates.input,
            "cached_input": price.rates.cached_input,
            "cache_write": price.rates.cache_write,
            "output": price.rates.output,
            **{tier: price.factors.get(tier) for tier in TIERS},
            "long_above": None if price.long_above_tokens == NO_STEP else price.long_above_tokens,
            "long_input": None if price.long_rates is None else price.long_rates.input,
            "long_output": None if price.long_rates is None else price.long_rates.output,
            "as_of": price.as_of,
            "age_days": _age_days(price.as_of),
            "source": price.source,
        }
        for price in listed_api_prices()
        if model.casefold() in price.model and provider.casefold() in price.provider
    ]


def _age_days(as_of: str) -> int:
    """Days since the first day that a date may mean."""
    from datetime import date

    from sim.catalog.prices import day_of

    return (date.today() - day_of(as_of)).days


@catalog.command()
@by_gpu
@as_json
def gpus(gpu: str, as_json: bool) -> None:
    """List GPUs with their published figures and median on-demand price."""
    from sim.catalog.hardware import GIB
    from sim.catalog.hardware import gpus as all_gpus

    shown = [
        {
            "gpu": each.name,
            "hbm_gib": _figure(each.hbm_bytes / GIB),
            "bandwidth_tb_per_s": _figure(each.bandwidth_bytes_per_s / 1e12),
            "fp16_tflops": _figure(each.fp16_flops / 1e12),
            "fp8_tflops": _figure(each.fp8_flops / 1e12),
            "tdp_w": _figure(each.tdp_w),
            "median_usd_per_hour": _median_price(each.name),
            "as_of": each.as_of,
            "source": "; ".join(filter(None, (each.source, each.notes))),
        }
        for each in all_gpus().values()
        if gpu.casefold() in each.name
    ]
    _print_rows(shown, as_json)


@catalog.command()
@by_model
@as_json
def models(model: str, as_json: bool) -> None:
    """List models with their size and KV cache."""
    from sim.catalog.hardware import models as all_models

    shown = [
        {
            "model": each.name,
            "params_b": _figure(each.params / 1e9),
            "active_params_b": _figure(each.active_params / 1e9),
            "layers": each.layers,
            "kv_bytes_per_token": each.kv_bytes_per_token,
            "context_tokens": each.context_tokens,
            "weights_16_bit_gb": _figure(each.weight_bytes("bf16") / 1e9),
            "as_of": each.as_of,
            "source": "; ".join(filter(None, (each.source, each.notes))),
        }
        for each in all_models().values()
        if model.casefold() in each.name
    ]
    _print_rows(shown, as_json)


@catalog.command()
@as_json
def shapes(as_json: bool) -> None:
    """List daily and weekly shapes of arrivals."""
    from sim.catalog.shapes import shape, shape_names

    shown = [
        {
            "shape": each.name,
            "covers": {1: "a day", 7: "a week"}[each.days],
            "cells": len(each.values),
            "peak_to_mean": _figure(max(each.values) / (sum(each.values) / len(each.values))),
            "as_of": each.as_of,
            "source": each.source,
        }
        for each in map(shape, shape_names())
    ]
    _print_rows(shown, as_json)


def _profile_row(profile: "ServiceProfile") -> Row:
    from sim.catalog.figures import decode_figures, prefill_tokens_per_s

    decode = decode_figures(profile)
    return {
        "profile": profile.name,
        "tpot_ms": round(decode[0].tpot_s * 1e3, 2),
        "decode_tokens_per_s": round(decode[-1].tokens_per_s),
        "prefill_tokens_per_s": round(prefill_tokens_per_s(profile)),
        "kv_capacity_tokens": profile.kv_capacity_tokens,
        "fit_error": profile.fit_error,
        "grade": profile.grade,
        "as_of": profile.as_of,
        "source": profile.source,
    }


def _show_profile(profile: "ServiceProfile", as_json: bool) -> None:
    from sim.catalog.figures import (
        CONTEXT_TOKENS,
        PROMPT_TOKENS,
        decode_figures,
        prefill_tokens_per_s,
    )
    from sim.catalog.profile_file import profile_document

    document = {"name": profile.name, **profile_document(profile)}
    decode = decode_figures(profile)
    prefill = prefill_tokens_per_s(profile)
    if as_json:
        predicted = {
            "context_tokens": CONTEXT_TOKENS,
            "decode": [
                {"batch": d.batch, "tpot_s": d.tpot_s, "tokens_per_s": d.tokens_per_s}
                for d in decode
            ],
            "prefill_tokens_per_s": prefill,
        }
        click.echo(json.dumps({**document, "predicted": predicted}, indent=2))
        return
    _print_document(document)
    click.echo(f"\npredicted, with {CONTEXT_TOKENS:,} tokens in each cache and no prefill:")
    for each in decode:
        rate = f"{each.tokens_per_s:,.0f} tokens/s"
        click.echo(f"  batch {each.batch:>4}: TPOT {each.tpot_s * 1e3:.2f} ms, {rate}")
    tokens = min(PROMPT_TOKENS, profile.max_model_len)
    click.echo(f"  prefill of prompts of {tokens:,} tokens: {prefill:,.0f} tokens/s")


def _print_document(document: Row, indent: str = "") -> None:
    """A mapping as aligned lines, long texts wrapped."""
    width = max(map(len, document))
    for key, value in document.items():
        if isinstance(value, dict):
            click.echo(f"{indent}{key}:")
            _print_document(value, indent + "  ")
            continue
        margin = " " * (len(indent) + width + 2)
        lines = textwrap.wrap(str(value), 98 - len(margin)) or [""]
        click.echo(f"{indent}{key:<{width}}  {lines[0]}")
        for line in lines[1:]:
            click.echo(margin + line)


def _matches(name: str, model: str, gpu: str) -> bool:
    of_model, of_gpu, *_ = name.split("/")
    return model.casefold() in of_model and gpu.casefold() in of_gpu


def _figure(value: float) -> float | int | None:
    """Four digits for people; None where nobody stated a figure."""
    if math.isnan(value):
        return None
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded


def _median_price(gpu: str) -> float | None:
    from sim.catalog.prices import default_gpu_price
    from sim.errors import CatalogError

    try:
        return round(default_gpu_price(gpu).usd_per_gpu_hour, 2)
    except CatalogError:
        return None


def _warn_of_old_prices(dated: list[tuple[str, str]]) -> None:
    """Say on stderr which prices may be more than a year old."""
    from datetime import date

    from sim.catalog.prices import older_than_a_year

    old = [f"{what} ({as_of})" for what, as_of in dated if older_than_a_year(as_of, date.today())]
    if old:
        noun = "price is" if len(old) == 1 else "prices are"
        click.echo(f"warning: {len(old)} {noun} older than a year: {', '.join(old)}", err=True)


def _print_rows(rows: list[Row], as_json: bool) -> None:
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
    return [
        "–"
        if value is None
        else f"{value:,.{decimals}f}"
        if isinstance(value, int | float)
        else str(value)
        for value in values
    ]
