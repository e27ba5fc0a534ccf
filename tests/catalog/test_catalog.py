"""The catalogue: profiles are physically possible, complete and documented; prices dated."""

import csv
import json
import math
import re
from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from click.testing import CliRunner
from places import REAL

from sim.catalog import (
    default_gpu_price,
    gpu,
    gpu_price,
    kv_capacity_tokens,
    model,
    profile,
    profile_document,
    profile_names,
    write_profile,
)
from sim.catalog.figures import CONTEXT_TOKENS, decode_figures
from sim.catalog.hardware import form_taken, gpus, models
from sim.catalog.prices import PURCHASES, day_of, listed_prices, older_than_a_year
from sim.catalog.profile_file import load_profile
from sim.catalog.profiles import date_of, old_names
from sim.cli.catalog import catalog
from sim.errors import CatalogError
from sim.model.coefficients import drawn
from sim.model.profile import ServiceProfile

LLAMA = "llama-3.3-70b/h100-sxm/tp4/fp8/vllm"
# Of Qwen3-235B on two GPUs: some requests waited for a place in most of their runs.
WIDE = ("qwen3-235b-a22b/h200-sxm/tp2/fp8/vllm", "qwen3-235b-a22b/h200-sxm/tp2ep2/fp8/vllm",
        "qwen3-235b-a22b/h200-sxm/tp2dp2/fp8/vllm")  # fmt: skip
GPUS = {
    "h100": ("h100-sxm", ["h100-pcie", "h100-nvl"]),
    "H100": ("h100-sxm", ["h100-pcie", "h100-nvl"]),
    "a100-80g": ("a100-80g-sxm", ["a100-80g-pcie"]),
    "A100 80G": ("a100-80g-sxm", ["a100-80g-pcie"]),
    "a100-40g": ("a100-40g-sxm", []),
    "h100-pcie": ("h100-pcie", []),
    "h200": ("h200-sxm", []),
    "b200": ("b200-sxm", []),
    "B300": ("b300-sxm", []),
    "mi300x": ("mi300x", []),
    "L40S": ("l40s", []),
    "l4": ("l4", []),
    "gh200": ("gh200", []),
}
every_profile = pytest.mark.parametrize("name", profile_names())


def dense_peak_flops(profile: ServiceProfile) -> float:
    of_gpu = gpu(profile.gpu)
    return {
        "fp16": of_gpu.fp16_flops,
        "bf16": of_gpu.fp16_flops,
        "fp8": of_gpu.fp8_flops,
        "fp4": 2 * of_gpu.fp8_flops,  # Blackwell's FP4 rate is twice its FP8 rate
    }[profile.precision]


# Built-in profiles


@every_profile
def test_name_says_what_the_profile_is(name):
    p = profile(name)
    ways = name.split("/")[2]
    found = re.fullmatch(r"tp(\d+)(?:dp(\d+))?(?:ep\d+)?", ways)
    assert found is not None
    assert int(found[2] or 1) == p.data_parallel_ranks
    assert int(found[1]) * p.data_parallel_ranks == p.gpus_per_replica
    assert name == f"{p.model}/{p.gpu}/{ways}/{p.precision}/{p.engine}"
    assert p.name == name


@every_profile
def test_profile_has_source_date_grade_and_what_was_measured(name):
    p = profile(name)
    assert len(p.source) > 20
    assert day_of(p.as_of) > date(2023, 1, 1)
    assert date_of(name) == p.as_of  # which is read without the rest of the file
    assert p.grade in {"A", "B", "C"}
    assert p.simulated_error is not None  # it says how far it is off
    assert p.fit_error < {"A": 0.05, "B": 0.1, "C": 0.5}[p.grade]
    assert p.measured is not None and p.measured.points >= 9
    assert p.measured.batch is not None and p.measured.batch[1] == p.batch[-1]
    if p.joint_error is None:  # else the front end was fitted as well
        assert "assumed" in p.notes and "computed" in p.notes


