"""Rules that tie several keys of a document together.

They look at the plain data, whatever its values are worth, so that a document with wrong values
hears of these as well.
"""

import re
from collections.abc import Iterator
from typing import Any

from sim.catalog.logs.columns import NEEDED
from sim.scenario import references, variant_rules
from sim.scenario.backend import (
    cluster,
    fallback,
    gpu_price,
    handoff,
    scheduling,
    scorers,
    token_price,
    zones,
)
from sim.scenario.backend.backends import kind_of
from sim.scenario.regional import rules as regional
from sim.scenario.schema import Arrivals
from sim.scenario.values.problems import Findings, Path, nearest
from sim.scenario.values.units import shown
from sim.scenario.workload import after, names_in_routes

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
RATES = (
    "requests_per_day",
    "requests_per_second",
    "users",
    "counts",
    "usd_per_month",
    "trace",
    "after",
)
ARRIVALS = Arrivals.model_fields.keys()
PER_USER = ("requests_per_user_per_day", "think_time")
OF_CLOSED = ("ramp", "requests", "pause")
NOT_BESIDE_CLOSED = ("shape", "growth_per_year", "dispersion", "burstiness", "events")
NOT_OF_CLOSED = ("context_creep_per_year", "follow_ups")
LENGTHS = ("prompt_tokens", "output_tokens")
NOT_BESIDE_TRACE = ("shape", "growth_per_year", "dispersion", "burstiness")
WAITS = ("timeout", "first_token_timeout", "patience", "hedge")
OF_RUNNING = ("yields_after", "deadline_guard")
NOT_OF_REPLAYED = (
    *LENGTHS,
    "token_correlation",
    "context_creep_per_year",
    "prompt_compression",
    "follow_ups",
)


