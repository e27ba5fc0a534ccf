"""Adapters: what their keys compile to, and what is refused."""

from pathlib import Path

import pytest
from scenario_documents import MINIMAL, SERVICE, written
from test_scenario_tasks import LARGE, design_of, problems

from sim.catalog import model, profile
from sim.catalog.adapter_sizes import bytes_per_rank
from sim.model.adapters import AdapterSlots
from sim.scenario import load_scenario
from sim.scenario.backend.tiers import bytes_per_token

NEEDED = "workloads.chat.adapters={count: 20}"
SLOTS = f"{LARGE}.adapters"
ENGINE = profile(SERVICE)
RANK_BYTES = bytes_per_rank(ENGINE.model, "all") or 0.0


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    return written(tmp_path, MINIMAL)


def slots_of(path: Path, *overrides: str) -> AdapterSlots:
    slots = design_of(path, NEEDED, *overrides).pools[0].adapters
    assert slots is not None
    return slots


def test_defaults_are_those_of_the_engine_and_of_the_model(minimal: Path) -> None:
    slots = slots_of(minimal, f"{SLOTS}={{slots: 8}}")
    assert (slots.slots, slots.host_slots, slots.blocks) == (8, 8, False)
    assert slots.bytes_per_rank == pytest.approx(RANK_BYTES)
    assert slots.load_s(16) == pytest.approx(0.02 + 16 * RANK_BYTES / 32e9)
    assert slots.fetch_s(16) == pytest.approx(0.1 + 16 * RANK_BYTES / 7e9)
    weights = model(ENGINE.model).weight_bytes(ENGINE.precision)
    assert slots.step_factor(4) == pytest.approx(1.25 + 4 * 16 * RANK_BYTES / weights)


def test_all_keys(minimal: Path) -> None:
    given = (
        "{slots: 4, host_slots: 30, max_rank: 32, size: 64 MB, load_bandwidth: 10 GB/s,"
        " load_latency: 5ms, fetch_bandwidth: 1 GB/s, fetch_latency: 1s, step_overhead: 10%,"
        " step_overhead_per_adapter: 1%, when_full: block}"
    )
    assert slots_of(minimal, f"{SLOTS}={given}") == AdapterSlots(
        4, 30, 2e6, 10e9, 5e-3, 1e9, 1.0, 0.1, 0.01, True, 32
    )


def test_slots_take_memory_of_the_kv_cache(minimal: Path) -> None:
    design = design_of(minimal, NEEDED, f"{SLOTS}={{slots: 8, max_rank: 64}}")
    taken = 8 * 64 * RANK_BYTES / (bytes_per_token(ENGINE) or 0.0)
    left = ENGINE.kv_capacity_tokens - design.pools[0].profile.kv_capacity_tokens
    assert left == pytest.approx(taken, abs=1)


def test_adapters_of_attention_are_smaller(minimal: Path) -> None:
    attention = slots_of(minimal, f"{SLOTS}={{slots: 8, modules: attention}}")
    assert attention.bytes_per_rank == bytes_per_rank(ENGINE.model, "attention")
    assert attention.bytes_per_rank < 0.5 * RANK_BYTES


def test_the_most_wanted_come_first(minimal: Path) -> None:
    design = design_of(
        minimal, "workloads.chat.adapters={count: 3, zipf: 2, rank: 8}", f"{SLOTS}={{slots: 2}}"
    )
    needed = design.workloads[0].adapters
    assert needed is not None
    assert (needed.rank, needed.weights) == (8, (1.0, 0.25, pytest.approx(1 / 9)))


def test_a_resolved_scenario_is_the_same_again(minimal: Path, tmp_path: Path) -> None:
    overrides = NEEDED, f"{SLOTS}={{slots: 8, host_slots: 20}}"
    again = tmp_path / "again.yaml"
    again.write_text(load_scenario(minimal, overrides).to_yaml())
    assert design_of(again).pools == design_of(minimal, *overrides).pools


def test_times_may_be_uncertain(minimal: Path) -> None:
    override = f"{SLOTS}={{slots: 8, step_overhead: {{uniform: {{low: 0.1, high: 0.3}}}}}}"
    assert slots_of(minimal, override).step_overhead == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "workloads.chat.adapters: cannot be loaded by 'large', which has no slots for them"),
        (
            (f"{SLOTS}={{slots: 8}}", "workloads.chat.adapters.rank=32"),
            "workloads.chat.adapters.rank: 32 is above the max_rank (16) of backend 'large'",
        ),
        (
            (f"{SLOTS}={{slots: 8, host_slots: 4}}",),
            f"{SLOTS}.host_slots: 4 must be at least slots (8)",
        ),
        (
            (f"{SLOTS}={{slots: 1000}}",),
            f"{SLOTS}.slots: 1000 of 395 MiB do not fit",
        ),
        (
            (f"{SLOTS}={{slots: 8}}", f"{LARGE}.engine.data_parallel_ranks=2"),
            f"{SLOTS}: cannot be beside data-parallel ranks",
        ),
        (
            (
                f"{SLOTS}={{slots: 8}}",
                f"{LARGE}.prefix_cache={{tiers: [{{kind: host, capacity: 10 GiB}}]}}",
            ),
            f"{SLOTS}: cannot be beside tiers under its prefix cache",
        ),
        (
            (
                "backends.api={kind: managed_api, model: gpt-4.1}",
                "workloads.chat.route=api",
            ),
            "workloads.chat.adapters: cannot be loaded by 'api', which is no pool of GPUs",
        ),
        (
            (f"{SLOTS}={{slots: 8}}", f"{LARGE}.scorers={{adapter: 1}}"),
            f"{LARGE}.scorers: has no meaning but for the router that goes by scorers",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    minimal: Path, overrides: tuple[str, ...], message: str
) -> None:
    assert any(found.startswith(message) for found in problems(minimal, NEEDED, *overrides))


def test_more_than_can_be_followed_are_refused(minimal: Path) -> None:
    found = problems(
        minimal,
        "workloads.chat.adapters={count: 10000}",
        f"{SLOTS}={{slots: 8}}",
        f"{LARGE}.replicas=1000",
        f"{LARGE}.engine.max_num_seqs=16",
    )
    assert any(f.startswith("workloads.chat.adapters.count: makes 10,000 adapters") for f in found)


def test_slots_that_nobody_needs_are_told(minimal: Path) -> None:
    scenario = load_scenario(minimal, [f"{SLOTS}={{slots: 8}}"])
    assert any(
        f"{SLOTS}.slots: 8 are more than the 0 adapters" in each for each in scenario.warnings
    )


def test_a_scorer_of_adapters_needs_adapters(minimal: Path) -> None:
    found = problems(minimal, f"{LARGE}.router=scored", f"{LARGE}.scorers={{adapter: 1}}")
    assert any("scorers.adapter: has no meaning where there are no adapters" in f for f in found)