@every_profile
def test_grade_is_that_of_simulating_its_own_runs(name):
    """A: 5 % in TPOT and 15 % in TTFT; B: 10 and 25 %; fits by hand are of grade B at best."""
    p = profile(name)
    error = p.simulated_error
    if math.isnan(error.tpot):  # static batches, of which only the whole was measured
        assert (p.grade == "B") == (error.e2e <= 0.10)
        return
    rule = "A" if error.tpot <= 0.05 and error.ttft <= 0.15 else "C"
    if rule == "C" and error.tpot <= 0.10 and error.ttft <= 0.25:
        rule = "B"
    assert p.grade == (rule if p.joint_error is not None else max(rule, "B"))


@every_profile
def test_worlds_keep_to_what_was_measured(name):
    """Nine steps in ten that worlds draw are near those of the profile, of a grade A or B.

    At the largest measured batch, with contexts as they were in the runs.
    """
    p = profile(name)
    if p.joint_error is None:
        return
    rng = np.random.default_rng(1)
    batch, context = p.measured.batch[1], sum(p.measured.prompt_tokens) / 2
    count = p.joint_error.directions.shape[1]
    draws = [drawn(p, rng.standard_normal(count)) for _ in range(60)]
    ratio = [each.step_s(batch, batch * context) / p.step_s(batch, batch * context)
             for each in draws]  # fmt: skip
    low, high = np.quantile(ratio, (0.05, 0.95))
    assert (low > 0.7 and high < 2.1) or name in WIDE


def test_a_hundred_profiles_of_engines_of_today_are_graded_a_or_b_by_their_own_runs():
    found = [profile(name) for name in profile_names()]
    good = [p for p in found if p.joint_error is not None and p.grade in "AB"]
    assert len(good) >= 100
    assert all(p.as_of >= "2025" for p in good)


@every_profile
def test_step_time_does_not_fall_as_batch_or_cache_grow(name):
    a, c = profile(name).step_tables()
    assert (np.diff(a) >= 0).all() and (np.diff(c) >= 0).all()
    assert a[0] > 0 and (c >= 0).all()


@every_profile
def test_no_step_is_shorter_than_reading_the_weights_takes(name):
    """Of a mixture of experts those that one token goes through."""
    p = profile(name)
    what = model(p.model)
    bytes_per_s = gpu(p.gpu).bandwidth_bytes_per_s * p.gpus_per_replica
    read_bytes = what.weight_bytes(p.precision) * what.active_params / what.params
    assert p.step_s(1, 0) >= read_bytes / bytes_per_s


@every_profile
def test_prefill_is_slower_than_the_arithmetic_peak(name):
    p = profile(name)
    fastest = 2 * model(p.model).active_params / (dense_peak_flops(p) * p.gpus_per_replica)
    assert p.prefill_s_per_token >= fastest


@every_profile
def test_weights_fit_and_the_cache_is_what_they_leave(name):
    p = profile(name)
    assert model(p.model).weight_bytes(p.precision) < gpu(p.gpu).hbm_bytes * p.gpus_per_replica
    what = (p.model, p.gpu, p.gpus_per_replica, p.precision, p.kv_cache_dtype)
    fits = kv_capacity_tokens(*what, p.data_parallel_ranks)
    if "which was never short" in p.notes:  # the runs showed that it held more than the arithmetic
        assert p.kv_capacity_tokens > fits
        fits = p.kv_capacity_tokens
    is_measured = "KV capacity as the engine logged it" in p.notes
    assert p.kv_capacity_tokens == (pytest.approx(fits, rel=0.01) if is_measured else fits)
    assert 0 < p.max_model_len <= min(fits, model(p.model).context_tokens)


