"""Tiers under caches of prompts: what their keys compile to, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
from scenario_documents import MINIMAL, SERVICE, written
from test_scenario_tasks import LARGE, design_of, problems

from sim.catalog import model, profile
from sim.catalog.profile_file import profile_yaml
from sim.model.cache import PrefixCache, Tier
from sim.scenario import load_scenario
from sim.scenario.backend.tiers import bytes_per_token

CACHE = f"{LARGE}.prefix_cache"
TIERS = f"{CACHE}.tiers"
KV_TOKENS = profile(SERVICE).kv_capacity_tokens
TOKEN_BYTES = model(profile(SERVICE).model).kv_bytes_per_token // 2  # its cache is in 8 bits
GIB = 2**30


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    return written(tmp_path, MINIMAL)


def cache_of(path: Path, *overrides: str) -> PrefixCache:
    cache = design_of(path, *overrides).pools[0].prefix_cache
    assert cache is not None
    return cache


def test_bytes_become_tokens_of_the_model(minimal: Path) -> None:
    cache = cache_of(minimal, f"{TIERS}=[{{kind: host, capacity: 100 GiB}}]")
    assert cache.bytes_per_token == TOKEN_BYTES
    (host,) = cache.tiers
    assert host.capacity_tokens == int(100 * GIB / TOKEN_BYTES)
    assert (cache.capacity_tokens, cache.shares) == (KV_TOKENS, True)
    assert (cache.load, cache.router_sees_tiers) == ("faster", True)


def test_defaults_of_each_kind(minimal: Path) -> None:
    """32 GB/s for each GPU of a replica, of a host; 7 and 5 GB/s and 80 us of a drive."""
    kinds = "{kind: host, capacity_tokens: 1M}", "{kind: nvme, capacity_tokens: 2M}"
    store = "{kind: shared, capacity_tokens: 3M, read: 25 GB/s}"
    gpus = profile(SERVICE).gpus_per_replica
    assert cache_of(minimal, f"{TIERS}=[{', '.join((*kinds, store))}]").tiers == (
        Tier("host", 1_000_000, 32e9 * gpus, 32e9 * gpus),
        Tier("nvme", 2_000_000, 7e9, 5e9, 80e-6),
        Tier("shared", 3_000_000, 25e9, 25e9),
    )


def test_all_keys(minimal: Path) -> None:
    given = (
        "{kind: host, capacity_tokens: 1M, read: 10 GB/s, write: 5 GB/s, latency: 1ms,"
        " policy: lru, usd_per_gib_month: 2 USD}"
    )
    overrides = (
        f"{TIERS}=[{given}]",
        f"{CACHE}.load=always",
        f"{CACHE}.router_sees_tiers=false",
        f"{CACHE}.kv_bytes_per_token=100000",
        f"{CACHE}.block_tokens=64",
    )
    tier = Tier("host", 1_000_000, 10e9, 5e9, 1e-3, writes_through=False, usd_per_gib_month=2.0)
    assert cache_of(minimal, *overrides) == PrefixCache(
        64, KV_TOKENS, True, (tier,), 1e5, "always", router_sees_tiers=False
    )


def test_a_resolved_scenario_is_the_same_again(minimal: Path, tmp_path: Path) -> None:
    override = f"{TIERS}=[{{kind: host, capacity: 10 GiB}}, {{kind: nvme, capacity: 1 TB}}]"
    again = tmp_path / "again.yaml"
    again.write_text(load_scenario(minimal, [override]).to_yaml())
    assert cache_of(again) == cache_of(minimal, override)


def test_a_capacity_may_be_uncertain(minimal: Path) -> None:
    override = f"{TIERS}=[{{kind: host, capacity: {{uniform: {{low: 10 GiB, high: 30 GiB}}}}}}]"
    scenario = load_scenario(minimal, [override])
    assert f"{TIERS}.0.capacity" in [one.path for one in scenario.inputs]
    assert cache_of(minimal, override).tiers[0].capacity_tokens == int(20 * GIB / TOKEN_BYTES)


ONE_HOST = "{kind: host, capacity: 10 GiB}"


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        ([f"{TIERS}=[]"], f"{TIERS}: is empty, must have at least one entry"),
        (
            [f"{TIERS}=[{{kind: tape, capacity: 1 TB}}]"],
            f"{TIERS}.0.kind: 'tape' must be one of host, nvme, shared",
        ),
        (
            [f"{TIERS}=[{{kind: host}}]"],
            f"{TIERS}.0: must have one of capacity and capacity_tokens (such as capacity: 100 GiB)",
        ),
        (
            [f"{TIERS}=[{{kind: host, capacity: 1 GiB, capacity_tokens: 1M}}]"],
            f"{TIERS}.0: must have one of capacity and capacity_tokens (such as capacity: 100 GiB)",
        ),
        (
            [f"{TIERS}=[{{kind: nvme, capacity: 1 TB}}, {ONE_HOST}]"],
            f"{TIERS}: nvme, host must be of different kinds, in the order host, nvme, shared",
        ),
        (
            [f"{TIERS}=[{ONE_HOST}, {ONE_HOST}]"],
            f"{TIERS}: host, host must be of different kinds, in the order host, nvme, shared",
        ),
        (
            [f"{TIERS}=[{{kind: shared, capacity: 1 TB}}]"],
            f"{TIERS}.0.read: is missing: nobody else knows the network of a shared store "
            "(add it, such as read: 25 GB/s)",
        ),
        (
            [f"{TIERS}=[{{kind: shared, capacity: 1 TB, read: 1 GB/s, policy: lru}}]"],
            f"{TIERS}.0.policy: lru must be write_through for a shared store, which all replicas "
            "write to",
        ),
        (
            [f"{TIERS}=[{{kind: host, capacity: 1 MB}}]"],
            f"{TIERS}.0.capacity: 1000000 holds {1e6 / TOKEN_BYTES:,.0f} tokens, less than a block "
            "of 128",
        ),
        (
            [f"{TIERS}=[{{kind: nvme, capacity_tokens: 1B}}]"],
            f"{TIERS}.0.capacity_tokens: makes 7,812,500 blocks of 128 tokens, more than 4,000,000 "
            "(give larger blocks, such as prefix_cache.block_tokens: 256)",
        ),
        (
            [f"{TIERS}=[{{kind: host, capacity: 10 TB}}]"],
            f"{TIERS}.0.capacity: takes 9,313 GiB for a replica, more than its GPUs' share of the "
            f"largest hosts ({512 * profile(SERVICE).gpus_per_replica:,} GiB) (give host_memory if "
            "yours has more)",
        ),
        (
            [f"{TIERS}=[{ONE_HOST}]", f"{CACHE}.host_memory=8 GiB"],
            f"{TIERS}.0.capacity: takes 10 GiB for a replica, more than host_memory (8 GiB) (make "
            "it smaller)",
        ),
        (
            [f"{TIERS}=[{ONE_HOST}]", f"{CACHE}.host_memory=18 GiB",
             f"{LARGE}.node_gpus={2 * profile(SERVICE).gpus_per_replica}"],
            f"{TIERS}.0.capacity: takes 20 GiB for the 2 replicas of a host, more than host_memory "
            "(18 GiB) (make it smaller)",
        ),
        (
            [f"{CACHE}={{load: always}}"],
            f"{CACHE}.load: has no meaning without tiers (add tiers: [{{kind: host, …}}])",
        ),
        (
            [f"{TIERS}=[{ONE_HOST}]", f"{CACHE}.load=never"],
            f"{CACHE}.load: 'never' must be one of faster, always",
        ),
        (
            [f"{TIERS}=[{{kind: host, capacity: 10 GiB, latency: 3}}, 5]"],
            f"{TIERS}.1: 5 must be a mapping (keys: kind, capacity, capacity_tokens, read, write, "
            "latency, policy, usd_per_gib_month)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_one_line(
    minimal: Path, overrides: list[str], found: str
) -> None:
    assert problems(minimal, *overrides) == [found]


def test_a_model_that_nobody_knows_needs_its_bytes(minimal: Path) -> None:
    """A profile of one's own, of a model that is not in the catalogue."""
    own = minimal.parent / "own.yaml"
    own.write_text(profile_yaml(replace(profile(SERVICE), model="of-nobody")))
    overrides = [f"{LARGE}.service={own}", f"{TIERS}=[{ONE_HOST}]"]
    (found,) = problems(minimal, *overrides)
    assert found.startswith(f"{CACHE}.kv_bytes_per_token: is missing: 'of-nobody' is no model of")
    told = cache_of(minimal, *overrides, f"{CACHE}.kv_bytes_per_token=131072")
    assert told.bytes_per_token == 131_072


def test_of_layers_with_windows_the_last_tokens_alone_are_kept():
    """gpt-oss-120b: half of 36 layers look back 128 tokens, so a token more takes half."""
    name = "gpt-oss-120b/h200-sxm/tp1/fp4/vllm"
    whole = 2 * 36 * 8 * 64 * 2
    assert bytes_per_token(profile(name)) == whole / 2
    assert model("gpt-oss-120b").kv_bytes_per_token == whole
