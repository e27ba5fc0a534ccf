"""Prompts that one pool computes for another: the keys, and the handoff that they make."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, get_args

from sim.model import handoff as model
from sim.model.profile import ServiceProfile
from sim.scenario.backend.tiers import bytes_per_token
from sim.scenario.values.fields import number, one_of
from sim.scenario.values.numbers import (
    BANDWIDTH_REMEDY,
    LEAST_BYTES_PER_S,
    Number,
    known,
)
from sim.scenario.values.part import Model, Text
from sim.scenario.values.problems import Findings, Path

LATENCY_S: Final = 0.005  # the second request of a proxy, and the first bytes: an assumption


class Handoff(Model):
    """What a pool does with prompts that it has computed for another one, which answers them."""

    to: Text
    """The pool that makes the answers. Its replicas fetch what a prompt has left in the KV cache,
    and keep blocks for it meanwhile, as this pool does until it is there."""
    bandwidth: Annotated[
        Number, number("bandwidth", least=LEAST_BYTES_PER_S, most=1e15, remedy=BANDWIDTH_REMEDY)
    ]
    """Bytes a second of a link, which all that is sent over it at a time share alike, such as
    50 GB/s (an NDR InfiniBand port of 400 Gbit/s)."""
    latency: Annotated[Number, number("duration", least=0, most=60)] = LATENCY_S
    """From the last byte that is sent until all is there; default 5ms."""
    per: Annotated[model.LinkPer, one_of(*get_args(model.LinkPer))] = "destination"
    """Who has a link of its own: each replica that fetches, each one that is fetched from (source),
    or all together have one."""
    local_below: Annotated[Number, number("count", least=0, most=1e9, integer=True)] = 0
    """Tokens: shorter prompts go to the other pool at once, and are computed there; default 0, none
    does."""
    kv_bytes_per_token: Annotated[Number, number("size", above=0, most=1e12)] | None = None
    """Bytes of a token in the KV cache; by default what the catalogue knows of the model, in the
    precision of the cache: what a token more of a long prompt takes, layers with windows left
    out."""


def references(backends: Any) -> Iterator[tuple[Path, Any]]:
    """Names of pools that others hand prompts to, each with its path."""
    for name, backend in backends.items() if isinstance(backends, dict) else ():
        handoff = backend.get("handoff") if isinstance(backend, dict) else None
        if isinstance(handoff, dict) and "to" in handoff:
            yield ("backends", name, "handoff", "to"), handoff["to"]


def check_rules(backends: Any, findings: Findings) -> None:
    """Note prompts that are handed in a circle, or on and on."""
    targets = {path[1]: to for path, to in references(backends)}
    for path, to in references(backends):
        if to == path[1]:
            message = "is the pool itself, which answers its prompts anyway"
            findings.add(path, message, "name another pool, or remove handoff")
        elif isinstance(to, str) and to in targets:
            message = f"'{to}' hands its prompts on itself, and makes no answers"
            findings.add(path, message, f"name a pool without handoff, or remove that of '{to}'")


def resolved(backends: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The backends, with the bytes of a token where the document leaves them to the catalogue."""
    done = dict(backends)
    for name, pool in backends.items():
        handoff = getattr(pool, "handoff", None)
        if handoff is None:
            continue
        mine, other = pool.service.profile, backends[handoff.to].service.profile
        path: Path = ("backends", name, "handoff")
        _check_alike(mine, other, handoff, path, findings)
        _check_planner(name, pool, findings)
        _check_drafts(name, pool, findings)
        if handoff.kv_bytes_per_token is None:
            size = bytes_per_token(mine)
            if size is None:
                message = f"has no default, as the catalogue has no model '{mine.model}'"
                remedy = "give the bytes of a token in its KV cache, such as 0.16 MB"
                findings.add((*path, "kv_bytes_per_token"), message, remedy)
                continue
            handoff = handoff.model_copy(update={"kv_bytes_per_token": size})
            done[name] = pool.model_copy(update={"handoff": handoff})
    return done


def _check_planner(name: str, pool: Any, findings: Findings) -> None:
    """A pool that makes no answers has no time between tokens to be planned by."""
    scaler = pool.autoscaler
    if scaler is not None and scaler.target_itl is not None and scaler.target_ttft is None:
        path: Path = ("backends", name, "autoscaler", "target_itl")
        message = "has no meaning here, as the pool hands its prompts on and makes no answers"
        findings.add(path, message, "give target_ttft, such as target_ttft: 500ms")


def _check_drafts(name: str, pool: Any, findings: Findings) -> None:
    """A pool that makes no answers has nothing to draft."""
    speculation = pool.speculative_decoding
    if speculation is None or getattr(speculation, "gains", None) == (1.0,):
        return
    message = "has no meaning here, as the pool hands its prompts on and makes no answers"
    remedy = f"give it to '{pool.handoff.to}', which makes them"
    findings.add(("backends", name, "speculative_decoding"), message, remedy)


def _check_alike(
    mine: ServiceProfile, other: ServiceProfile, handoff: Handoff, path: Path, findings: Findings
) -> None:
    """Note caches of which one cannot be read into the other."""
    sizes = [bytes_per_token(each) for each in (mine, other)]
    if None not in sizes and sizes[0] != sizes[1]:
        message = (
            f"'{handoff.to}' keeps {sizes[1]:,.0f} bytes of a token ({other.model}, "
            f"{other.kv_cache_dtype}) and this pool {sizes[0]:,.0f} ({mine.model}, "
            f"{mine.kv_cache_dtype}), which it cannot read"
        )
        findings.add((*path, "to"), message, "give both one model, and one kv_cache_dtype")


def compiled(handoff: Handoff | None, draws: Mapping[str, float]) -> model.Handoff | None:
    """The handoff of a pool in a world."""
    if handoff is None:
        return None
    assert handoff.kv_bytes_per_token is not None
    return model.Handoff(
        handoff.to,
        known(handoff.bandwidth, draws),
        known(handoff.kv_bytes_per_token, draws),
        known(handoff.latency, draws),
        handoff.per,
        int(known(handoff.local_below, draws)),
    )
