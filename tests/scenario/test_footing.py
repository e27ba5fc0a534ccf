"""What an answer rests on is said in one line for each pool, and the same on any day."""

import pytest
from scenario_documents import MINIMAL, written

from sim.scenario import load_scenario

PLACE = "backends.large.service"
START = "horizon={start: 2026-01-05, days: 1}"
SHORT = ["workloads.chat.prompt_tokens=2000", "workloads.chat.output_tokens=500"]


def said(tmp_path, *overrides):
    return load_scenario(written(tmp_path, MINIMAL), [START, *SHORT, *overrides]).footing


def test_a_recent_measurement_within_its_range_needs_no_word(tmp_path):
    assert said(tmp_path) == ()


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (f"{PLACE}=llama-3-70b/h100-sxm/tp4/fp16/vllm-2024",
         "llama-3-70b/h100-sxm/tp4/fp16/vllm-2024): grade B: an older engine, few points or a"
         " loose fit; an engine over a year old (2024-11)"),
        (f"{PLACE}=llama-3.1-8b/h200-sxm/tp1/bf16/vllm",
         "llama-3.1-8b/h200-sxm/tp1/bf16/vllm): grade B: an older engine, few points or a loose"
         " fit"),
        (f"{PLACE}=deepseek-r1/b200-sxm/tp8ep8/fp8/sglang",
         "deepseek-r1/b200-sxm/tp8ep8/fp8/sglang): grade C: measured, but simulations of it are far"
         " off its own runs"),
        (f"{PLACE}={{model: qwen3-14b, gpu: l40s, gpus: 2, precision: fp8}}",
         "computed/qwen3-14b/l40s/tp2/fp8): computed, not measured (grade C)"),
        (f"{PLACE}={{model: llama-3.3-70b, gpu: h100-sxm, gpus: 4, precision: fp8}}",
         "computed/llama-3.3-70b/h100-sxm/tp4/fp8): computed, not measured (grade C); there is a"
         " measured one: llama-3.3-70b/h100-sxm/tp4/fp8/vllm"),
        ("horizon={start: 2026-11-23, days: 1}",
         "llama-3.3-70b/h100-sxm/tp4/fp8/vllm): an engine over a year old (2025-10-29)"),
        ("workloads.chat.prompt_tokens=30000",
         "llama-3.3-70b/h100-sxm/tp4/fp8/vllm): prompts go to 30,000 tokens, measured up to 8,191;"
         " contexts go to 30,500 tokens, measured up to 16,382"),
    ],
)  # fmt: skip
def test_what_is_less_than_that_is_said_in_one_line(tmp_path, override, expected):
    (line,) = said(tmp_path, override)
    assert line == f"{PLACE} ({expected}"