@every_profile
def test_front_end_does_not_limit_a_measured_engine(name):
    """The serial cost must not contradict throughputs that were measured, nor assumed ones by far.

    Where it was fitted as well it may be what limits batches larger than those that were measured;
    but none is slower than one of the same engine was seen to be.
    """
    p = profile(name)
    of_token_s = p.frontend_s_per_token / p.frontend_processes
    if p.joint_error is None:
        fastest = max(figure.tokens_per_s for figure in decode_figures(p))
        assert fastest * of_token_s < 0.5
        return
    largest = p.measured.batch[1]
    step_s = p.step_s(largest, largest * sum(p.measured.prompt_tokens) / 2)
    assert p.data_parallel_ranks * largest / step_s * of_token_s < 1.0
    if "InferenceX" in p.source:
        bound_us = re.search(r"at most ([\d.]+) us of its front end for a token", p.notes)
        assert bound_us is not None
        assert p.frontend_s_per_token * 1e6 < 1.01 * float(bound_us[1])


@every_profile
def test_built_in_profile_survives_writing_and_reading(name, tmp_path):
    p = profile(name)
    write_profile(p, tmp_path / "copy.yaml")
    assert profile_document(load_profile(tmp_path / "copy.yaml")) == profile_document(p)


def test_profile_names_are_sorted_and_found_in_any_case():
    names = profile_names()
    assert names == sorted(names) and len(names) == 143
    assert profile(LLAMA.upper()) is profile(LLAMA)


def test_unknown_profile_is_answered_with_the_nearest_names():
    with pytest.raises(CatalogError, match=rf"'{LLAMA}x' is not .*did you mean '{LLAMA}'"):
        profile(LLAMA + "x")


# Where the figures come from


def derived_rows():
    path = REAL / "derived_defaults" / "defaults.csv"
    if not path.exists():
        pytest.skip("needs ../shared/data/derived_defaults")
    with path.open() as file:
        return [row for row in csv.DictReader(file) if row["grade"] in {"A", "B"}]


def is_left_out(row):
    power_capped = "pcap" in row["gpu"]
    unfitted = row["model"] == "llama2-70b" and row["tp"] == "2"
    impossible = row["engine"] == "sglang" and row["tp"] == "1"
    return power_capped or unfitted or impossible


def built_in_name(row):
    gpu_name = {
        "Nvidia H100 GPU": "h100-sxm",
        "Nvidia A100 GPU": "a100-40g-sxm",
        "Nvidia GH200 GPU": "gh200",
        "AMD MI250 GPU": "mi250",
        "Intel PVC GPU": "max-1550",
        "a100-80gb": "a100-80g-sxm",
        "h100-80gb": "h100-sxm",
    }.get(row["gpu"], row["gpu"].replace("_", "-"))
    engine = {
        "vLLM (2024)": "vllm-2024",
        "TensorRT-LLM (2024)": "trtllm-2024",
        "vLLM (2023, Splitwise)": "vllm-2023",
    }.get(row["engine"], row["engine"])
    model_name = row["model"].lower().replace("llama2", "llama-2")
    precision = row["precision"].partition("?")[0]
    return f"{model_name}/{gpu_name}/tp{row['tp']}/{precision}/{engine}"


def is_by_hand(name):
    """Whether it is such a fit, and not one that sim calibrate made in its place."""
    return profile(name).joint_error is None


def test_every_fit_of_grade_a_and_b_is_built_in_but_the_documented_ones():
    rows = derived_rows()
    assert sum(map(is_left_out, rows)) == 7
    expected = [built_in_name(row) for row in rows if not is_left_out(row)]
    assert set(expected) <= set(profile_names())
    assert {n for n in profile_names() if is_by_hand(n)} <= set(expected)


