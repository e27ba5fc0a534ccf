"""``sim catalog profiles``: service profiles as a list, or one of them in full."""

import json
from typing import TYPE_CHECKING

import click

from sim.cli.completion import PROFILE
from sim.cli.filters import Filter, by_gpu, by_model, narrowed
from sim.cli.tables import Row, as_json, print_rows
from sim.errors import CatalogError

if TYPE_CHECKING:
    from sim.model.profile import ServiceProfile

NARROWEST = 30  # columns of a value beside its key
OF_PROFILES = (
    "grade A: recent end-to-end measurements; B: older engines, fewer points or a looser fit; C:"
    " far off its own runs; old: two calendar years before the newest, or more. tok/s: decoded at"
    " the largest batch with 1,024 tokens in each cache. Others can be computed, with grade C: see"
    " 'sim catalog profiles computed/qwen3-32b/l40s/tp2/fp8'."
)


@click.command()
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
        if gpu or model:
            raise click.UsageError("--gpu and --model narrow the list; NAME shows one of it")
        _show_profile(profile(name), as_json)
        return
    names, old = _narrowed(profile_names(), gpu, model), old_names()
    names.sort(key=lambda each: each in old)  # current engines come first
    if names or as_json:
        print_rows([_profile_row(profile(each), each in old) for each in names], as_json)
    if not names:
        other = "" if gpu else " (on another GPU: --gpu l40s)"
        there = computed_names(model, gpu)
        click.echo(f"nothing is measured; computed: {', '.join(there)}{other}", err=True)
    elif not as_json:
        from sim.report.paragraph import filled

        click.echo(f"\n{filled(OF_PROFILES)}")


def _narrowed(names: list[str], gpu: str, model: str) -> list[str]:
    """Those of a model and GPU; none where they can be computed and nobody measured them."""
    from sim.catalog.computed import computed_names
    from sim.catalog.hardware import gpus, models

    rows: list[Row] = [
        {"name": each, "model": parts[0], "gpu": (*parts, "")[1]}
        for each in names
        for parts in [each.split("/")]
    ]
    of_model, of_gpu = Filter("model", model, "model"), Filter("gpu", gpu, "GPU")
    try:
        return [row["name"] for row in narrowed(rows, (of_model, of_gpu), "sim catalog profiles")]
    except CatalogError:
        narrowed([{"model": each} for each in models()], (of_model,), "sim catalog models")
        narrowed([{"gpu": each} for each in gpus()], (of_gpu,), "sim catalog gpus")
        if computed_names(model, gpu):
            return []
        raise


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
