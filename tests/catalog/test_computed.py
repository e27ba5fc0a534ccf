"""Computed profiles: the roofline in closed form, its error as stated, and how one is led there."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.catalog import gpu, model, profile, profile_names
from sim.catalog.computed import computed_profile
from sim.catalog.efficiencies import (
    Efficiencies,
    fit,
    fitted,
    left_out,
    logs,
    seen,
    spreads,
    usable,
)
from sim.catalog.profiles import is_old, old_names
from sim.catalog.roofline import Placed, base_s, per_kv_token_s, prefill_s, read_bytes
from sim.errors import CatalogError

IDEAL = Efficiencies(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, math.inf, 1.0, 1.0, 0.0)


def test_a_step_reads_weights_and_caches_and_computes_tokens():
    """Qwen3-32B in FP8 on two L40S, at the peaks: every term in closed form."""
    placed = Placed(model("qwen3-32b"), gpu("l40s"), 2, "fp8", "bf16")
    weights = (32.76 - 1.56) * 1e9 + 1.56e9
    (only,) = base_s(placed, np.array([1.0]), IDEAL)
    assert only == pytest.approx(weights / (2 * 0.864e12))
    assert per_kv_token_s(placed, IDEAL) == pytest.approx(262_144 / 2 / 0.864e12)
    token, pair = prefill_s(placed, IDEAL)
    assert token == pytest.approx(2 * (31.2e9 / 733e12 + 0.78e9 / 362e12) / 2)
    assert pair == pytest.approx(4 * 64 * 64 * 128 / 2 / 733e12)
    fetching, _ = prefill_s(placed, replace(IDEAL, traffic=2e-3))
    assert fetching == pytest.approx(token + 2e-3 * 2 * 32.76e9 / (2 * 0.864e12))
    busy = replace(IDEAL, arithmetic=0.5, step_s=1e-3, layer_s=1e-5, exchange_s=2e-5)
    (at_64,) = base_s(placed, np.array([64.0]), busy)
    assert at_64 == pytest.approx(only + 1e-3 + 64 * 3e-5 + 64 * token / 0.5)


def test_experts_are_read_as_far_as_tokens_choose_them():
    placed = Placed(model("qwen3-30b-a3b"), gpu("h100-sxm"), 1, "bf16", "bf16")
    batches = np.array([1.0, 16.0, 1e6])
    common, routed = read_bytes(placed, batches)
    every = 2 * 27.18e9 / (1 - 8 / 128)  # of 30.53e9 weights a token uses 3.35e9
    assert routed == pytest.approx(every * (1 - (1 - 8 / 128) ** batches), rel=1e-3)
    whole = placed.model.params - placed.model.embedding_params / 2
    assert common + routed[-1] == pytest.approx(2 * whole, rel=1e-6)
    a = np.array(computed_profile("qwen3-30b-a3b", "h100-sxm").step_base_s[1:])
    slopes = np.diff(a) / np.diff([1, 2, 4, 8, 16, 32, 64, 128, 256])
    assert (slopes > 0).all() and slopes[0] > 3 * slopes[-1]  # concave


def test_windows_and_latent_caches_are_held_as_they_are():
    latent = Placed(model("deepseek-v3"), gpu("h200-sxm"), 8, "fp8", "bf16")
    assert latent.token_bytes() == 61 * 576 * 2  # a copy on each GPU
    windowed = Placed(model("gpt-oss-120b"), gpu("h100-sxm"), 2, "fp4", "fp8")
    assert windowed.token_bytes() == 36_864 / 2 / 2
    assert windowed.sequence_bytes() == 128 * 36_864 / 2 / 2


def test_a_computed_profile_says_what_it_is():
    found = computed_profile("qwen3-32b", "l40s", 2, "fp8")
    assert found.name == "computed/qwen3-32b/l40s/tp2/fp8" and found.grade == "C"
    assert found.source.startswith("computed, not measured") and found.measured is None
    assert found.fit_error == pytest.approx(fitted().spread * math.sqrt(2 / math.pi), rel=0.03)
    assert found.fit_error > 0.1 and "nine in ten" in found.notes.casefold()
    assert profile(found.name) == found
    assert found.limits is not None and np.diff(found.step_base_s).min() >= 0


@pytest.mark.parametrize("name", ["llama-3.3-70b", "gpt-oss-120b", "gemma-3-27b", "kimi-k2.5"])
def test_a_cache_in_8_bits_holds_twice_as_much(name):
    wide = computed_profile(name, "b200-sxm", 8, "fp4", "bf16")
    narrow = computed_profile(name, "b200-sxm", 8, "fp4", "fp8")
    assert narrow.kv_capacity_tokens == pytest.approx(2 * wide.kv_capacity_tokens, rel=1e-3)
    ratio = np.divide(narrow.step_s_per_kv_token, wide.step_s_per_kv_token)
    assert ratio == pytest.approx(0.5, rel=1e-4)


def test_auto_takes_the_cache_of_the_checkpoint():
    assert computed_profile("qwen3-32b", "b200-sxm", 1, "fp4").kv_cache_dtype == "fp8"
    assert computed_profile("qwen3-32b", "b200-sxm", 1, "fp8").kv_cache_dtype == "bf16"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("qwen3-33b", "l40s"), "model 'qwen3-33b' is not in the catalogue .*'qwen3-32b'"),
        (("qwen3-32b", "l40"), "GPU 'l40' is not in the catalogue"),
        (("qwen3-32b", "l40s", 1, "fp16"), r"66 GB of weights, and 1 x l40s .*take gpus: 2"),
        (("qwen3-32b", "l40s", 2, "fp6"), "precision 'fp6' is not"),
        (("none.json", "l40s"), "none.json"),
    ],
)
def test_what_cannot_be_computed_is_refused(arguments, said):
    with pytest.raises(CatalogError, match=said):
        computed_profile(*arguments)


# How far off


@pytest.fixture(scope="module")
def measured():
    return [p for p in map(profile, profile_names()) if usable(p) and not is_old(p)]


def test_the_stated_band_holds_measured_profiles_about_as_often_as_stated(measured):
    """Each left out with its model and GPU. Of 90 % bands 80 to 100 % hold: no chance."""
    sample = measured[:: max(len(measured) // 30, 1)]
    deviations = left_out(sample)
    dense, sparse = spreads(sample, deviations)
    spread = np.array([sparse if model(p.model).experts else dense for p in sample])
    assert 0.8 <= np.mean(abs(deviations) < 1.645 * spread) <= 1.0
    assert 0.4 <= np.mean(abs(deviations) < 0.674 * spread) <= 0.8
    assert abs(np.mean(deviations)) < dense


def test_the_table_belongs_to_the_profiles_of_the_catalogue(measured):
    """Else run benchmarks/efficiencies.py: a few profiles more may wait, half of them may not."""
    table = fitted()
    assert len(measured) / 1.5 <= table.profiles <= len(measured) * 1.5
    off = [logs(seen(p), table.efficiencies)[2] for p in measured]
    assert np.sqrt(np.mean(np.square(off))) < 1.2 * max(table.spread, table.spread_experts)


def test_the_fit_finds_efficiencies_that_made_the_profiles(measured):
    """Profiles computed with known efficiencies are fitted to what they were made with."""
    truth = replace(
        fitted().efficiencies, weights=0.7, cache=0.45, prefill=0.6, prefill_experts=0.35
    )
    made = []
    for each in measured:
        placed = Placed(model(each.model), gpu(each.gpu), each.gpus_per_replica,
                        each.precision, "fp8")  # fmt: skip
        d1, d2 = prefill_s(placed, truth)
        batch = seen(each).batches  # between which a table would be a straight line
        made.append(replace(each, kv_cache_dtype="fp8", batch=tuple(batch.astype(int).tolist()),
            step_base_s=tuple(base_s(placed, batch, truth)), prefill_s_per_token=d1,
            step_s_per_kv_token=(per_kv_token_s(placed, truth),) * len(batch),
            prefill_s_per_token_context=d2))  # fmt: skip
    found = fit(made)
    assert found.prefill == pytest.approx(0.6, rel=0.15)
    assert found.prefill_experts == pytest.approx(0.35, rel=0.1)
    assert max(abs(logs(seen(p), found)[2]) for p in made) < 0.05


@pytest.mark.parametrize(
    ("name", "card", "gpus", "precision", "published"),
    [
        ("qwen3-32b", "h100-sxm", 2, "bf16", 15_928),
        ("qwen3-32b", "h200-sxm", 2, "bf16", 15_751),  # its twin with eyes
        ("gpt-oss-120b", "h100-sxm", 1, "fp4", 39_065),
    ],
)
def test_prefill_of_chunks_is_as_fast_as_published(name, card, gpus, precision, published):
    """vLLM 0.22 and 0.23, chunks of 8,192 tokens (llm-d's guides): nothing is fitted to them."""
    made = computed_profile(name, card, gpus, precision)
    taken_s = made.step_s(0, 0.0) + made.prefill_s_per_token * 8192
    taken_s += made.prefill_s_per_token_context * 8192**2 / 2
    assert 8192 / taken_s == pytest.approx(published, rel=0.2)


# How one is led there


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "qwen3-14b/l40s/tp2/fp8/vllm",
            r"no measurement of qwen3-14b on l40s; computed: service: \{model: qwen3-14b,"
            r" gpu: l40s, gpus: 2, precision: fp8\} \('sim catalog profiles'",
        ),
        (
            "kimi-k2.5/h100-sxm/tp16/fp4/vllm",
            r"no measurement of kimi-k2.5 on h100-sxm; computed: service: \{model: kimi-k2.5,"
            r" gpu: h100-sxm, gpus: 16, precision: fp4\}; nearest measured: kimi-k2.5/b200-sxm/",
        ),
        ("gemma-3-27b/rtx-pro-6000", "no measurement of gemma-3-27b on rtx-pro-6000; computed"),
        ("mistral-7b", "no measurement of mistral-7b; computed: .*gpus: 1, precision: fp8"),
        ("kimi-k2.5/l40s", r"gpus: 32, precision: fp8\}"),
        (
            "llama-3.3-70b/h100-sxm/tp4/fp8/vlm",
            "did you mean 'llama-3.3-70b/h100-sxm/tp4/fp8/vllm'",
        ),
        ("llama-3.3-70b/l40s", "no measurement of llama-3.3-70b on l40s.*measured: llama-3.3-70b/"),
        ("qwen3-14b/h100", "no measurement of qwen3-14b on h100-sxm; computed"),
        ("qwen3-14b/a100", "GPU 'a100' is not in the catalogue"),
        ("my-model/my-gpu", "profile 'my-model/my-gpu' is not in the catalogue"),
    ],
)
def test_a_name_that_is_not_there_leads_to_a_computed_profile(name, said):
    with pytest.raises(CatalogError, match=said) as caught:
        profile(name)
    current = set(profile_names()) - set(old_names())
    named = [n for n in profile_names() if n in str(caught.value)]
    assert not named or set(named) & current


def test_old_engines_are_those_a_year_before_the_newest():
    old = old_names()
    assert "llama-2-70b/h100-sxm/tp4/fp16/vllm-2023" in old
    assert 0 < len(old) < len(profile_names())