def test_decode_and_prefill_reproduce_the_fits():
    """a and c are the fitted ones; where prefill was carved out of b, latencies are unchanged."""
    for row in derived_rows():
        if is_left_out(row) or not is_by_hand(built_in_name(row)):
            continue
        p = profile(built_in_name(row))
        a, b, c = (float(row[k]) for k in ("a_ms", "b_ms_per_seq", "c_ms_per_kv_token"))
        assert p.fit_error == pytest.approx(float(row["fit_MAPE_pct"]) / 100, rel=1e-4)
        assert p.step_s(0, 0) * 1e3 == pytest.approx(a, rel=1e-4)
        batch, length = 32, 1024
        if not row["p1_ms_per_prompt_token"]:  # static batches, as many prompt as output tokens
            decode_ms = length * p.step_s(batch, batch * 1.5 * length) * 1e3
            prompt_ms = (p.prefill_s(length) - p.step_s(0, 0)) * batch * 1e3
            fitted_ms = length * (a + b * batch + c * batch * 1.5 * length)
            assert decode_ms + prompt_ms == pytest.approx(fitted_ms, rel=1e-3), p.name
        else:
            fitted_ms = a + b * batch + c * batch * length
            assert p.step_s(batch, batch * length) * 1e3 == pytest.approx(fitted_ms, rel=1e-3)


def test_prefill_of_the_longest_measured_prompt_takes_what_was_measured():
    """At most a sixth more, where the measured figure left attention no plausible time."""
    exact = 0
    for row in derived_rows():
        if (
            is_left_out(row)
            or not is_by_hand(built_in_name(row))
            or "InferenceX" not in row["kind"]
            or not float(row["p1_ms_per_prompt_token"])
        ):
            continue
        p = profile(built_in_name(row))
        assert p.measured is not None and p.measured.prompt_tokens is not None
        n = p.measured.prompt_tokens[1]
        ours_s = p.prefill_s_per_token * n + p.prefill_s_per_token_context * n**2 / 2
        ratio = ours_s / (float(row["p1_ms_per_prompt_token"]) * 1e-3 * n)
        assert 0.999 < ratio < 1 + 1 / 6, p.name
        exact += ratio < 1.001
    assert exact == 3


# The law


def test_chunks_of_a_prompt_add_up_to_its_prefill_time():
    p = profile(LLAMA)
    n, budget = 20_000, p.max_num_batched_tokens
    chunks = [(x, min(budget, n - x)) for x in range(0, n, budget)]
    by_law = sum(
        p.step_s(0, 0)
        + p.prefill_s_per_request
        + p.prefill_s_per_token * size
        + p.prefill_s_per_token_context * size * (x + size / 2)
        for x, size in chunks
    )
    assert p.prefill_s(n) == pytest.approx(by_law, rel=1e-12)


def test_step_time_at_one_batch_agrees_with_the_tables():
    p = replace(profile(LLAMA), batch=(0, 8, 64), step_base_s=(0.01, 0.02, 0.03))
    p = replace(p, step_s_per_kv_token=(1e-8, 2e-8, 2e-8))
    a, c = p.step_tables()
    for batch in (0, 5, 8, 64, 200):
        assert p.step_s(batch, 1e4) == pytest.approx(a[batch] + c[batch] * 1e4, rel=1e-12)


# Hardware and prices


def test_cache_size_is_the_published_arithmetic():
    """An 8B model in 16 bits on an 80 GiB GPU: 0.92 x 80 GiB - 16.06 GB - 3.76 GB over 128 KiB."""
    free = 0.92 * 80 * 1024**3 - 16.06e9 - 3.76e9
    expected = free / 131072
    found = kv_capacity_tokens("llama-3.1-8b", "h100-sxm", 1, "bf16")
    assert expected - 16 <= found <= expected
    assert kv_capacity_tokens("llama-3.3-70b", "h100-sxm", 1, "bf16") < 0
    in_fp8 = kv_capacity_tokens("llama-3.1-8b", "h100-sxm", 1, "bf16", "fp8")
    assert in_fp8 == pytest.approx(2 * found, abs=32)
    latent = [kv_capacity_tokens("deepseek-v3", "h200-sxm", 8, "fp8", d) for d in ("bf16", "fp8")]
    free = 0.92 * 141 * 1024**3 - model("deepseek-v3").weight_bytes("fp8") / 8 - 3.76e9
    assert latent[0] == pytest.approx(free / 70_272, abs=16)  # on each GPU the same copy
    assert latent[1] == pytest.approx(2 * latent[0], abs=32)


