"""Pools that hand their prompts to another: what may be written, and what it becomes."""

import re
from pathlib import Path

import pytest
from places import SHIPPED
from scenario_documents import SERVICE, written

from sim.errors import ScenarioError
from sim.model.handoff import Handoff
from sim.scenario import load_scenario

SPLIT = f"""\
name: split
horizon: {{days: 1}}
workloads:
  chat:
    arrivals: {{requests_per_day: 100k}}
    prompt_tokens: 1000
    output_tokens: 200
    route: prefill
backends:
  prefill:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 2
    handoff: {{to: decode, bandwidth: 50 GB/s}}
  decode:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 1
  api: {{kind: managed_api, model: gpt-4.1}}
"""


def problem(folder: Path, old: str, new: str, text: str = SPLIT) -> str:
    """What is said of the document with one thing changed: one line."""
    assert old in text
    path = written(folder, text.replace(old, new), "split.yaml")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    (said,) = str(caught.value).replace(f"{path.parent}/", "").splitlines()
    return said


def test_what_is_left_out_is_what_the_catalogue_knows(tmp_path: Path) -> None:
    """80 layers of 8 heads of 128 numbers, keys and values, of a byte each."""
    design = load_scenario(written(tmp_path, SPLIT)).typical_design()
    assert design.pools[0].handoff == Handoff("decode", 50e9, 2 * 80 * 8 * 128, 0.005)
    assert design.pools[1].handoff is None
    (chat,) = design.workloads
    assert chat.route.backends == {"prefill", "decode"}


def test_every_key_reaches_the_design(tmp_path: Path) -> None:
    keys = "latency: 2ms, per: source, local_below: 512, kv_bytes_per_token: 0.1 MB"
    text = SPLIT.replace("50 GB/s}", f"25 GB/s, {keys}}}")
    design = load_scenario(written(tmp_path, text)).typical_design()
    assert design.pools[0].handoff == Handoff("decode", 25e9, 1e5, 0.002, "source", 512)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "{to: decode, bandwidth: 50 GB/s}",
            "{to: decode}",
            "handoff.bandwidth: is missing (such as bandwidth: 50 GB/s)",
        ),
        (
            "to: decode",
            "to: decod",
            "handoff.to: 'decod' is no pool of GPUs (did you mean 'decode'?)",
        ),
        (
            "to: decode",
            "to: api",
            "handoff.to: 'api' is no pool of GPUs (one of prefill, decode)",
        ),
        (
            "to: decode",
            "to: prefill",
            "handoff.to: is the pool itself, which answers its prompts anyway"
            " (name another pool, or remove handoff)",
        ),
        (
            "50 GB/s",
            "0 GB/s",
            "handoff.bandwidth: '0 GB/s' must be at least 1000000 (give it with its unit, such as"
            " 50 GB/s or 400 Gbit/s)",
        ),
    ],
)
def test_what_cannot_be_is_one_clear_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = problem(tmp_path, old, new)
    assert told.startswith("split.yaml:14: backends.prefill.handoff")
    assert told.endswith(said)


def test_prompts_are_not_handed_on_and_on(tmp_path: Path) -> None:
    new = "replicas: 1\n    handoff: {to: third, bandwidth: 5 GB/s}\n  third: {kind: gpu_pool,"
    new += f" service: {SERVICE}, replicas: 1}}\n  api"
    told = problem(tmp_path, "replicas: 1\n  api", new)
    assert "handoff.to: 'decode' hands its prompts on itself, and makes no answers" in told


def test_both_pools_have_the_same_cache(tmp_path: Path) -> None:
    new = "replicas: 1\n    engine: {kv_cache_dtype: bf16}\n  api"
    told = problem(tmp_path, "replicas: 1\n  api", new)
    assert "'decode' keeps 327,680 bytes of a token" in told
    assert "and this pool 163,840" in told


def test_blocks_of_prompts_have_one_size_on_both_sides(tmp_path: Path) -> None:
    text = SPLIT.replace(
        "    route: prefill", "    follow_ups: {calls_per_task: 3}\n    route: prefill"
    )
    text = text.replace("replicas: 2", "replicas: 2\n    prefix_cache: {block_tokens: 64}")
    old, new = "replicas: 1\n", "replicas: 1\n    prefix_cache: {block_tokens: 128}\n"
    told = problem(tmp_path, old, new, text)
    assert "decode.prefix_cache.block_tokens: 128 must be 64" in told


def test_a_candidate_is_there_if_a_pool_that_is_hands_its_prompts_to_it(tmp_path: Path) -> None:
    text = SPLIT.replace("replicas: 1\n", "replicas: 1\n    candidate: true\n")
    design = load_scenario(written(tmp_path, text)).typical_design()
    assert [pool.name for pool in design.pools] == ["prefill", "decode"]


def test_of_a_model_that_the_catalogue_does_not_know_the_bytes_are_to_be_told(
    tmp_path: Path,
) -> None:
    profile = (SHIPPED / "engines" / "eight_ranks.yaml").read_text(encoding="utf-8")
    ours = re.sub("(?m)^model: .*$", "model: our-own", profile)
    (tmp_path / "own.yaml").write_text(ours, encoding="utf-8")
    text = SPLIT.replace(SERVICE, "own.yaml")
    told = problem(tmp_path, "replicas: 1", "replicas: 1", text)
    assert "kv_bytes_per_token: has no default, as the catalogue has no model 'our-own'" in told


def test_a_pool_without_answers_is_not_planned_by_the_time_between_tokens(tmp_path: Path) -> None:
    scaled = """\
    replicas: {min: 1, max: 4}
    cold_start: 1min
    autoscaler: {preset: planner, target_itl: 20ms}
    handoff"""
    said = problem(tmp_path, "    replicas: 2\n    handoff", scaled)
    assert "backends.prefill.autoscaler.target_itl: has no meaning here, as the pool hands" in said
    assert "(give target_ttft, such as target_ttft: 500ms)" in said


def test_a_pool_that_makes_no_answers_drafts_none(tmp_path: Path) -> None:
    drafts = "speculative_decoding: {draft_tokens: 3, acceptance: 70%, draft_cost: 3%}"
    said = problem(tmp_path, "handoff: {", f"{drafts}\n    handoff: {{")
    assert "backends.prefill.speculative_decoding: has no meaning here, as the pool hands" in said
    assert said.endswith("(give it to 'decode', which makes them)")
