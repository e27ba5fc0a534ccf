"""``sim catalog``: built-in profiles, prices, APIs, GPUs, models and shapes, dated and sourced."""

import json
import math
from typing import TYPE_CHECKING

import click

from sim.cli.completion import GPU, MODEL, PROFILE
from sim.cli.formats import formats
from sim.cli.tables import Row, print_rows
from sim.cli.words import words

if TYPE_CHECKING:
    from sim.model.profile import ServiceProfile

as_json = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
NARROWEST = 30  # columns of a value beside its key
OF_PROFILES = (
    "grade A: recent end-to-end measurements; B: older engines, fewer points or a looser fit; C:"
    " far off its own runs; old: two calendar years before the newest, or more. tok/s: decoded at"
    " the largest batch with 1,024 tokens in each cache. Others can be computed, with grade C: see"
    " 'sim catalog profiles computed/qwen3-32b/l40s/tp2/fp8'."
)
by_gpu = click.option("--gpu", type=GPU, default="", help="Only GPUs whose name contains this.")
by_model = click.option(
    "--model", type=MODEL, default="", help="Only models whose name contains this."
)


@click.group()
def catalog() -> None:
    """List profiles, prices, APIs, GPUs, models, day shapes, formats of logs, and words."""


catalog.add_command(formats)
catalog.add_command(words)


@catalog.command()
@click.argument("name", type=PROFILE, required=False)
@by_gpu
@by_model
@as_json
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the file of NAME, to be edited.")
def profiles(name: str | None, gpu: str, model: str, as_json: bool, as_yaml: bool) -> None:
    """List service profiles, or show the profile NAME (or a file) in full.

    What nobody measured is computed, under a name such as computed/qwen3-32b/l40s/tp2/fp8.
    """
    from sim.catalog.computed import computed_names
    from sim.catalog.profile_file import profile_yaml
    from sim.catalog.profiles import old_names, profile, profile_names

    if as_yaml:
        if name is None or as_json:
            raise click.UsageError("--yaml goes with the NAME of one profile, and without --json")
        click.echo(profile_yaml(profile(name)), nl=False)
        return
    if name is not None:
        _show_profile(profile(name), as_json)
        return
    names, old = [each for each in profile_names() if _matches(each, model, gpu)], old_names()
    names.sort(key=lambda each: each in old)  # current engines come first
    print_rows([_profile_row(profile(each), each in old) for each in names], as_json)
    if not names and (there := computed_names(model, gpu)):
        other = "" if gpu else " (on another GPU: --gpu l40s)"
        click.echo(f"not measured; computed: {', '.join(there)}{other}", err=True)
    if names and not as_json:
        from sim.report.paragraph import filled

        click.echo(f"\n{filled(OF_PROFILES)}")


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
    paces, quotas, outages = _paces(model), _quotas(), _outages()
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


def _paces(model: str) -> list[Row]:
    from dataclasses import asdict

    from sim.catalog.apis import api_paces

    return [asdict(pace) for name, pace in api_paces().items() if model.casefold() in name]


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
            "term_days": _days(price.min_days, price.max_days),
            "gpus": price.gpus or None,
            "as_of": price.as_of,
            "age_days": _age_days(price.as_of),
            "source": "; ".join(filter(None, (price.source, price.notes))),
        }
        for price in listed_prices()
        if gpu.casefold() in price.gpu
        and provider.casefold() in price.provider
        and purchase.casefold() in price.purchase
    ]


def _days(least: int, most: int) -> str | None:
    """For how long it is booked; None for what is paid by its use."""
    if not most:
        return None
    return str(most) if least == most else f"{least}-{most}"


def _token_prices(model: str, provider: str) -> list[Row]:
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
            "fp4_tflops": _figure(each.fp4_flops / 1e12),
            "tdp_w": _figure(each.tdp_w),
            "median_usd_per_hour": _median_price(each.name),
            "as_of": each.as_of,
            "source": "; ".join(filter(None, (each.source, each.notes))),
        }
        for each in all_gpus().values()
        if gpu.casefold() in each.name
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
        if model.casefold() in each.name
    ]
    print_rows(shown, as_json)


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


def _profile_row(profile: "ServiceProfile", old: bool) -> Row:
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
        "old": old,
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
    from sim.catalog.profiles import is_old

    document = {"name": profile.name, **profile_document(profile)}
    decode, prefill = decode_figures(profile), prefill_tokens_per_s(profile)
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
    if is_old(profile):
        click.echo("\nold: of two calendar years before the newest built-in profile, or earlier")
    click.echo(f"\npredicted, with {CONTEXT_TOKENS:,} tokens in each cache and no prefill:")
    for each in decode:
        rate = f"{each.tokens_per_s:,.0f} tokens/s"
        click.echo(f"  batch {each.batch:>4}: TPOT {each.tpot_s * 1e3:.2f} ms, {rate}")
    tokens = min(PROMPT_TOKENS, profile.max_model_len)
    click.echo(f"  prefill of prompts of {tokens:,} tokens: {prefill:,.0f} tokens/s")


def _print_document(document: Row, indent: str = "") -> None:
    """A mapping as aligned lines, long texts wrapped."""
    from sim.report.paragraph import answer_width, lines_of

    width = max(map(len, document))
    for key, value in document.items():
        if isinstance(value, dict):
            click.echo(f"{indent}{key}:")
            _print_document(value, indent + "  ")
            continue
        margin = " " * (len(indent) + width + 2)
        lines = lines_of(str(value), max(answer_width() - len(margin), NARROWEST)) or [""]
        click.echo(f"{indent}{key:<{width}}  {lines[0]}")
        for line in lines[1:]:
            click.echo(margin + line)


def _matches(name: str, model: str, gpu: str) -> bool:
    of_model, of_gpu, *_ = name.split("/")
    return model.casefold() in of_model and gpu.casefold() in of_gpu


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
