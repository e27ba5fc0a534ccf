"""Autoscalers: the keys, in the words of their documentation, and the autoscaler that they make.

A preset fills in what is not given with the documented defaults of HPA, KEDA, Knative and Dynamo's
planner (see ``sim.model.autoscaler``). Every key has the name of a field there, without its unit.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, ClassVar, Final, Literal

from sim.model import autoscaler as model
from sim.model.planning import PREDICTORS
from sim.scenario.backend.replicas import MOST_REPLICAS, Replicas
from sim.scenario.backend.timetable import Days, TimeOfDay, days_of_week, time_of_day
from sim.scenario.values.fields import Reads, flag, number, one_of
from sim.scenario.values.numbers import Number, extent, in_words, may_exceed
from sim.scenario.values.part import Abbreviated, Factor, Model, Text
from sim.scenario.values.problems import Findings, Path

NO_TARGET: Final = "a replica can serve something: give what it serves well"
TARGETS: Final[dict[str, model.Metric]] = {
    "target_concurrency": "concurrency",
    "target_queue": "queue",
    "target_running": "running",
    "target_kv_utilisation": "kv_utilisation",
    "target_saturation": "saturation",
    "target_requests_per_second": "requests_per_s",
    "target_output_tokens_per_second": "output_tokens_per_s",
}
KINDS: Final[dict[str, type[model.Autoscaler]]] = {**model.PRESETS, "custom": model.Custom}
VARIANTS: Final = "variants"  # of who is one of several: the autoscaler of all says how many
ALL_KINDS: Final[dict[str, type[model.Autoscaler]]] = {**KINDS, VARIANTS: model.Joint}
FIELDS: Final = {  # of the autoscalers of the model, by key
    "tolerance": "tolerance",
    "sync_period": "sync_period_s",
    "metric_delay": "metric_delay_s",
    "rate_window": "rate_window_s",
    "scrape_interval": "scrape_interval_s",
    "metric_window": "metric_window_s",
    "full_queue": "full_queue",
    "full_kv": "full_kv",
    "scale_up": "scale_up",
    "scale_down": "scale_down",
    "scale_down_delay": "scale_down_delay_s",
    "target_utilisation": "target_utilisation",
    "stable_window": "stable_window_s",
    "panic_window": "panic_window_share",
    "panic_threshold": "panic_threshold",
    "max_scale_up_rate": "max_scale_up_rate",
    "max_scale_down_rate": "max_scale_down_rate",
    "scale_to_zero_grace": "scale_to_zero_grace_s",
    "activation_scale": "activation_scale",
    "polling_interval": "polling_interval_s",
    "cooldown": "cooldown_s",
    "initial_cooldown": "initial_cooldown_s",
    "idle_replicas": "idle_replicas",
    "activation_threshold": "activation_threshold",
    "activation": "activation",
    "lead": "lead_s",
    "growth": "growth",
    "schedule": "table",
    "target_ttft": "ttft_s",
    "target_itl": "itl_s",
    "adjustment_interval": "adjustment_interval_s",
    "predictor": "predictor",
    "correction": "corrects",
    "process": "process",
}
WHOLE: Final = ("idle_replicas", "activation_scale")
NEEDED: Final = {  # key of a preset without default, and what it may be
    "scheduled": (
        "schedule",
        "such as schedule: [{at: 07:00, replicas: 8}, {at: 20:00, replicas: 2}]",
    ),
    "custom": ("process", "name what sim.engine.control.AUTOSCALERS holds, or module:function"),
}
OF_NO_METRIC: Final = (*NEEDED, "planner", VARIANTS)
SEVERAL: Final = ("hpa", "keda")  # follow the target that asks for the most
OF_SATURATION: Final = ("full_queue", "full_kv")
OF_KNATIVE: Final = ("target_concurrency", "target_requests_per_second")
DAY_S: Final = 86_400.0

Span = Annotated[Number, number("duration", least=0, most=DAY_S)]
Period = Annotated[Number, number("duration", above=0, most=DAY_S)]
Count = Annotated[Number, number("count", least=0, most=MOST_REPLICAS, integer=True)]
Latency = Annotated[Number, number("duration", above=0, most=DAY_S)]
Target = Annotated[Number, number("count", above=0, most=1e9, remedy=NO_TARGET)]


class Policy(Model):
    """The largest change within a period."""

    percent: Annotated[Number, number("count", above=0, most=1e6)] | None = None
    """Per cent of the replicas that there were when the period began."""
    pods: Annotated[Number, number("count", least=1, most=MOST_REPLICAS, integer=True)] | None = (
        None
    )
    """So many replicas."""
    period: Period = 15.0
    """The period; default 15s."""


class Scaling(Model):
    """How fast replicas may be added, or taken away (behavior of an HPA)."""

    stabilization_window: Span | None = None
    """The most cautious recommendation of this long is followed; default 0s up, 5min down."""
    policies: list[Policy] | None = None
    """Limits of a change; default 100 percent in 15s, and up alternatively 4 pods in 15s."""
    select: Annotated[
        Literal["max", "min", "disabled"] | None, one_of("max", "min", "disabled")
    ] = None
    """Which policy counts: that of the largest change (the default), of the smallest, or none is
    allowed at all."""


class Entry(Model):
    """So many replicas from a time of day on."""

    at: Annotated[TimeOfDay, time_of_day()]
    """Time of day on the clock of the horizon, such as 07:30."""
    replicas: Count
    """Replicas until the next entry."""
    days: Annotated[Days, days_of_week()] = Days("daily")
    """On which days: daily, weekdays, weekend, or a list such as [mon, fri]."""


class Autoscaler(Abbreviated):
    """Who decides how many replicas there are."""

    main: ClassVar[tuple[str, Reads]] = ("preset", one_of(*KINDS, "none"))

    preset: Annotated[str, one_of(*KINDS, "none")]
    """Whose rule is followed; custom is a process of one's own, none keeps the initial number. An
    hpa takes nothing away while replicas start, since it goes by the ready ones; keda, whose metric
    is external, counts all, and so overshoots less where starts are slow and min is small."""
    target_concurrency: Target | None = None
    """Requests waiting and running that a replica should have, such as 16. As many as it serves
    within the SLO: of a small GPU fewer; more, and replicas come too late."""
    target_queue: Target | None = None
    """Requests waiting, for each replica, such as 4. An hpa and a keda may have several targets:
    the one that asks for the most replicas is followed."""
    target_running: Target | None = None
    """Requests in the batch that a replica should have, such as 16."""
    target_kv_utilisation: Annotated[Number, number("share", above=0, most=1)] | None = None
    """Share of the KV cache that should be filled."""
    target_saturation: Annotated[Number, number("share", above=0, most=100)] | None = None
    """How full replicas should be, as llm-d counts it, such as 70%: the larger of what waits on a
    replica over full_queue and of its filled KV cache over full_kv, averaged over the replicas."""
    target_requests_per_second: Target | None = None
    """Requests that arrive, for each replica, such as 2."""
    target_output_tokens_per_second: Target | None = None
    """Output tokens, for each replica, such as 1500."""
    tolerance: Annotated[Number, number("share", least=0, most=10)] | None = None
    """No change while metric and target differ by no more than this share; default 10%."""
    sync_period: Period | None = None
    """Time between decisions; default 15s, of knative 2s."""
    metric_delay: Span | None = None
    """Age of the metric that a decision rests on; default 0."""
    rate_window: Period | None = None
    """Time over which rates are averaged; default 1min, of knative 1s."""
    scrape_interval: Span | None = None
    """How often the metric is collected, such as 15s, while decisions rest on what was collected
    last; default 0, always."""
    metric_window: Span | None = None
    """Time over which what was collected is averaged, such as 1min; default 0, the last alone."""
    full_queue: Target | None = None
    """Waiting requests at which a replica counts as full, beside target_saturation; default 5."""
    full_kv: Annotated[Number, number("share", above=0, most=1)] | None = None
    """Filled share of the KV cache at which it does; default 80%."""
    scale_up: Scaling | None = None
    """How fast replicas are added."""
    scale_down: Scaling | None = None
    """How fast replicas are taken away."""
    scale_down_delay: Span | None = None
    """Knative: the largest recommendation of this long is followed; default 0."""
    target_utilisation: Annotated[Number, number("share", above=0, most=1)] | None = None
    """Knative: share of the target that is aimed at; default 70%."""
    stable_window: Annotated[Number, number("duration", least=6, most=3600)] | None = None
    """Knative: time over which the metric is averaged; default 60s."""
    panic_window: Annotated[Number, number("share", above=0, most=1)] | None = None
    """Knative: share of the stable window that panic looks at; default 10%."""
    panic_threshold: Annotated[Number, number("factor", above=1, most=1000)] | None = None
    """Knative: what is wanted over what is ready, from which on it panics; default 200%."""
    max_scale_up_rate: Annotated[Number, number("factor", above=1, most=1e6)] | None = None
    """Knative: largest factor of an increase; default 1000."""
    max_scale_down_rate: Annotated[Number, number("factor", above=1, most=1e6)] | None = None
    """Knative: largest factor of a decrease; default 2."""
    scale_to_zero_grace: Span | None = None
    """Knative: how much longer the last replica stays; default 30s."""
    activation_scale: (
        Annotated[Number, number("count", least=1, most=MOST_REPLICAS, integer=True)] | None
    ) = None
    """Knative: replicas when zero is left; default 1."""
    polling_interval: Period | None = None
    """KEDA: how often it looks whether anything is to be done at all; default 30s."""
    cooldown: Span | None = None
    """KEDA: how long nothing must have been to do before it removes the last; default 5min."""
    initial_cooldown: Span | None = None
    """KEDA: no scaling to zero this long after the beginning; default 0."""
    idle_replicas: Count | None = None
    """KEDA: replicas while there is nothing to do, fewer than min."""
    activation_threshold: Annotated[Number, number("count", least=0, most=1e9)] | None = None
    """KEDA: metric of the pool above which there is something to do; default 0, and of several
    targets always."""
    activation: Annotated[Literal["poll", "request"] | None, one_of("poll", "request")] = None
    """KEDA: zero is left at a poll (the default), or as soon as a request waits."""
    lead: Annotated[Number, number("duration", least=0, most=DAY_S - 1)] | None = None
    """Scheduled and predictive: how much earlier replicas are started; default 0 and 10min."""
    growth: Factor | None = None
    """Predictive: factor from one day to the next; default 1."""
    target_ttft: Latency | None = None
    """Planner (of NVIDIA Dynamo): for a pool that prefills, such as 500ms; it has as many replicas
    as the prompts of the next interval take. One that also decodes needs target_itl, too."""
    target_itl: Latency | None = None
    """Planner: time between tokens, such as 50ms, for a pool that decodes; it has as many replicas
    as the answers take in batches that are no larger than that allows."""
    adjustment_interval: Period | None = None
    """Planner: time from one plan to the next; default 180s."""
    predictor: Annotated[str | None, one_of(*PREDICTORS)] = None
    """Planner: what the next interval's load is taken to be: constant, that of the last (the
    default), or kalman, which follows its trend. Dynamo's own default, ARIMA, is not simulated."""
    correction: Annotated[bool | None, flag()] = None
    """Planner: whether measured over profiled times correct the plan; default true."""
    schedule: list[Entry] | None = None
    """Scheduled: replicas by time of day."""
    process: Text | None = None
    """Custom: its name in sim.engine.control.AUTOSCALERS, or module:function, which is imported."""