def test_cache_per_token_follows_from_the_architecture():
    for each in models().values():
        latent = each.kv_heads == 1  # one latent vector in place of keys and values
        layers = each.layers // 4 if each.state_bytes else each.layers  # the others keep a state
        per_head = layers * each.kv_heads * each.head_dim * 2
        assert each.kv_bytes_per_token == (1 if latent else 2) * per_head, each.name
        assert 0 < each.growth_bytes_per_token <= each.kv_bytes_per_token
        assert each.active_params <= each.params
        assert (each.experts > 0) == (each.active_params < each.params)
        assert each.source and day_of(each.as_of)


def test_published_gpu_figures_are_in_range():
    for each in gpus().values():
        assert 20 * 1024**3 < each.hbm_bytes < 400 * 1024**3
        assert 0.2e12 < each.bandwidth_bytes_per_s < 10e12
        assert math.isnan(each.fp16_flops) or 50e12 < each.fp16_flops < 3e15
        assert math.isnan(each.fp8_flops) or 1.9 < each.fp8_flops / each.fp16_flops < 2.1
        assert each.source and day_of(each.as_of)


def test_precision_that_is_not_known_is_refused():
    with pytest.raises(CatalogError, match="'fp6' is not in the catalogue"):
        model("llama-3.1-8b").weight_bytes("fp6")


def test_every_price_is_for_a_known_gpu_and_plausible():
    rows = listed_prices()
    assert len(rows) > 100
    keys = {
        (r.provider, r.region, r.instance, r.gpu, r.purchase, r.min_days, r.gpus, r.as_of)
        for r in rows
    }
    assert len(keys) == len(rows)
    for row in rows:
        assert row.gpu in gpus()
        assert row.purchase in PURCHASES
        assert 0.3 < row.usd_per_gpu_hour < 30
        committed = row.purchase in PURCHASES[3:]
        assert (0 < row.min_days <= row.max_days) if committed else row.max_days == 0
        assert row.source and day_of(row.as_of) > date(2024, 6, 1)


def test_spot_is_cheaper_than_on_demand_of_the_same_machine():
    on_demand = {
        (r.provider, r.region, r.instance, r.gpu, r.as_of): r.usd_per_gpu_hour
        for r in listed_prices()
        if r.purchase == "on_demand"
    }
    spot = [r for r in listed_prices() if r.purchase == "spot"]
    assert len(spot) > 20
    for r in spot:
        assert r.usd_per_gpu_hour < on_demand[r.provider, r.region, r.instance, r.gpu, r.as_of]


def test_longer_terms_cost_less_at_a_provider():
    reserved = {
        (r.provider, r.gpu, r.gpus, r.purchase): r.usd_per_gpu_hour
        for r in listed_prices()
        if r.purchase.startswith("reserved") and not r.provider.startswith("market")
    }
    pairs = [
        (usd, reserved[provider, gpu, gpus, longer])
        for (provider, gpu, gpus, purchase), usd in reserved.items()
        for longer in ("reserved_2y", "reserved_3y", "reserved_5y")
        if purchase < longer and (provider, gpu, gpus, longer) in reserved
    ]
    assert len(pairs) > 20
    assert all(later < earlier for earlier, later in pairs)


def test_every_gpu_of_a_profile_on_sale_somewhere_has_a_default_price():
    priced = {row.gpu for row in listed_prices() if row.purchase == "on_demand"}
    for name in {profile(each).gpu for each in profile_names()} - {"mi250", "max-1550"}:
        assert name in priced
        assert default_gpu_price(name).usd_per_gpu_hour > 0


def test_price_is_the_newest_of_a_provider():
    assert gpu_price("nebius", "h100-sxm").usd_per_gpu_hour == 4.5  # 2026-10-05; before 3.85, 2.95
    assert gpu_price("verda", "h100-sxm").as_of == "2026-10-02"
    assert gpu_price("aws", "h100-sxm", "capacity_block").usd_per_gpu_hour == 5.191  # before 4.916


