"""The catalogue of managed APIs: prices plausible and dated, paces graded, presets as measured."""

import json
import math
from datetime import date, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from sim.catalog import api_limits, api_models, api_outages, api_pace, api_price, api_providers
from sim.catalog.apis import NO_STEP, TIERS, api_paces, listed_api_prices
from sim.catalog.prices import day_of
from sim.cli.catalog import catalog
from sim.errors import CatalogError
from sim.model.price import factors_of_week


def run(*arguments):
    result = CliRunner().invoke(catalog, arguments)
    assert result.exit_code == 0, result.output
    return result


def test_there_are_many_models_and_several_hosts_of_open_ones():
    assert len(api_models()) >= 25
    assert len(api_providers("llama-3.3-70b")) >= 5
    keys = [(row.model, row.provider) for row in listed_api_prices()]
    assert len(set(keys)) == len(keys)


def test_every_price_is_plausible_dated_and_sourced():
    for row in listed_api_prices():
        assert 0 < row.rates.input <= row.rates.output <= 60, row
        assert row.rates.cached_input is None or row.rates.cached_input < row.rates.input, row
        assert row.rates.cache_write is None or row.rates.cache_write > row.rates.input, row
        hour = row.rates.cache_write_1h
        assert hour is None or hour > row.rates.cache_write, row
        assert row.source and day_of(row.as_of) > date(2026, 1, 1), row


def test_discounts_are_halves_and_priority_costs_more():
    with_tiers = [row for row in listed_api_prices() if row.factors]
    assert len(with_tiers) > 15
    for row in with_tiers:
        assert set(row.factors) <= set(TIERS)
        for tier, factor in row.factors.items():
            assert 1.2 < factor < 2.2 if tier == "priority" else factor == 0.5, row


def test_long_contexts_cost_more_whatever_is_cached():
    steps = [row for row in listed_api_prices() if row.long_rates is not None]
    assert len(steps) >= 5
    for row in steps:
        assert row.long_above_tokens in (100_000, 200_000, 272_000, 512_000)
        fivefold = row.model == "claude-haiku-5-5"
        assert row.long_rates.input == (5 if fivefold else 2) * row.rates.input
        assert row.long_rates.output > row.rates.output
        assert row.long_rates.cached_input > row.rates.cached_input
    assert api_price("gpt-4o").long_above_tokens == NO_STEP


def test_peak_hours_double_the_price_of_deepseek():
    """09:00 to 12:00 and 14:00 to 18:00 in Beijing are 01:00 to 04:00 and 06:00 to 10:00 in UTC."""
    for name in ("deepseek-v4-flash", "deepseek-v4-pro"):
        price = api_price(name, "deepseek")
        factors = factors_of_week(price.peaks).reshape(7, 24)
        assert set(np.flatnonzero(factors[0] == 2)) == {1, 2, 3, 6, 7, 8, 9}
        assert (factors[:5] == factors[0]).all() and (factors[5:] == 1).all()
    assert api_price("deepseek-v4-pro", "together").peaks == ()


def test_new_models_read_their_caches_at_a_fraction_of_the_price():
    shares = {
        "claude-fable-5-1": 0.025,
        "claude-opus-5-5": 0.05,
        "gpt-6.1-sol": 0.05,
        "kimi-k3": 0.1,
    }
    for name, share in shares.items():
        rates = api_price(name, "moonshot" if name == "kimi-k3" else None).rates
        assert rates.cached_input == pytest.approx(share * rates.input)


def test_where_sources_disagree_both_are_kept():
    assert "another source says 0.20" in api_price("claude-sonnet-5-5").source
    assert "0.14, 0.0028 and 0.28" in api_price("deepseek-v4-flash", "deepseek").source


def test_price_is_that_of_the_only_provider_or_of_the_one_named():
    assert api_price("GPT-4o-mini").rates.output == 0.6
    assert api_price("llama-3.3-70b", "Groq").rates.input == 0.59
    assert api_price("gpt-4o-mini", tier="batch").factor == 0.5
    rates = api_price("claude-sonnet-4-6").rates
    assert (rates.cache_write, rates.cache_write_1h) == (3.75, 6.0)
    assert api_price("claude-haiku-5-5").long_rates.cache_write_1h == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gpt-4o-mni",), "model 'gpt-4o-mni' is not in the catalogue (did you mean 'gpt-4o-mini'"),
        (("llama-3.1-405b",), "has several providers: together, nebius, bedrock"),
        (("gpt-4o", "azur"), "price of 'gpt-4o': provider 'azur' is not in the catalogue"),
        (("gpt-4o", None, "flex"), "price of 'gpt-4o' at 'openai': tier 'flex' is not in the"),
    ],
)
def test_names_that_are_not_there_are_refused(arguments, message):
    with pytest.raises(CatalogError) as caught:
        api_price(*arguments)
    assert message in str(caught.value)