def resolved(
    scaler: Autoscaler | None, replicas: Replicas, path: Path, findings: Findings
) -> tuple[Autoscaler | None, Replicas]:
    """The autoscaler with its defaults, the replicas with their limits; notes what cannot be."""
    if replicas.fixed is not None:
        if scaler is not None and scaler.preset != "none":
            remedy = "such as replicas: {min: 2, max: 40}"
            findings.add((*path, "replicas"), "has no limits for the autoscaler", remedy)
        return scaler, replicas
    if scaler is None:
        remedy = "such as autoscaler: {preset: hpa, target_concurrency: 24}"
        findings.add((*path, "autoscaler"), "is missing, as replicas has limits", remedy)
        return scaler, replicas
    before = len(findings.found)
    if scaler.preset == "none":
        if replicas.initial is None:
            findings.add((*path, "replicas"), "has no initial, which none keeps", "add initial")
        return scaler, _with_limits(replicas, 1.0, path, findings)
    scaler = _with_defaults(scaler, (*path, "autoscaler"), findings)
    if len(findings.found) == before:
        replicas = _with_limits(replicas, float(scaler.preset not in _KNOW_ZERO), path, findings)
        _check(scaler, replicas, path, findings)
    return scaler, replicas


def joint() -> Autoscaler:
    """The autoscaler of a pool that is one of several: it only has limits."""
    return Autoscaler.model_construct(preset=VARIANTS)