def test_block_is_that_of_the_days_and_gpus_that_are_wanted():
    def usd(*names, **wanted):
        return gpu_price(*names, "capacity_block", **wanted).usd_per_gpu_hour

    assert usd("together", "h100-sxm") == 3.69  # 7 to 30 days
    assert usd("together", "h100-sxm", days=60) == 3.45
    assert usd("verda", "h100-sxm", days=180) == 3.4128
    assert usd("lambda", "h100-sxm") == 6.16  # from 16 GPUs
    assert usd("lambda", "h100-sxm", gpus=100) == 5.85  # from 64
    with pytest.raises(CatalogError, match=r"no capacity_block of 45 days .*blocks of 30, 90, 180"):
        gpu_price("verda", "h100-sxm", "capacity_block", days=45)


def test_price_is_that_of_the_first_region_unless_another_is_named():
    assert gpu_price("GCP", "L4").usd_per_gpu_hour == 0.853624
    assert gpu_price("gcp", "h100-sxm", region="europe-west4").usd_per_gpu_hour == 14.06756
    assert gpu_price("gcp", "h100-sxm", "spot").usd_per_gpu_hour == 6.326193
    assert gpu_price("gcp", "h100-sxm").usd_per_gpu_hour == 11.0613  # newer, its region not stated
    assert gpu_price("aws", "h100-sxm", "capacity_block").billing_granularity_s == 86_400


def test_default_price_is_the_median_over_providers_and_as_old_as_the_oldest():
    price = default_gpu_price("mi300x")
    assert (price.usd_per_gpu_hour, price.as_of) == (6.0, "2026-06-18")
    h200 = default_gpu_price("h200-sxm")
    listed = "aws 7.912, gcp 10.6009, azure 10.6, nebius 3.5, verda 4.639, together 5.99"
    rest = "civo 3.49, gcore 3, digitalocean 4.47, jarvislabs 3.99"
    assert f"{listed}, {rest}" in h200.source
    assert h200.usd_per_gpu_hour == pytest.approx((4.47 + 4.639) / 2)
    assert h200.as_of == "2026"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("awz", "h100-sxm"), "price: provider 'awz' is not .*did you mean 'aws'"),
        (("aws", "h100"), "price for provider 'aws': GPU 'h100' is not .*'h100-sxm'"),
        (("lambda", "h100-sxm", "spot"), "price for .*purchase 'spot' is not"),
        (("aws", "h100-sxm", "on_demand", "mars"), "region 'mars' is not"),
    ],
)
def test_a_price_that_is_not_there_is_refused_with_the_reason(arguments, said):
    with pytest.raises(CatalogError, match=said):
        gpu_price(*arguments)


def test_gpu_without_any_price_has_no_default():
    with pytest.raises(CatalogError, match="on-demand price of GPU 'mi250' is not"):
        default_gpu_price("mi250")


def test_a_price_grows_old_after_a_year_counted_from_its_earliest_day():
    assert not older_than_a_year("2025-11-21", date(2026, 11, 21))
    assert older_than_a_year("2025-11-20", date(2026, 11, 21))
    assert older_than_a_year("2025", date(2026, 11, 21))
    assert not older_than_a_year("2026", date(2026, 11, 21))


# Command line