def check_rules(data: dict[str, Any], findings: Findings) -> None:
    """Note every rule that the document breaks."""
    named = _names(data, findings)
    _horizon(data, findings)
    backends = _mapping(data, "backends")
    targets = variant_rules.targets(backends, data.get("variants"))
    for path, workload in _entries(data, "workloads"):
        _rate(path, workload, findings)
        after.check(path, workload, _mapping(data, "workloads"), RATES, findings)
        _lengths(path, workload, findings)
        names_in_routes.check(path, workload, targets, findings)
        _client(path, workload, findings)
        _deadline(path, workload, findings)
        _value(path, workload, findings)
    kinds = {name: kind_of(each) for name, each in backends.items()}
    pools = {name: each for name, each in backends.items() if kinds[name] == "gpu_pool"}
    if named:
        references.check(data, list(_entries(data, "workloads")), kinds, findings)
    zones.check(data, pools, findings)
    cluster.check_rules(data, pools, findings)
    handoff.check_rules(data.get("backends"), findings)
    variant_rules.check_rules(data, findings)
    regional.check(data, list(_entries(data, "workloads")), backends, findings)
    has_batch = any(each.get("deadline") is not None for _, each in _entries(data, "workloads"))
    for path, backend in _entries(data, "backends"):
        _price(path, backend, findings)
        fallback.check(path, backend, findings)
        _gateway(path, backend, has_batch, findings)
        _router(path, backend, findings)
        scorers.check(path, backend, findings)
        scheduling.check(path, backend, findings)
    scheduling.check_rules(data, _entries(data, "workloads"), findings)


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _entries(data: dict[str, Any], key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Path and data of each workload or backend that is a mapping."""
    for name, entry in _mapping(data, key).items():
        if isinstance(entry, dict):
            yield (key, name), entry


def _names(data: dict[str, Any], findings: Findings) -> bool:
    """Note names that cannot be any; whether all can be."""
    good = True
    for key in ("workloads", "backends", "budgets", "variants", "regions"):
        for name in _mapping(data, key):
            if not NAME.fullmatch(name):
                message = (
                    f"name {shown(name)} must be a letter from a to z, then such letters, digits,"
                    " - or _"
                )
                findings.add((key, name), message, "at most 64 characters")
                good = False
    return good


def _horizon(data: dict[str, Any], findings: Findings) -> None:
    horizon = data.get("horizon", {})
    if not isinstance(horizon, dict):
        return
    if "days" in horizon and "duration" in horizon:
        findings.add(
            ("horizon", "duration"), "goes beside days, must be the only one", "remove one"
        )
    arrivals = [_mapping(workload, "arrivals") for _, workload in _entries(data, "workloads")]
    played_once = any(
        isinstance(trace := each.get("trace"), dict) and trace.get("mode", "once") == "once"
        for each in arrivals
    )
    if not horizon.keys() & {"days", "duration"} and not played_once:
        remedy = "add days, such as days: 1"
        if any("think_time" in each and "requests" in each for each in arrivals):
            remedy = "add duration, the longest that the requests may take, such as duration: 1h"
        findings.add(("horizon",), "has no length", remedy)


def _rate(path: Path, workload: dict[str, Any], findings: Findings) -> None:
    arrivals = workload.get("arrivals")
    if not isinstance(arrivals, dict):
        return
    path = (*path, "arrivals")
    given = [key for key in RATES if key in arrivals]
    misspelt = [key for key in arrivals.keys() - ARRIVALS if nearest(key, RATES)]
    if not given and not misspelt and not arrivals.keys() & set(PER_USER):
        findings.add(path, "has no rate", "add requests_per_day, such as requests_per_day: 100k")
    for key in given[1:]:
        findings.add((*path, key), f"goes beside {given[0]}, must be the only one", "remove one")
    _users(path, arrivals, findings)
    for key in ("billed_by", "bill_shares"):
        if key in arrivals and "usd_per_month" not in arrivals:
            findings.add((*path, key), "has no usd_per_month beside it", "add usd_per_month")
    for key in ("prefix_cache", "follow_ups"):
        if key in workload and "bill_shares" in arrivals:
            message = "cannot be beside bill_shares, which tell how long prompts are and how cached"
            findings.add((*path[:-1], key), message, "remove one")
    if "counts" in arrivals and arrivals.get("shape") is not None:
        findings.add((*path, "shape"), "has no meaning beside counts, which have one", "remove it")
    if "trace" in arrivals:
        for key in NOT_BESIDE_TRACE:
            if key in arrivals:
                findings.add((*path, key), "has no meaning beside a trace", "remove it")
        _trace_columns((*path, "trace"), arrivals["trace"], findings)


def _users(path: Path, arrivals: dict[str, Any], findings: Findings) -> None:
    """Note users of whom nothing tells when they ask, and what cannot be meant of a closed loop."""
    told = [key for key in PER_USER if key in arrivals]
    if "users" in arrivals and not told:
        message = f"has no {PER_USER[0]} beside it, nor {PER_USER[1]}"
        findings.add((*path, "users"), message, f"add one, such as {PER_USER[1]}: 30s")
    for key in told:
        if "users" not in arrivals:
            findings.add((*path, key), "has no users beside it", "add users")
    if len(told) > 1:
        message = f"goes beside {told[0]}, must be the only one"
        findings.add((*path, told[1]), message, "remove one")
    is_closed = "think_time" in arrivals
    for key in NOT_BESIDE_CLOSED if is_closed else OF_CLOSED:
        if key in arrivals and is_closed:
            message = "has no meaning for users who wait for answers (think_time)"
            remedy = f"remove it, or give {PER_USER[0]} in place of think_time"
            findings.add((*path, key), message, remedy)
        elif key in arrivals:
            message = "has no meaning for requests that wait for no answer"
            findings.add((*path, key), message, "add users and think_time, or remove it")


def _trace_columns(path: Path, trace: Any, findings: Findings) -> None:
    if not isinstance(trace, dict):
        return
    by_columns = trace.get("format", "auto") == "columns"
    if by_columns and "columns" not in trace:
        findings.add(path, "has no columns for its format", "name them with columns: {...}")
    columns = _mapping(trace, "columns")
    missing = [key for key in NEEDED if key not in columns]
    for key in missing if by_columns and columns else ():
        findings.add((*path, "columns", key), "is missing", f"such as {key}: its column")
    for key, other, such in (
        ("block_tokens", "blocks", "such as blocks: hash_ids"),
        ("delay", "session", "such as session: conversation_id"),
    ):
        if key in columns and other not in columns and not missing:
            findings.add(
                (*path, "columns", key), f"has no {other} beside it", f"add {other}, {such}"
            )


def _lengths(path: Path, workload: dict[str, Any], findings: Findings) -> None:
    replayed = "trace" in _mapping(workload, "arrivals")
    for key in NOT_OF_REPLAYED if replayed else ():
        if key in workload:
            findings.add((*path, key), "has no meaning for a replayed trace", "remove it")
    if "think_time" in _mapping(workload, "arrivals"):
        for key in NOT_OF_CLOSED:
            if key in workload:
                message = "cannot be beside a think_time, after which a user asks again"
                findings.add((*path, key), message, "remove it")
    for key in () if replayed else LENGTHS:
        if key not in workload:
            findings.add(
                (*path, key),
                "is missing",
                f"such as {key}: {{lognormal: {{mean: 1000, p95: 2600}}}}",
            )


def _value(path: Path, workload: dict[str, Any], findings: Findings) -> None:
    """Note revenue by the user where there are no users."""
    key, users = "value_per_user_month", workload.get("active_users")
    if workload.get(key) in (None, 0):
        return
    if users == 0:
        findings.add((*path, "active_users"), f"0 must be above 0 beside {key}", "or remove that")
    elif "active_users" not in workload and "users" not in _mapping(workload, "arrivals"):
        remedy = "add active_users, such as active_users: 5000"
        findings.add((*path, key), "has no users who would pay it", remedy)


def _price(path: Path, backend: dict[str, Any], findings: Findings) -> None:
    """Note prices that contradict themselves, by the kind of the backend."""
    price = backend.get("price")
    match kind_of(backend):
        case "gpu_pool" if "price" in backend:
            gpu_price.check(path, price, findings)
        case "managed_api":
            if "model" not in backend and "price" not in backend:
                message = "has neither model nor price"
                findings.add(path, message, "add model, such as model: gpt-4o-mini")
            elif isinstance(price, dict):
                token_price.check(path, price, "model" in backend, findings)


def _client(path: Path, workload: dict[str, Any], findings: Findings) -> None:
    client = _mapping(workload, "client")
    if "on_timeout" in client and not client.keys() & set(WAITS):
        message = "has no meaning for a client that waits for ever"
        findings.add((*path, "client", "on_timeout"), message, "add timeout, such as timeout: 60s")


def _deadline(path: Path, workload: dict[str, Any], findings: Findings) -> None:
    if workload.get("deadline") is None:
        for key in ("yields", *OF_RUNNING):
            if workload.get(key) is not None:
                remedy = "add deadline, such as deadline: 24h"
                findings.add((*path, key), "has no meaning without a deadline", remedy)
        return
    for key in OF_RUNNING if workload.get("yields") == "queue" else ():
        if workload.get(key) is not None:
            message = "has no meaning beside yields: queue, where what runs keeps its place"
            findings.add((*path, key), message, "remove one or the other")
    if workload.get("slo") is not None:
        message = "goes beside deadline, which is what counts as good service of a batch"
        findings.add((*path, "slo"), message, "remove one or the other")
    if (priority := workload.get("priority", "batch")) in ("critical", "standard", "interactive"):
        message = f"{priority} goes beside deadline, whose requests give way to others"
        findings.add((*path, "priority"), message, "remove one or the other")


def _gateway(path: Path, backend: dict[str, Any], has_batch: bool, findings: Findings) -> None:
    gateway = _mapping(backend, "gateway")
    is_ordered = scheduling.order_of(backend) != "fcfs"  # there a batch waits on the replicas
    usual = "central" if has_batch and not is_ordered else "push"  # else in a queue
    if "replica_limit" in gateway and gateway.get("queue", usual) == "push":
        message = "has no meaning where requests are pushed to replicas at once"
        findings.add((*path, "gateway", "replica_limit"), message, "add queue: central")


def _router(path: Path, backend: dict[str, Any], findings: Findings) -> None:
    if backend.get("router") == "prefix" and "prefix_cache" not in backend:
        message = "prefix has no meaning where nothing is cached"
        findings.add((*path, "router"), message, "add prefix_cache: {}")