_KNOW_ZERO: Final = ("keda", "knative", "scheduled", "custom", VARIANTS)


def _with_limits(replicas: Replicas, least: float, path: Path, findings: Findings) -> Replicas:
    """The limits, which must fit each other; ``initial`` may stay open."""
    path = (*path, "replicas")
    fewest = least if replicas.least is None else replicas.least
    most, initial = replicas.most, replicas.initial
    assert most is not None
    if may_exceed(fewest, most):
        findings.add((*path, "max"), f"{in_words(most)} must be at least min ({in_words(fewest)})")
    elif initial is not None and (may_exceed(fewest, initial) or may_exceed(initial, most)):
        rule = f"must be from min to max ({in_words(fewest)} and {in_words(most)})"
        findings.add((*path, "initial"), f"{in_words(initial)} {rule}")
    return Replicas(None, fewest, most, initial)


def _with_defaults(scaler: Autoscaler, path: Path, findings: Findings) -> Autoscaler:
    """The autoscaler with all keys of its preset; notes those of others."""
    of_preset = {field.name: field for field in fields(ALL_KINDS[scaler.preset])}
    given = {key: value for key, value in scaler if value is not None}
    filled: dict[str, Any] = {}
    for key, name in FIELDS.items():
        if key in OF_SATURATION and "target_saturation" not in given:
            if key in given:
                findings.add((*path, key), "has no meaning without target_saturation", "remove it")
        elif name in of_preset:
            filled[key] = given.get(key, _default(of_preset[name]))
        elif key in given:
            findings.add((*path, key), f"has no meaning for {scaler.preset}", "remove it")
    for key in ("scale_up", "scale_down"):
        if key in filled:
            rules = _default(of_preset[key])
            filled[key] = _scaling(given.get(key), rules, (*path, key), findings)
    filled |= _target(scaler.preset, given, path, findings)
    if scaler.preset in NEEDED:
        key, remedy = NEEDED[scaler.preset]
        if not getattr(scaler, key):
            findings.add((*path, key), "is missing", remedy)
    return scaler.model_copy(update=filled)


