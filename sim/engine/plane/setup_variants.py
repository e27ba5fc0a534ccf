"""Variants in a fresh state of the data plane: pools that are joined, and what joins them."""

import math
from collections.abc import Sequence

from sim.engine.gateway.routing import BY_LOAD, LEAST_LOADED, ROUTERS, STICKY
from sim.engine.state.backend_record import VARIANT, VARIANTS
from sim.engine.state.record import NONE, Records
from sim.model.design import GpuPool
from sim.model.gateway import Gateway
from sim.model.variants import Variants


def fill_variants(
    rows: Records, providers: Records, joined: Variants, index: int, pools: Sequence[GpuPool]
) -> None:
    """Set what is constant of a backend of several pools, whose rows are filled, and of these."""
    names = [pool.name for pool in pools]
    each = [names.index(name) for name in joined.pools]
    row, provider = rows[index], providers[index]
    _fill_gateway(row, joined.gateway)
    row.max_queue, row.holds = joined.gateway.max_queue, joined.gateway.holds
    row.max_model_len = rows.max_model_len[each].min()
    row.prefix_block_tokens = rows.prefix_block_tokens[each].max()
    central = any(math.isfinite(pools[at].gateway.replica_limit) for at in each)
    router = ROUTERS[joined.router]
    row.router = LEAST_LOADED if central and router not in STICKY else router
    provider.kind, provider.first_variant = VARIANTS, each[0]
    following = [*each[1:], NONE]
    for at, after, weight in zip(each, following, joined.weights, strict=True):
        _fill_gateway(rows[at], joined.gateway)
        rows[at].router, rows[at].tracks_load = row.router, row.router in BY_LOAD
        own = providers[at]
        own.kind, own.variants, own.next_variant = VARIANT, index, after
        own.weight = weight / pools[at].profile.data_parallel_ranks


def _fill_gateway(row: Records, gateway: Gateway) -> None:
    row.retry_after_s, row.resends = gateway.retry_after_s, gateway.on_loss == "resend"
