"""Replicas whose ranks wait for each other: they can do what their capacity is, and not more."""

from dataclasses import replace

import pytest
from test_money_capacity import LLAMA, LOADS, figures


@pytest.mark.parametrize("load", ["chat", "long prompts", "prompts first", "few places"])
@pytest.mark.parametrize("ranks", [2, 8])
def test_ranks_keep_up_below_their_capacity_and_not_beyond(ranks: int, load: str) -> None:
    """Eight tenths of it are done at once; of 1.3 times as much the queue grows without end."""
    many = replace(LLAMA, **LOADS[load][0], data_parallel_ranks=ranks)
    most_per_s = 1.0 / figures(many, load, 1.0)["offered_load"]
    below, beyond = (figures(many, load, share * most_per_s) for share in (0.8, 1.3))
    assert below["queue_wait_mean_s"] < 2.0
    assert below["cost_used_share"] == pytest.approx(0.8, abs=0.05)
    assert beyond["queue_wait_mean_s"] > 40.0
    assert beyond["cost_used_share"] >= 0.86
    lone_per_s = 1.0 / figures(replace(many, data_parallel_ranks=1), load, 1.0)["offered_load"]
    assert 1.0 < most_per_s / lone_per_s <= ranks


def test_eight_ranks_lose_a_third_and_more_with_long_prompts() -> None:
    """Of four thousand tokens, in one step each."""
    one, eight = (
        1.0 / figures(replace(LLAMA, data_parallel_ranks=ranks), "chat", 1.0)["offered_load"]
        for ranks in (1, 8)
    )
    assert eight < 8 * one * 2 / 3