def _default(field: "Field[Any]") -> Any:
    return None if field.default is MISSING else field.default


def _target(
    preset: str, given: Mapping[str, Any], path: Path, findings: Findings
) -> dict[str, Any]:
    """The targets, or that of the preset."""
    targets = [key for key in given if key in TARGETS]
    allowed = (
        () if preset in OF_NO_METRIC else OF_KNATIVE if preset == "knative" else tuple(TARGETS)
    )
    if preset == "planner" and "target_ttft" not in given and "target_itl" not in given:
        findings.add(path, "has no target", "add target_ttft: 500ms, target_itl: 50ms, or both")
    for key in targets:
        if key not in allowed:
            findings.add((*path, key), f"has no meaning for {preset}", "remove it")
    if preset not in SEVERAL:
        for key in targets[1:]:
            message = f"goes beside {targets[0]}, must be the only one for {preset}"
            findings.add((*path, key), message, "remove one")
    if targets or not allowed:
        return {}
    if preset == "knative":
        return {"target_concurrency": _default(_field_of(model.Knative, "target"))}
    remedy = "add target_concurrency, such as target_concurrency: 24"
    findings.add(path, "has no target", remedy)
    return {}


def _field_of(policy: type[Any], name: str) -> "Field[Any]":
    return next(field for field in fields(policy) if field.name == name)