def run(*arguments):
    result = CliRunner().invoke(catalog, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result


def test_profiles_are_listed_with_grade_date_and_source():
    lines = run("profiles").stdout.splitlines()
    table = [line for line in lines if "/tp" in line]
    listed, old = [line.split()[0] for line in table if "'" not in line], old_names()
    table = [line for line in table if "'" not in line]
    assert sorted(listed) == profile_names()
    assert listed[len(listed) - len(old) :] == old  # current engines come first
    assert all((" yes " in line) == (line.split()[0] in old) for line in table)
    assert all(profile(line.split()[0]).as_of in line for line in table)
    assert any("InferenceX" in line for line in lines)


def test_profiles_can_be_filtered_by_model_and_gpu():
    rows = json.loads(run("profiles", "--gpu", "H100", "--model", "3.3", "--json").stdout)
    assert [row["profile"] for row in rows] == [
        f"llama-3.3-70b/h100-sxm/tp{n}/fp8/vllm" for n in (2, 4, 8)
    ]


def test_one_profile_is_shown_in_full_with_what_it_predicts():
    shown = json.loads(run("profiles", LLAMA, "--json").stdout)
    p = profile(LLAMA)
    predicted = shown.pop("predicted")
    assert shown == {"name": LLAMA, **profile_document(p)}
    at_32 = predicted["decode"][1]
    assert at_32["tpot_s"] == pytest.approx(p.step_s(32, 32 * CONTEXT_TOKENS))
    assert at_32["tokens_per_s"] == pytest.approx(32 / at_32["tpot_s"])
    text = run("profiles", LLAMA).stdout
    assert "TPOT" in text and "tokens/s" in text and p.as_of in text


def test_prices_are_listed_and_old_ones_warned_about_on_stderr():
    result = run("prices", "--gpu", "h100", "--purchase", "capacity")
    assert "4.916" in result.stdout and "2024-12" in result.stdout
    assert "older than a year: aws h100-sxm capacity_block (2024-12)" in result.stderr
    assert " 7-30 " in result.stdout and "5.191" in result.stdout
    rows = json.loads(run("prices", "--provider", "aws", "--json").stdout)
    assert {row["provider"] for row in rows} == {"aws"}
    assert all(row["source"] and row["as_of"] for row in rows)


def test_gpus_and_models_are_listed_with_source_and_date():
    for command, names in (("gpus", gpus()), ("models", models())):
        rows = json.loads(run(command, "--json").stdout)
        assert [row[command[:-1]] for row in rows] == list(names)
        assert all(row["source"] and row["as_of"] for row in rows)
        assert all(name in run(command).stdout for name in names)


def test_shapes_are_listed_with_source():
    rows = json.loads(run("shapes", "--json").stdout)
    assert "azure-chat-2024" in [row["shape"] for row in rows]
    assert all(row["source"] and row["peak_to_mean"] >= 1 for row in rows)


def test_nothing_that_matches_is_an_error_of_a_line():
    result = CliRunner().invoke(catalog, ["gpus", "--gpu", "abacus"])
    assert result.stdout == ""
    assert isinstance(result.exception, CatalogError)
    assert str(result.exception) == (
        "--gpu: GPU 'abacus' is not in the catalogue ('sim catalog gpus' lists all)"
    )


def test_output_is_the_same_every_time():
    assert run("profiles").stdout == run("profiles").stdout


@pytest.mark.parametrize("name", GPUS)
def test_the_form_of_a_gpu_may_be_left_out_and_which_is_taken_is_said(name):
    taken, others = GPUS[name]
    assert gpu(name).name == taken
    said = form_taken(name)
    assert bool(said) == bool(others)
    assert all(each in said for each in ([taken, *others] if others else []))


def test_the_form_that_is_taken_is_the_one_that_is_rented_most():
    prices = Counter(each.gpu for each in listed_prices())
    for name, (taken, others) in GPUS.items():
        assert all(prices[taken] > 5 * prices[other] for other in others), name


@pytest.mark.parametrize("name", ["a100", "mi300", "rtx", "h1000", "40g"])
def test_memory_and_generation_of_a_gpu_are_never_guessed(name):
    with pytest.raises(CatalogError, match=f"GPU '{name}' is not in the catalogue"):
        gpu(name)


def test_a_profile_is_found_without_the_form_of_its_gpu():
    assert profile("llama-3.3-70b/H100/tp4/fp8/vllm") is profile(LLAMA)
    assert profile("computed/qwen3-32b/h100/tp2/fp8").gpu == "h100-sxm"
