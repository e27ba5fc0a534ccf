"""Figures of tiers under caches of prompts; there are none where there are no tiers.

Shares are of the tokens of prompts that were looked for: at each admission to a batch, once where a
prompt was read from a tier before. ``gpu_hit_share`` is what lay above the tiers,
``host_hit_share`` and the like what was read from each. What lay there and was computed all the
same, as that ended sooner, is in none.
"""

from collections import defaultdict

from sim.engine.simulation import Outcome
from sim.model.cache import PrefixCache, Tier
from sim.model.design import Design, GpuPool


def tiers(outcome: Outcome, design: Design) -> dict[str, float]:
    """All figures, of each pool that has tiers, and of all such pools together."""
    if outcome.tiers is None:
        return {}
    figures: dict[str, float] = {}
    sums: defaultdict[str, float] = defaultdict(float)
    for index, pool in enumerate(design.pools):
        if pool.prefix_cache is None or not pool.prefix_cache.tiers:
            continue
        tokens, amounts = _of_pool(outcome, pool, pool.prefix_cache, index)
        for name, value in (tokens | amounts).items():
            sums[name] += value
        own = _shares(tokens) | amounts
        own |= _loads(outcome, pool, pool.prefix_cache, index, amounts)
        figures |= {f"backends.{pool.name}.{name}": value for name, value in own.items()}
    tokens = {name: sums[name] for name in sums if name.endswith(TOKENS)}
    return figures | _shares(tokens) | {n: v for n, v in sums.items() if not n.endswith(TOKENS)}


TOKENS = "_tokens"


def _of_pool(
    outcome: Outcome, pool: GpuPool, cache: PrefixCache, index: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Tokens looked for and found, and amounts that were moved."""
    counts = outcome.tiers
    assert counts is not None
    tokens = {
        "asked_tokens": float(counts.looked_up[index]),
        "gpu_tokens": float(counts.found_above[index]),
    }
    amounts = {}
    for at, tier in enumerate(cache.tiers):
        read, written = float(counts.read[index, at]), float(counts.written[index, at])
        tokens[f"{tier.kind}_tokens"] = read * cache.block_tokens
        amounts[f"{tier.kind}_loads"] = float(counts.loads[index, at])
        amounts[f"{tier.kind}_read_bytes"] = read * cache.block_bytes
        amounts[f"{tier.kind}_written_bytes"] = written * cache.block_bytes
    return tokens, amounts


def _shares(tokens: dict[str, float]) -> dict[str, float]:
    asked = tokens["asked_tokens"]
    return {
        name.replace(TOKENS, "_hit_share"): count / asked if asked > 0 else float("nan")
        for name, count in tokens.items()
        if name != "asked_tokens"
    }


def _loads(
    outcome: Outcome, pool: GpuPool, cache: PrefixCache, index: int, amounts: dict[str, float]
) -> dict[str, float]:
    """How busy the links to write over would be: above 1 they could not carry what was written."""
    serving_s = float(outcome.ledger.pools[index]["serving_s"].sum())
    serving_s *= pool.profile.data_parallel_ranks
    loads = {}
    for tier in cache.tiers:
        there_s = _time_s(tier, serving_s, outcome.end_s)
        able = tier.write_bytes_per_s * there_s
        written = amounts[f"{tier.kind}_written_bytes"]
        loads[f"{tier.kind}_write_load"] = written / able if able > 0 else float("nan")
    return loads


def _time_s(tier: Tier, serving_s: float, horizon_s: float) -> float:
    """Seconds that its link was there, of all replicas together."""
    return horizon_s if tier.is_shared else serving_s
