"""Figures of tiers under caches of prompts, and what their memory costs."""

import math
from dataclasses import replace

import numpy as np
import pytest
from bookings import design, gpus, horizon, nothing_happened, workload

from sim.engine.plane.found import Tiers
from sim.engine.simulation import Rental
from sim.model.cache import PrefixCache, Tier
from sim.model.price import GpuPrice
from sim.montecarlo.metrics import metrics
from sim.report.tier_text import beyond_links

GIB = 2**30
HOURS, MONTH_HOURS = 4.0, 730.5
RENTALS = (Rental(0, 0.0, 7_200.0),)  # a replica for the first two of four hours
HOST = Tier("host", 100 * GIB, 32e9, 1e6, usd_per_gib_month=3.0)  # of a byte a token
STORE = Tier("shared", 1_000 * GIB, 25e9, 1e9, usd_per_gib_month=0.5)


def made_up(*tiers, found=None):
    cache = PrefixCache(128, 1 << 20, True, tiers, bytes_per_token=1.0) if tiers else None
    pool = replace(gpus(GpuPrice(2.0), 1), prefix_cache=cache)
    what = design([workload("chat", "pool")], [pool], when=horizon(HOURS))
    return what, replace(nothing_happened(what, RENTALS), tiers=found)


def counts(tiers):
    """1,000 tokens looked for, 250 found above, one block of 128 read from each tier."""
    one = np.ones((1, tiers), np.int64)
    return Tiers(np.array([1000]), np.array([250]), one, 40 * one, 1 * one)


def test_shares_are_of_the_tokens_that_were_looked_for():
    what, outcome = made_up(HOST, STORE, found=counts(2))
    figures = metrics(outcome, what)
    for prefix in ("", "backends.pool."):
        assert figures[f"{prefix}gpu_hit_share"] == 0.25
        assert figures[f"{prefix}host_hit_share"] == figures[f"{prefix}shared_hit_share"] == 0.128
        assert figures[f"{prefix}host_read_bytes"] == 128
        assert figures[f"{prefix}host_written_bytes"] == 40 * 128
        assert figures[f"{prefix}host_loads"] == 1
    assert "nvme_hit_share" not in figures
    assert figures["backends.pool.shared_write_load"] == pytest.approx(40 * 128 / (1e9 * 14_400))


def test_without_tiers_there_are_no_figures_of_them():
    what, outcome = made_up()
    assert not [name for name in metrics(outcome, what) if "host" in name or "gpu_hit" in name]


def test_more_writes_than_a_link_carries_are_told():
    what, _ = made_up(HOST, STORE)
    loads = {"host": 1.5, "shared": 0.5}
    lines = [
        *beyond_links(what, lambda name: np.array([loads[name.split(".")[2].split("_")[0]]] * 3))
    ]
    assert lines == [
        "backends.pool.prefix_cache.tiers.0: writes to host memory would take 150 % of its link's "
        "time, and are taken to be there at once: it finds too much"
    ]


def test_memory_is_paid_for_replicas_while_they_are_rented_and_a_store_all_the_time():
    without = metrics(*made_up()[::-1])
    with_both = metrics(*made_up(HOST, STORE, found=counts(2))[::-1])
    more = 100 * 3.0 * 2.0 / MONTH_HOURS + 1_000 * 0.5 * HOURS / MONTH_HOURS
    for prefix in ("", "backends.pool.", "workloads.chat."):
        name = f"{prefix}cost_usd"
        assert with_both[name] - without[name] == pytest.approx(more), name
    uses = ("used", "headroom", "idle", "wasted")
    parts = math.fsum(with_both[f"cost_{use}_usd"] for use in uses)
    assert parts == pytest.approx(with_both["cost_usd"])
