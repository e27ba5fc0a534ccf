"""``sim catalog``: built-in profiles, prices, APIs, GPUs, power, models, dated and sourced."""

import json
import math

import click

from sim.cli.filters import Filter, by_gpu, by_model, narrowed
from sim.cli.formats import formats
from sim.cli.profiles import profiles
from sim.cli.tables import Row, as_json, print_rows
from sim.cli.words import words


@click.group()
def catalog() -> None:
    """List profiles, prices, APIs, GPUs, their power, grids, models, shapes, formats, words."""


catalog.add_command(formats)
catalog.add_command(profiles)
catalog.add_command(words)


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
    filters = (
        Filter("gpu", gpu, "GPU with a price"),
        Filter("model", model, "model with a price"),
        Filter("provider", provider, "provider"),
        Filter("purchase", purchase, "form of purchase"),
    )
    every = (_gpu_prices() if of_gpus else []) + (_token_prices() if of_tokens else [])
    shown = narrowed(every, filters, "sim catalog prices")
    rented = [row for row in shown if "gpu" in row]
    tokens = [row for row in shown if "model" in row]
    if as_json or not (rented and tokens):
        print_rows(rented + tokens, as_json)
    else:
        print_rows(rented, as_json)
        click.echo("\nUSD per million tokens")
        print_rows(tokens, as_json)
    _warn_of_old_prices(
        [(f"{row['provider']} {row['gpu']} {row['purchase']}", row["as_of"]) for row in rented]
        + [(f"{row['provider']} {row['model']}", row["as_of"]) for row in tokens]
    )


@catalog.command()
@by_model
@as_json
def apis(model: str, as_json: bool) -> None:
    """List paces of managed APIs, and the presets of quotas and outages."""
    narrow = Filter("model", model, "model with a pace")
    paces = narrowed(_paces(), [narrow], "sim catalog apis")
    quotas, outages = _quotas(), _outages()
    if as_json:
        click.echo(json.dumps({"paces": paces, "quotas": quotas, "outages": outages}, indent=2))
        return
    for title, rows in (
        ("paces by model, as medians; sigma and p95/p50 say how requests differ", paces),
        ("quotas, such as quota: anthropic-tier-4", quotas),
        ("outages, such as outages: openai", outages),
    ):
        click.echo(f"{title}\n")
        print_rows(rows, as_json)
        click.echo()


def _paces() -> list[Row]:
    from dataclasses import asdict

    from sim.catalog.apis import api_paces

    return [asdict(pace) for pace in api_paces().values()]


def _quotas() -> list[Row]:
    from dataclasses import asdict

    from sim.catalog.apis import api_limits

    return [
        {key: _figure(n) if isinstance(n, float) else n for key, n in asdict(limits).items()}
        for limits in api_limits().values()
    ]


def _outages() -> list[Row]:
    from sim.catalog.apis import api_outages

    return [
        {
            "preset": each.preset,
            "incidents_per_month": each.incidents_per_month,
            "median_duration_h": round(math.exp(each.duration_mu), 2),
            "mean_duration_h": round(each.mean_duration_s / 3600, 2),
            "full_share": each.full_share,
            "partial_errors": each.partial_errors,
            "as_of": each.as_of,
            "source": each.source,
            "notes": each.notes,
        }
        for each in api_outages().values()
    ]


def _gpu_prices() -> list[Row]:
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
            "term_days": _days(price.min_days, price.max_days),
            "gpus": price.gpus or None,
            "as_of": price.as_of,
            "age_days": _age_days(price.as_of),
            "source": "; ".join(filter(None, (price.source, price.notes))),
        }
        for price in listed_prices()
    ]


def _days(least: int, most: int) -> str | None:
    """For how long it is booked; None for what is paid by its use."""
    if not most:
        return None
    return str(most) if least == most else f"{least}-{most}"


