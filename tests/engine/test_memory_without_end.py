"""A KV cache that is never full is as good as one with more blocks than there are numbers for."""

import numpy as np
import pytest
from fleets import pool, profile

from sim.engine.plane.plane import DataPlane
from sim.engine.plane.setup import MOST_BLOCKS
from sim.model.workload import Slo


def answered(capacity_tokens, admission="prompt"):
    """When requests end, of which many are in the batch at once."""
    engine = profile(kv_capacity_tokens=capacity_tokens, max_num_seqs=64, admission=admission)
    plane = DataPlane([pool(engine)], [0], [Slo()], record=True)
    rng = np.random.default_rng(5)
    n = 400
    plane.feed(
        np.cumsum(rng.exponential(3.0, n)),
        rng.integers(1, 5000, n).astype(np.int32),
        rng.integers(1, 300, n).astype(np.int32),
        np.zeros(n, np.int32),
    )
    plane.close_feed()
    plane.advance(1e6)
    return plane.requests().finish_s


@pytest.mark.parametrize("admission", ["prompt", "whole", "watermark"])
@pytest.mark.parametrize("blocks", [MOST_BLOCKS, MOST_BLOCKS + 1, 2**32, 2**46])
def test_blocks_beyond_all_memory_are_as_good_as_plenty(blocks, admission):
    np.testing.assert_array_equal(answered(16 * blocks, admission), answered(1 << 24, admission))