def _scaling(
    given: Scaling | None, rules: model.ScalingRules, path: Path, findings: Findings
) -> Scaling:
    """How fast to scale, with the defaults of the preset."""
    scaling = given or Scaling.model_construct()
    for index, policy in enumerate(scaling.policies or ()):
        if (policy.percent is None) == (policy.pods is None):
            findings.add((*path, "policies", index), "must have either percent or pods")
    if scaling.policies == []:
        findings.add((*path, "policies"), "is empty, must have at least one entry")
    window = scaling.stabilization_window
    usual = [_as_given(policy) for policy in rules.policies]
    return Scaling.model_construct(
        stabilization_window=rules.stabilization_window_s if window is None else window,
        policies=usual if scaling.policies is None else scaling.policies,
        select=scaling.select or rules.select,
    )


def _as_given(policy: model.ScalingPolicy) -> Policy:
    """A policy as a scenario would give it."""
    named: dict[str, Any] = {policy.kind: policy.value, "period": policy.period_s}
    return Policy.model_construct(**named)


def _check(scaler: Autoscaler, replicas: Replicas, path: Path, findings: Findings) -> None:
    """Note what the preset cannot do with these limits."""
    least, most = replicas.least, replicas.most
    assert least is not None and most is not None
    if scaler.preset not in _KNOW_ZERO and extent(least)[0] < 1:
        message = f"{in_words(least)} must be at least 1 for {scaler.preset}"
        findings.add((*path, "replicas", "min"), message, "keda and knative scale to zero")
    idle = scaler.idle_replicas
    if idle is not None and extent(idle)[1] >= extent(least)[0]:
        message = f"{in_words(idle)} must be less than min of replicas ({in_words(least)})"
        findings.add((*path, "autoscaler", "idle_replicas"), message)
    for index, entry in enumerate(scaler.schedule or ()):
        if may_exceed(least, entry.replicas) or may_exceed(entry.replicas, most):
            at = (*path, "autoscaler", "schedule", index, "replicas")
            rule = f"must be from min to max of replicas ({in_words(least)} and {in_words(most)})"
            findings.add(at, f"{in_words(entry.replicas)} {rule}")
    _check_metrics(scaler, (*path, "autoscaler"), findings)
    if scaler.stable_window is not None and scaler.panic_window is not None:
        sample_s = _default(_field_of(model.Knative, "sample_period_s"))
        if extent(scaler.stable_window)[0] * extent(scaler.panic_window)[0] < sample_s:
            message = f"is shorter than a sample of the metric ({sample_s:g}s)"
            findings.add((*path, "autoscaler", "panic_window"), message, "see stable_window")


def _check_metrics(scaler: Autoscaler, path: Path, findings: Findings) -> None:
    """Note what goes with no target that there is, and a window in which nothing is collected."""
    targets = [key for key in TARGETS if getattr(scaler, key) is not None]
    threshold = scaler.activation_threshold
    if len(targets) > 1 and threshold is not None and extent(threshold)[1] > 0:
        message = f"goes with one target, and there are {len(targets)}"
        findings.add((*path, "activation_threshold"), message, "remove it")
    interval, window = scaler.scrape_interval, scaler.metric_window
    if window is not None and interval is not None and extent(window)[1] > 0:
        if extent(interval)[0] == 0:
            remedy = "add scrape_interval, such as scrape_interval: 15s"
            findings.add((*path, "metric_window"), "needs a scrape_interval above 0", remedy)
        elif may_exceed(interval, window):
            message = f"{in_words(window)} must be at least scrape_interval ({in_words(interval)})"
            findings.add((*path, "metric_window"), message)
