"""Pools behind one router (variants): what may be written, and what it becomes."""

import re
from pathlib import Path

import pytest
from scenario_documents import written

from sim.errors import ScenarioError
from sim.model.autoscaler import Joint, Keda
from sim.scenario import load_scenario

MIXED = """\
name: mixed
horizon: {days: 1}
workloads:
  chat:
    arrivals: {requests_per_day: 100k}
    prompt_tokens: 1000
    output_tokens: 200
    route: all
backends:
  h100:
    kind: gpu_pool
    service: llama-3.1-8b/h100-sxm/tp1/bf16/trtllm
    throughput_factor: 1
    replicas: 1
    price: {usd_per_gpu_hour: 3}
  l40s:
    kind: gpu_pool
    service: {model: llama-3.1-8b, gpu: l40s, gpus: 1, precision: bf16}
    throughput_factor: 1
    replicas: 2
    price: {usd_per_gpu_hour: 2}
  api: {kind: managed_api, model: gpt-4.1}
variants:
  all: {pools: [h100, l40s]}
"""
LIMITS = (
    "backends.h100.replicas={min: 0, max: 4}",
    "backends.l40s.replicas={min: 1, max: 3}",
    "backends.h100.cold_start=2min",
    "backends.l40s.cold_start=1min",
)


def problem(folder: Path, *overrides: str, old: str = "", new: str = "") -> str:
    """What is said of the document with something changed: one line."""
    assert old in MIXED
    path = written(folder, MIXED.replace(old, new) if old else MIXED, "mixed.yaml")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    (said,) = str(caught.value).replace(f"{path.parent}/", "").splitlines()
    return said


def test_a_variant_counts_by_its_speed_and_the_cheapest_is_filled_first(tmp_path: Path) -> None:
    design = load_scenario(written(tmp_path, MIXED)).typical_design()
    (joined,) = design.variants
    assert joined.pools == ("h100", "l40s")  # 3 USD for more than 1.5 times as much
    assert joined.weights[0] > 3 and joined.weights[1] == 1.0
    (chat,) = design.workloads
    assert chat.route.backends == {"all", "h100", "l40s"}
    assert design.is_part("h100")


@pytest.mark.parametrize(
    ("weights", "pools", "expected"),
    [
        ("cost", ("h100", "l40s"), (1.5, 1.0)),
        ("{h100: 3, l40s: 2}", ("h100", "l40s"), (1.5, 1.0)),
        ("{h100: 1, l40s: 2}", ("l40s", "h100"), (2.0, 1.0)),
    ],
)
def test_weights_are_as_given(
    tmp_path: Path, weights: str, pools: tuple[str, ...], expected: tuple[float, ...]
) -> None:
    read = load_scenario(written(tmp_path, MIXED), [f"variants.all.weights={weights}"])
    (joined,) = read.typical_design().variants
    assert joined.pools == pools
    assert joined.weights == pytest.approx(expected)


def test_one_autoscaler_has_the_limits_of_all_and_each_variant_its_own(tmp_path: Path) -> None:
    scaler = "variants.all.autoscaler={preset: keda, target_concurrency: 8}"
    weights = "variants.all.weights={h100: 3, l40s: 1}"
    read = load_scenario(written(tmp_path, MIXED), [*LIMITS, scaler, weights])
    design = read.typical_design()
    assert [pool.autoscaler for pool in design.pools] == [Joint(4, 0), Joint(3, 1)]
    (joined,) = design.variants
    assert isinstance(joined.autoscaler, Keda)
    assert (joined.autoscaler.min_replicas, joined.autoscaler.max_replicas) == (1, 15)
    again = load_scenario(written(tmp_path, read.to_yaml(), "again.yaml")).typical_design()
    assert (again.pools, again.variants) == (design.pools, design.variants)


def test_each_may_have_an_autoscaler_of_its_own(tmp_path: Path) -> None:
    own = [
        f"backends.{pool}.autoscaler={{preset: keda, target_queue: 4}}" for pool in ("h100", "l40s")
    ]
    design = load_scenario(written(tmp_path, MIXED), [*LIMITS, *own]).typical_design()
    assert all(isinstance(pool.autoscaler, Keda) for pool in design.pools)
    assert design.variants[0].autoscaler is None


SCALER = "variants.all.autoscaler={preset: hpa, target_concurrency: 8}"
WRONG = [
    (["variants.all.pools=[h100]"], "variants.all.pools: .*at least"),
    (["variants.all.pools=[h100, h100]"], "'h100' is one of 'all' already"),
    (["variants.all.pools=[h100, l4]"], "'l4' is no pool of GPUs .did you mean 'l40s'"),
    (["variants.all.pools=[h100, api]"], "'api' is no pool of GPUs"),
    (["variants.all.weights={h100: 0, l40s: 1}"], "0 leaves its replicas without a request"),
    (["variants.all.weights={h100: 2}"], "variants.all.weights.l40s: is missing"),
    (["variants.all.weights=price"], "must be speed, cost or a weight for each pool"),
    (["variants.all.router=session"], "variants.all.router: 'session' must be one of"),
    (["variants.all.router=prefix"], "prefix has no meaning for 'h100', where nothing is cached"),
    (["workloads.chat.route=h100"], "'h100' is a variant of 'all', .*name 'all'"),
    (["workloads.chat.fallback=[l40s]"], "'l40s' is a variant of 'all'"),
    (["backends.h100.router=random"], "h100.router: has no meaning for a variant of 'all'"),
    (["backends.h100.gateway={max_queue: 5}"], "give it as variants.all.gateway"),
    (["backends.h100.cooldown=5s"], "backends.h100.cooldown: has no meaning"),
    (["variants.api={pools: [h100, l40s]}", "variants.all=null"], "is the name of a backend"),
    (["variants.all.gateway={flow_control: {}}"], "is that of one pool"),
    (["variants.all.gateway={replica_limit: 4}"], "add queue: central"),
    ([SCALER], "has no variant to scale"),
    ([*LIMITS, SCALER.replace("hpa", "planner")], "planner says replicas of one pool"),
    ([*LIMITS, SCALER, "backends.l40s.autoscaler={preset: keda, target_queue: 2}"], "goes beside"),
    (
        [*LIMITS, SCALER, "backends.l40s.replicas={min: 0, max: 3}"],
        "variants.all.pools: 0 must be at least 1 for hpa",
    ),
    (["workloads.chat.deadline=2h"], "knows no batches with a deadline"),
    (["workloads.chat.priority=sheddable"], "whose router sheds nobody"),
    (["variants.all.fill=dearest"], "variants.all.fill: 'dearest' must be one of"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_cannot_be_meant_is_refused_in_a_line(
    tmp_path: Path, overrides: list[str], said: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(written(tmp_path, MIXED, "mixed.yaml"), overrides)
    lines = str(caught.value).splitlines()
    assert any(re.search(said, line) for line in lines), lines
    assert len(lines) <= 2, lines


def test_variants_serve_one_model(tmp_path: Path) -> None:
    said = problem(
        tmp_path, "backends.l40s.service={model: llama-3.1-70b, gpu: l40s, gpus: 8, precision: fp8}"
    )
    assert "'l40s' serves llama-3.1-70b, and 'h100' llama-3.1-8b" in said