def _token_prices() -> list[Row]:
    from sim.catalog.apis import NO_STEP, TIERS, listed_api_prices

    return [
        {
            "model": price.model,
            "provider": price.provider,
            "input": price.rates.input,
            "cached_input": price.rates.cached_input,
            "cache_write": price.rates.cache_write,
            "cache_write_1h": price.rates.cache_write_1h,
            "output": price.rates.output,
            **{tier: price.factors.get(tier) for tier in TIERS},
            "long_above": None if price.long_above_tokens == NO_STEP else price.long_above_tokens,
            "long_input": None if price.long_rates is None else price.long_rates.input,
            "long_output": None if price.long_rates is None else price.long_rates.output,
            "peak": max((peak.factor for peak in price.peaks), default=None),
            "as_of": price.as_of,
            "age_days": _age_days(price.as_of),
            "source": "; ".join(filter(None, (price.source, price.notes))),
        }
        for price in listed_api_prices()
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
    """List GPUs with their published figures and median on-demand price.

    Slices of GPUs (MIG) are listed with --gpu mig.
    """
    from sim.catalog.hardware import GIB
    from sim.catalog.hardware import gpu as gpu_named
    from sim.catalog.hardware import gpus as all_gpus
    from sim.catalog.slices import names

    shown = [
        {
            "gpu": each.name,
            "hbm_gib": _figure(each.hbm_bytes / GIB),
            "bandwidth_tb_per_s": _figure(each.bandwidth_bytes_per_s / 1e12),
            "fp16_tflops": _figure(each.fp16_flops / 1e12),
            "fp8_tflops": _figure(each.fp8_flops / 1e12),
            "fp4_tflops": _figure(each.fp4_flops / 1e12),
            "tdp_w": _figure(each.tdp_w),
            "median_usd_per_hour": _median_price(each.name),
            "as_of": each.as_of,
            "source": "; ".join(filter(None, (each.source, each.notes))),
        }
        for each in (*all_gpus().values(), *map(gpu_named, names() if "mig" in gpu.lower() else ()))
    ]
    print_rows(narrowed(shown, [Filter("gpu", gpu, "GPU")], "sim catalog gpus"), as_json)


@catalog.command()
@by_gpu
@as_json
def power(gpu: str, as_json: bool) -> None:
    """List what GPUs draw: idle, busy, and for arithmetic, up to a cap.

    A GPU that is not here draws what the H200 does, by its thermal design power (computed).
    """
    from sim.catalog.power import power_laws

    shown = [
        {
            "gpu": each.gpu,
            "idle_w": each.idle_w,
            "busy_w": each.busy_w,
            "compute_w": each.compute_w,
            "cap_w": each.cap_w,
            "mean_error": _figure(each.error),
            "grade": each.grade,
            "as_of": each.as_of,
            "source": "; ".join(filter(None, (each.source, each.notes))),
        }
        for each in power_laws().values()
    ]
    narrow = Filter("gpu", gpu, "GPU with a measured power")
    print_rows(narrowed(shown, [narrow], "sim catalog power"), as_json)


@catalog.command()
@as_json
def grids(as_json: bool) -> None:
    """List what the electricity of places emits, in the mean of a year."""
    from sim.catalog.power import grids as all_grids

    shown = [
        {
            "region": code,
            "name": name,
            "g_per_kwh": grid.g_per_kwh[0],
            "as_of": grid.as_of,
            "source": grid.source,
        }
        for code, (name, grid) in sorted(all_grids().items())
    ]
    print_rows(shown, as_json)


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
            "growth_bytes": each.growth_bytes_per_token,
            "context_tokens": each.context_tokens,
            "weights_16_bit_gb": _figure(each.weight_bytes("bf16") / 1e9),
            "as_of": each.as_of,
            "source": "; ".join(filter(None, (each.source, each.notes))),
        }
        for each in all_models().values()
    ]
    narrow = Filter("model", model, "model")
    print_rows(narrowed(shown, [narrow], "sim catalog models"), as_json)


@catalog.command()
@as_json
def shapes(as_json: bool) -> None:
    """List daily and weekly shapes of arrivals."""
    from sim.catalog.shapes import shape, shape_names

    shown = [
        {
            "shape": each.name,
            "covers": "a week" if each.days == 7 else "a day",
            "cells": len(each.values),
            "peak_to_mean": _figure(max(each.values) / (sum(each.values) / len(each.values))),
            "as_of": each.as_of,
            "source": each.source,
        }
        for each in map(shape, shape_names())
    ]
    print_rows(shown, as_json)


def _figure(value: float) -> float | int | None:
    """Four digits for people; None where nobody stated a figure or limit."""
    if not math.isfinite(value):
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
