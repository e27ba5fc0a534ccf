"""What a provider lets through: quotas by the minute and the day, and reserved throughput."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, get_args

from sim.catalog import api_limits
from sim.model import managed as model
from sim.model.price import DAY_S
from sim.scenario.backend.timetable import WEEK, TimeOfDay, time_of_day, week_s
from sim.scenario.values.fields import Reads, flag, named, number, one_of
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Abbreviated, Model
from sim.scenario.values.problems import Findings, Path

Draws = Mapping[str, float]

LIMITS: Final = {  # keys and the fields of the model and the catalogue
    "requests_per_minute": "requests_per_min",
    "tokens_per_minute": "tokens_per_min",
    "input_tokens_per_minute": "input_tokens_per_min",
    "output_tokens_per_minute": "output_tokens_per_min",
}
BY_DAY: Final = ("requests_per_day", "tokens_per_day")
BY_WEEK: Final = ("requests_per_week", "tokens_per_week")
FURTHER: Final = (*BY_DAY, *BY_WEEK, "max_concurrency")  # alike in both
OF_PRESET: Final = LIMITS | {key: key for key in ("requests_per_day", "max_concurrency")}
WEIGHTED: Final = {"tokens_per_minute", "tokens_per_day", "tokens_per_week"}
MINUTE_S: Final = 60.0

Limit = Annotated[Number, number("count", above=0, most=1e15)]


def preset_of_limits() -> Reads:
    """Name of a quota of the catalogue."""
    return named("a quota", api_limits)


class Quota(Abbreviated):
    """Limits per minute, token buckets that refill continuously and begin full; and by the day."""

    main: ClassVar[tuple[str, Reads]] = ("preset", preset_of_limits())

    preset: Annotated[str, preset_of_limits()] | None = None
    """Provider and tier, such as anthropic-tier-4, whose limits hold where none is given."""
    requests_per_minute: Limit | None = None
    """Requests; default unlimited."""
    tokens_per_minute: Limit | None = None
    """Tokens of prompts and answers together; default unlimited."""
    input_tokens_per_minute: Limit | None = None
    """Tokens of prompts; default unlimited."""
    output_tokens_per_minute: Limit | None = None
    """Tokens of answers; default unlimited."""
    requests_per_day: Annotated[Number, number("count", least=1, most=1e15)] | None = None
    """Requests from one reset to the next; default unlimited."""
    tokens_per_day: Limit | None = None
    """Tokens of prompts and answers together from one reset to the next; default unlimited."""
    reset: Annotated[TimeOfDay, time_of_day()] | None = None
    """Time of the day at which the limits by the day and week begin anew, on the scenario's clock,
    that of horizon.start and the day shapes; default '00:00'."""
    requests_per_week: Annotated[Number, number("count", least=1, most=1e15)] | None = None
    """Requests from one reset of the week to the next; default unlimited."""
    tokens_per_week: Limit | None = None
    """Tokens of prompts and answers together from one reset of the week to the next; default
    unlimited."""
    reset_day: Annotated[str, one_of(*WEEK)] | None = None
    """Day on which the limits by the week begin anew, at the time of reset; default mon."""
    max_concurrency: Annotated[Number, number("count", least=1, most=1e9, integer=True)] | None = (
        None
    )
    """Requests under way at once; default unlimited."""
    output_weight: Annotated[Number, number("factor", above=0, most=1000)] | None = None
    """How many times a token of an answer counts for tokens_per_minute, _per_day and _per_week, not
    for the bill, such as 5 for Claude at Amazon Bedrock; default 1."""
    too_large: Annotated[model.Large, one_of(*get_args(model.Large))] | None = None
    """What becomes of a request that is larger than a whole limit: refuse for good, or pass when
    all of the limit is there; default pass."""
    burst: Annotated[Number, number("duration", least=1, most=86_400)] | None = None
    """Time whose worth of the limit may be used at once; default 1min."""
    cached_is_free: Annotated[bool, flag()] | None = None
    """Whether cached tokens of a prompt do not count; default no, or as the preset does."""
    reserved_output_tokens: (
        Annotated[Number, number("count", least=0, most=1e9, integer=True)] | None
    ) = None
    """Tokens that count for an answer until it ends (what max_tokens asks for); default 0."""


class Provisioned(Model):
    """Units of throughput that are paid by the hour, before anything is paid by the token."""

    units: Annotated[Number, number("count", least=0, most=1e6, integer=True)]
    """How many; 0 is a valid answer."""
    tokens_per_minute_per_unit: Limit
    """Tokens that a unit serves in a minute."""
    usd_per_unit_hour: Annotated[Number, number("money", least=0, most=1e6)]
    """Price of a unit, used or not."""
    output_weight: Annotated[Number, number("factor", least=0, most=1000)] = 1.0
    """Tokens of a prompt that one of an answer counts for; default 1."""


def resolved(quota: Quota | None, path: Path, findings: Findings) -> Quota | None:
    """The quota with its preset written out."""
    if quota is None:
        return None
    filled = {key: value for key, value in quota if value is not None and key != "preset"}
    if quota.preset is not None:
        listed = api_limits()[quota.preset]
        limits = {key: getattr(listed, name) for key, name in OF_PRESET.items()}
        of_preset = {key: limit for key, limit in limits.items() if math.isfinite(limit)}
        filled = {**of_preset, "cached_is_free": listed.cached_is_free, **filled}
    path = (*path, "quota")
    if not filled.keys() & {*LIMITS, *FURTHER}:
        remedy = f"add requests_per_minute, or one of {', '.join(_examples())}"
        findings.add(path, "has no limit", remedy)
    elif "reset_day" in filled and not filled.keys() & set(BY_WEEK):
        message, remedy = f"has no {BY_WEEK[0]} beside it", f"add {' or '.join(BY_WEEK)}"
        findings.add((*path, "reset_day"), message, remedy)
    elif "reset" in filled and not filled.keys() & {*BY_DAY, *BY_WEEK}:
        findings.add(
            (*path, "reset"), f"has no {BY_DAY[0]} beside it", f"add {' or '.join(BY_DAY)}"
        )
    elif "output_weight" in filled and not filled.keys() & WEIGHTED:
        message = "has no tokens_per_minute beside it"
        remedy = "add tokens_per_minute or tokens_per_day"
        findings.add((*path, "output_weight"), message, remedy)
    return Quota.model_construct(**filled)


def _examples() -> list[str]:
    return ["anthropic-tier-4", "openai-tier-5"]


def compiled(quota: Quota | None, start: datetime, draws: Draws) -> model.Quota:
    """The quota in a world whose horizon begins at ``start``."""
    if quota is None:
        return model.Quota()
    limits: dict[str, Any] = {
        name: known(limit, draws)
        for key, name in (LIMITS | {key: key for key in (*FURTHER, "output_weight")}).items()
        if (limit := getattr(quota, key)) is not None
    }
    return model.Quota(
        **limits,
        reset_s=0.0 if quota.reset is None else float(quota.reset.seconds),
        week_reset_s=_week_reset_s(quota, start),
        too_large=quota.too_large or "pass",
        burst_s=MINUTE_S if quota.burst is None else known(quota.burst, draws),
        cached_is_free=bool(quota.cached_is_free),
        reserved_output_tokens=(
            0
            if quota.reserved_output_tokens is None
            else int(known(quota.reserved_output_tokens, draws))
        ),
    )


def _week_reset_s(quota: Quota, start: datetime) -> float:
    """When the week of the start began, in seconds from it."""
    day = WEEK.index(quota.reset_day or WEEK[0])
    reset_s = day * DAY_S + (0.0 if quota.reset is None else float(quota.reset.seconds))
    return reset_s - week_s(start)


def compiled_units(provisioned: Provisioned | None, draws: Draws) -> model.Provisioned | None:
    """The units in a world."""
    if provisioned is None:
        return None
    return model.Provisioned(
        int(known(provisioned.units, draws)),
        known(provisioned.tokens_per_minute_per_unit, draws),
        known(provisioned.output_weight, draws),
    )