def test_every_priced_model_has_a_pace_measured_or_assumed():
    assert list(api_paces()) == api_models()
    grades = [pace.grade for pace in api_paces().values()]
    assert set(grades) == {"measured", "assumed"}
    assert grades.count("measured") == 20
    for pace in api_paces().values():
        assert 0.2 < pace.ttft_p50_s < 60 and 20 < pace.tokens_per_s_p50 < 400, pace
        assert pace.ttft_sigma == 0.2 and pace.speed_p95_over_p50 == 1.15
        assert pace.source and day_of(pace.as_of)
    assert api_pace("gpt-4o-mini").ttft_p50_s == 0.6
    with pytest.raises(CatalogError, match="'gpt-9' is not in the catalogue"):
        api_pace("gpt-9")


def test_quotas_grow_with_the_tier():
    tiers = [api_limits()[f"anthropic-tier-{n}"] for n in (1, 2, 3, 4)]
    assert [t.requests_per_min for t in tiers] == [50, 1000, 2000, 4000]
    assert [t.input_tokens_per_min for t in tiers] == [30_000, 450_000, 800_000, 2_000_000]
    assert [t.output_tokens_per_min for t in tiers] == [8_000, 90_000, 160_000, 400_000]
    assert all(t.cached_is_free and math.isinf(t.tokens_per_min) for t in tiers)
    openai = api_limits()["openai-tier-5"]
    assert (openai.requests_per_min, openai.tokens_per_min) == (10_000, 5_000_000)
    assert math.isinf(openai.input_tokens_per_min) and not openai.cached_is_free
    assert all(t.source and day_of(t.as_of) for t in api_limits().values())


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_outages_come_to_the_availability_that_was_measured(name):
    """Failed attempts make up what is missing with partial outages at weight 0.3."""
    listed = api_outages()[name]
    down = listed.mean_duration_s / (listed.mean_duration_s + listed.mean_gap_s)
    failing = down * (listed.full_share + (1 - listed.full_share) * listed.partial_errors)
    assert 1 - failing == pytest.approx(listed.availability_partial, abs=2e-5)
    assert down < 0.02 and listed.source and day_of(listed.as_of)


def test_measured_durations_are_those_of_the_preset():
    """p50 1.24 h, p90 5.0 h, p95 6.2 h, mean 2.57 h in 42 months of incidents."""
    listed = api_outages()["openai"]
    median_h = math.exp(listed.duration_mu)
    assert median_h == pytest.approx(1.24, rel=0.05)
    assert listed.mean_duration_s / 3600 == pytest.approx(2.57, rel=0.05)


def test_token_prices_are_listed_beside_those_of_gpus():
    rows = json.loads(run("prices", "--json").stdout)
    assert {"gpu" in row for row in rows} == {True, False}
    assert all(row["source"] and row["as_of"] for row in rows)
    for row in rows:
        assert day_of(row["as_of"]) + timedelta(days=row["age_days"]) == date.today()
    text = run("prices", "--provider", "azure").stdout
    assert "USD/GPU-h" in text and "USD per million tokens" in text


def test_token_prices_are_filtered_by_model_and_provider():
    rows = json.loads(run("prices", "--model", "llama-3.3", "--provider", "ro", "--json").stdout)
    hosts = [row["provider"] for row in rows]
    assert hosts == ["groq", "bedrock"]
    assert {row["model"] for row in rows} == {"llama-3.3-70b"}
    only_gpus = json.loads(run("prices", "--gpu", "h100", "--json").stdout)
    assert only_gpus and all("h100" in row["gpu"] for row in only_gpus)
    step = json.loads(run("prices", "--model", "gemini-2.5-pro", "--json").stdout)[0]
    assert (step["long_above"], step["long_input"], step["long_output"]) == (200_000, 2.5, 15.0)


def test_paces_and_presets_are_listed():
    found = json.loads(run("apis", "--json").stdout)
    assert [row["model"] for row in found["paces"]] == api_models()
    assert [row["preset"] for row in found["quotas"]] == list(api_limits())
    assert [row["preset"] for row in found["outages"]] == list(api_outages())
    assert all(row["source"] and row["as_of"] for rows in found.values() for row in rows)
    text = run("apis", "--model", "gpt-4o").stdout
    for name in ("gpt-4o-mini", "measured", "anthropic-tier-4", "2,000,000", " yes ", "openai"):
        assert name in text
    assert "claude-opus-5" not in text
