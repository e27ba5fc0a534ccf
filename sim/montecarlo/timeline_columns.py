"""The timeline of one replication: what happened in each bin of the horizon.

Columns of a workload or a pool (``workloads.<name>.``, ``backends.<name>.``) are there where there
are several; those without a prefix are of all together. A share or ratio is NaN in a bin in which
there is nothing to take it of.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.engine.ledger import UNANSWERED
from sim.engine.simulation import Outcome
from sim.engine.state.record import E2E, LATENCIES, TPOT, TTFT
from sim.model.design import Design, GpuPool
from sim.montecarlo.early_warning import ended

FloatArray = npt.NDArray[np.float64]


def timeline(outcome: Outcome, design: Design) -> dict[str, FloatArray]:
    """Columns over the bins of the horizon: (bins,) by name."""
    columns = dict(_timeline_columns(outcome, design, "", slice(None), slice(None), -1))
    if len(design.workloads) > 1:
        for index, workload in enumerate(design.workloads):
            prefix = f"workloads.{workload.name}."
            columns |= dict(_traffic_columns(outcome, prefix, slice(index, index + 1), index))
    if len(design.pools) > 1:
        for index, pool in enumerate(design.pools):
            prefix = f"backends.{pool.name}."
            columns |= dict(_machine_columns(outcome, prefix, [pool], slice(index, index + 1)))
    return columns


def padded(columns: dict[str, FloatArray], bins: int) -> dict[str, FloatArray]:
    """The columns with NaN in the bins after the end of the world, up to ``bins`` of them.

    A horizon that ends with the last answer ends elsewhere in each world, and rows of all worlds
    are kept side by side.
    """
    return {
        name: np.append(column, np.full(bins - len(column), np.nan))
        for name, column in columns.items()
    }


def _timeline_columns(
    outcome: Outcome, design: Design, prefix: str, workloads: slice, pools: slice, row: int
) -> Iterator[tuple[str, FloatArray]]:
    yield from _traffic_columns(outcome, prefix, workloads, row)
    yield from _machine_columns(outcome, prefix, list(design.pools[pools]), pools)


def _traffic_columns(
    outcome: Outcome, prefix: str, workloads: slice, row: int
) -> Iterator[tuple[str, FloatArray]]:
    booked = outcome.ledger.workloads[workloads]
    width_s = np.diff(outcome.ledger.edges_s)
    total = {name: booked[name].sum(axis=0) for name in booked.dtype.names}
    yield f"{prefix}load_rps", total["requests"] / width_s
    for fate in ("completed", *UNANSWERED):
        yield f"{prefix}{fate}_rps", total[fate] / width_s
    yield f"{prefix}output_tokens_per_s", total["output_tokens"] / width_s
    sent = total["requests"] - total["response_hits"]
    yield f"{prefix}attempts_per_request", _shares(total["attempts"], sent)
    useful = total["prompt_tokens"] - total["cached_tokens"] + total["output_tokens"]
    worked = total["wasted_tokens"] + useful
    yield f"{prefix}wasted_work_share", _shares(total["wasted_tokens"], worked)
    yield f"{prefix}slo_attainment", _shares(total["slo_met"], ended(booked).sum(axis=0))
    for latency in (TTFT, TPOT, E2E):
        yield f"{prefix}{LATENCIES[latency]}_p95_s", outcome.ledger.p95_s[row, latency]


def _machine_columns(
    outcome: Outcome, prefix: str, pools: list[GpuPool], rows: slice
) -> Iterator[tuple[str, FloatArray]]:
    booked = outcome.ledger.pools[rows]
    width_s = np.diff(outcome.ledger.edges_s)
    ready_s, serving_s = booked["ready_s"].sum(axis=0), booked["serving_s"].sum(axis=0)
    blocks = np.zeros(len(booked))  # what joins pools has none of its own
    blocks[: len(pools)] = [pool.profile.replica_kv_blocks for pool in pools]
    capacity = (booked["serving_s"] * blocks[:, None]).sum(axis=0)
    yield f"{prefix}ready_replicas", ready_s / width_s
    starting_s = [log.starting_s(outcome.ledger.edges_s) for log in outcome.logs[rows]]
    yield f"{prefix}starting_replicas", np.sum(starting_s, axis=0) / width_s
    pending_s = [log.pending_s(outcome.ledger.edges_s) for log in outcome.logs[rows]]
    yield f"{prefix}pending_replicas", np.sum(pending_s, axis=0) / width_s
    yield f"{prefix}draining_replicas", np.maximum(serving_s - ready_s, 0.0) / width_s
    yield f"{prefix}queue", booked["waiting_s"].sum(axis=0) / width_s
    yield f"{prefix}running", booked["running_s"].sum(axis=0) / width_s
    yield f"{prefix}utilisation", _shares(booked["busy_s"].sum(axis=0), serving_s)
    yield f"{prefix}kv_utilisation", _shares(booked["blocks_s"].sum(axis=0), capacity)


def _shares(top: npt.NDArray[Any], bottom: npt.NDArray[Any]) -> FloatArray:
    shares: FloatArray = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return shares
