"""A benchmark, simulated as it was run.

The engine of the simulator is driven as the measured one was (:mod:`sim.studies.calibration.script`
says how). It ends with the last answer, or is cut off when the measured run was. What comes out has
the form of what was measured, so that one rule makes figures of both.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.engine.plane.feed import Feed
from sim.engine.plane.loops import Wanted
from sim.engine.plane.plane import DataPlane
from sim.engine.state.record import Records
from sim.engine.state.status import COMPLETED, NEED_SEQUELS, REACHED, REJECTED, TIMED_OUT
from sim.model.design import GpuPool
from sim.model.gateway import Gateway
from sim.model.measured import Ended, RequestLog
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.workload import Loop, Slo
from sim.studies.calibration.script import Script

IntArray = npt.NDArray[np.int64]

FREE = GpuPrice(0.0)


def replay(profile: ServiceProfile, script: Script) -> RequestLog:
    """Requests of a run as a profile predicts them, in the order of sending."""
    return replays([(profile, script)])[0]


def replays(pairs: Sequence[tuple[ServiceProfile, Script]]) -> list[RequestLog]:
    """Requests of several runs, each under a profile, in the order of sending.

    All are simulated on one clock, each on an engine of its own that nothing else touches, since to
    set up a simulation takes longer than to run a short benchmark.
    """
    scripts = [each for _, each in pairs]
    pools = [_pool(str(at), *pair) for at, pair in enumerate(pairs)]
    plane = DataPlane(
        pools,
        list(range(len(pools))),
        [Slo()] * len(pools),
        record=True,
        carry=[0.0] * len(pools),
        prefix_hit_rate=[each.hit_rate for each in scripts],
        closed=[each.rules for each in scripts],
    )
    _feed(plane, scripts)
    _play(plane, scripts)
    rows = _sent(plane.requests())
    order = np.argsort(rows.workload, kind="stable")
    edges = np.searchsorted(rows.workload[order], np.arange(1, len(pools)))
    columns = _columns(rows[order])
    parts = zip(*(np.split(column, edges) for column in columns), strict=True)
    return [RequestLog(*part) for part in parts]


def _pool(name: str, profile: ServiceProfile, script: Script) -> GpuPool:
    """The engine of a run; a client that holds requests back is a gateway that does."""
    replicas = script.run.setup.replicas
    gateway = Gateway(replica_limit=script.most_in_flight)
    if math.isfinite(script.most_in_flight):
        gateway = Gateway(replica_limit=math.ceil(script.most_in_flight / replicas))
    return GpuPool(name, fitting(profile, script), replicas, "least_loaded", FREE, gateway)


def _feed(plane: DataPlane, scripts: Sequence[Script]) -> None:
    """All that comes by itself, on one clock."""
    arrival_s = np.concatenate([each.arrival_s for each in scripts])
    sizes = [len(each.arrival_s) for each in scripts]
    order = np.argsort(arrival_s, kind="stable")
    which = np.repeat(np.arange(len(scripts), dtype=np.int32), sizes)
    pairs = list(zip(scripts, sizes, strict=True))
    prompt, output = (
        np.concatenate([getattr(each, name)[:size] for each, size in pairs])
        for name in ("prompt_tokens", "output_tokens")
    )
    loop = _users(pairs, order)
    plane.feed(arrival_s[order], prompt[order], output[order], which[order], loop=loop)
    plane.close_feed()


def _users(pairs: Sequence[tuple[Script, int]], order: IntArray) -> Loop | None:
    """Who sends each of so many requests of scripts: users of closed loops, or nobody."""
    if all(each.rules is None for each, _ in pairs):
        return None
    user = [np.arange(n) if each.rules is not None else np.full(n, -1) for each, n in pairs]
    then_s = [np.full(n, each.think_s) for each, n in pairs]
    return Loop(np.concatenate(user)[order], np.concatenate(then_s)[order])


def _play(plane: DataPlane, scripts: Sequence[Script]) -> None:
    """Every engine to the end of its run, where it is taken away with what it was at."""
    end_s = np.array([each.end_s for each in scripts])
    listed = False
    for at_s in np.unique(end_s):
        while (signal := plane.advance(float(at_s))) != REACHED:
            if signal == NEED_SEQUELS:
                _lengthen(plane, scripts, plane.wanted, every=not listed)
                listed = True
        for replica, pool in enumerate(plane.pool_of):
            if end_s[pool] == at_s:
                plane.kill(replica)


def _lengthen(plane: DataPlane, scripts: Sequence[Script], wanted: Wanted, every: bool) -> None:
    """The list that users share, from where it was left on, then again; or that of every loop.

    To lengthen one takes as long as to lengthen all, so all are given theirs when the first is
    wanted. Lists stand in the order of their workloads.
    """
    loops = [at for at, each in enumerate(scripts) if each.rules is not None]
    first = int(wanted.row[0]) - loops.index(wanted.workload)
    chosen = loops if every else [wanted.workload]
    begun = [0 if every else int(wanted.number[0])] * len(chosen)
    rests = [scripts[at].rest(number) for at, number in zip(chosen, begun, strict=True)]
    sizes = [len(rest) for rest in rests]
    which = np.repeat(np.array(chosen), sizes)
    parts = list(zip(chosen, rests, strict=True))
    prompt, output = (
        np.concatenate([getattr(scripts[at], name)[rest] for at, rest in parts])
        for name in ("prompt_tokens", "output_tokens")
    )
    think_s = np.repeat([scripts[at].think_s for at in chosen], sizes)
    users = Loop(np.full(len(which), -1), think_s)
    rows = first + np.searchsorted(loops, which)
    feed = Feed(np.zeros(len(which)), prompt, output, which.astype(np.int32), loop=users)
    plane.lengthen(rows, feed)


def _sent(rows: Records) -> Records:
    """Without requests that the client still held back at the end."""
    was_held = np.isnan(rows.dispatched_s) & ~np.isin(rows.status, (REJECTED, TIMED_OUT))
    return rows[~was_held]


def _columns(rows: Records) -> tuple[npt.NDArray[Any], ...]:
    """The columns of a RequestLog, in its order; a request is sent when it is held back no more."""
    status = np.asarray(rows.status)
    sent_s = np.where(np.isnan(rows.dispatched_s), rows.arrival_s, rows.dispatched_s)
    done = status == COMPLETED
    refused = (status == REJECTED) | (status == TIMED_OUT)
    ended = np.where(done, Ended.COMPLETED, np.where(refused, Ended.FAILED, Ended.CUT))
    return (
        sent_s,
        np.asarray(rows.first_token_s) - sent_s,
        np.where(done, np.asarray(rows.finish_s) - sent_s, np.nan),
        np.asarray(rows.prompt_tokens).astype(np.int64),
        np.asarray(rows.output_tokens).astype(np.int64),
        np.asarray(rows.cached_tokens).astype(np.float64),
        np.full(len(rows), np.nan),
        ended.astype(np.int64),
    )


def fitting(profile: ServiceProfile, script: Script) -> ServiceProfile:
    """The profile with the limits that the engine of this run was set to, where it says so."""
    setup, changes = script.run.setup, {}
    for name in ("kv_capacity_tokens", "max_num_seqs", "max_num_batched_tokens"):
        value = getattr(setup, name)
        if value is not None and value != getattr(profile, name):
            changes[name] = value
    profile = replace(profile, **changes) if changes else profile
    longest = min(max(profile.max_model_len, script.longest), profile.longest_held)
    return profile if longest == profile.max_model_len else replace(profile, max_model_len=longest)
