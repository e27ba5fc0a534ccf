"""Backends that are not ours to run: a provider's API, or the devices of the users themselves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field

from sim.catalog import api_pace
from sim.catalog import model as catalogue_model
from sim.errors import CatalogError
from sim.model import managed as model
from sim.model.distributions import LogNormal
from sim.model.price import TokenPrice as ModelPrice
from sim.scenario.backend import budget, outages, quota, token_price
from sim.scenario.backend.budget import ApiBudget, SharedBudget
from sim.scenario.backend.energy import ApiEnergy
from sim.scenario.backend.gateway import Cooldown
from sim.scenario.backend.outages import Outages
from sim.scenario.backend.quota import Provisioned, Quota
from sim.scenario.backend.token_price import Dollars, TokenPrice
from sim.scenario.values.fields import JsonSchema, Reads, flag, kind, number, one_of
from sim.scenario.values.numbers import Number, Quantity, Spread, document_of, extent, known
from sim.scenario.values.part import Model, Text
from sim.scenario.values.problems import Findings, Path, Spot
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown
from sim.scenario.values.varied import Varied, varied

Draws = Mapping[str, float]

HOURS: Final = 24
SPEED: Final = Quantity("count", above=0, most=1e9)  # tokens per second
WAIT: Final = Quantity("duration", least=0, most=86_400)
FIVE_MINUTES_S: Final = 300.0
LEAST_CACHED: Final = 1024  # tokens; of OpenAI and, for most of its models, Anthropic

Caching = Literal["automatic", "explicit"]
Share = Annotated[Number, number("share", least=0, most=1)]
Length = Annotated[Number, number("count", least=2, most=model.NO_LIMIT, integer=True)]


@dataclass(frozen=True, slots=True)
class ByHour:
    """Factors by the hour of the day."""

    factors: tuple[float, ...]

    def document(self) -> Any:
        """As plain data."""
        return document_of(self.factors)


def by_hour() -> Reads:
    """A list of 24 factors."""
    factor = {"type": "number", "exclusiveMinimum": 0}
    schema: JsonSchema = {"type": "array", "items": factor, "minItems": HOURS, "maxItems": HOURS}
    return Reads(_read_hours, lambda: schema)


def _read_hours(raw: Any, spot: Spot) -> ByHour | None:
    if not isinstance(raw, list) or len(raw) != HOURS:
        spot.wrong(f"{shown(raw)} must be a list of {HOURS} factors, one for each hour of the day")
        return None
    one = Quantity("factor", above=0, most=1e6, certain=True)
    values = [read_number(item, one, spot.below(i)) for i, item in enumerate(raw)]
    return None if spot.findings else ByHour(tuple(v for v in values if isinstance(v, float)))


class PromptCaching(Model):
    """A provider's memory of prompts: a call of a task finds what it carries over."""

    life: Annotated[Number, number("duration", above=0, most=30 * 86_400)] = FIVE_MINUTES_S
    """How long after the beginning of the request of the task that wrote or last read it, however
    long its answer takes; default 5min."""
    least_tokens: Annotated[Number, number("count", least=0, most=1e9, integer=True)] = float(
        LEAST_CACHED
    )
    """Shorter beginnings are not kept; default 1024."""
    mode: Annotated[Caching, one_of(*get_args(Caching))] = "automatic"
    """Who decides what is kept, and paid as cache write: the provider all of every prompt
    (automatic), or the application what it marks (explicit); default automatic."""
    marked_tokens: Annotated[Number, number("count", least=1, most=1e9, integer=True)] | None = None
    """Leading tokens of each prompt that the application marks, with mode: explicit; such as the
    length of the system prompt and the tools."""


class ManagedApi(Model):
    """A backend that is paid by the token."""

    kind: Annotated[Literal["managed_api"], kind("managed_api")]
    """What it is."""
    model: Text | None = None
    """Model whose price and pace are taken from the catalogue where they are not given; 'sim
    catalog prices' lists them."""
    provider: Text | None = None
    """Who hosts it; may be left out where there is only one in the catalogue."""
    price: TokenPrice | None = None
    """Price of its tokens; default that of the catalogue."""
    ttft: Annotated[Varied, varied(WAIT)] | None = None
    """Time to the first token; a distribution says how it differs between requests. Default that
    of the catalogue."""
    ttft_per_prompt_token: Annotated[Number, number("duration", least=0, most=60)] | None = None
    """How much longer for each token of the prompt that is not cached; default 0."""
    tokens_per_second: Annotated[Varied, varied(SPEED)] | None = None
    """Speed after the first token; a distribution says how it differs between requests. Default
    that of the catalogue."""
    ttft_by_hour: Annotated[ByHour, by_hour()] | None = None
    """24 factors on the time to the first token, by the hour of the day; default 1."""
    speed_by_hour: Annotated[ByHour, by_hour()] | None = None
    """24 factors on the speed, by the hour of the day; default 1."""
    quota: Quota | None = None
    """Limits per minute and day: a preset such as anthropic-tier-4, or a mapping; default none."""
    cooldown: Cooldown | None = None
    """How long the router leaves it out after an attempt that failed, timed out or was turned away
    (429) there; default 0."""
    budget: ApiBudget | None = None
    """What may be spent there in a day, week or month, such as {usd: 500, per: day}; default
    unlimited. What several may spend together stands in budgets, at the top."""
    provisioned: Provisioned | None = None
    """Units of throughput that are paid by the hour; default none."""
    outages: Outages | None = None
    """Incidents: a preset such as openai, or a mapping; default none."""
    error_share: Share | None = None
    """Share of the attempts that fail at any time; default 0."""
    prompt_caching: PromptCaching | None = None
    """The provider's memory of prompts, {} with all defaults; default none."""
    max_model_len: Length | None = None
    """Longest prompt and answer together; default unlimited."""
    regions: Annotated[list[Text], Field(min_length=1)] | None = None
    """Where it answers from, with quotas of its own in each, such as [eu, us]; default next to all
    users."""
    energy: ApiEnergy | None = None
    """What its tokens take, such as {wh_per_1k_tokens: 0.4}; by default unknown, and left out of
    the totals."""
    candidate: Annotated[bool, flag()] | None = None
    """Whether it is only there to be compared: while no route or fallback names it, it is neither
    simulated nor paid ('sim breakeven' asks it all the same); default false."""
    quality: Annotated[Number, number("factor", least=-1e6, most=1e6)] | None = None
    """Quality of its answers in points of any unit."""


class Memory(Model):
    """What a device has room for."""

    limit: Annotated[Number, number("size", above=0, most=1e15)]
    """Memory of a device that the model may take."""
    weights: Annotated[Number, number("size", above=0, most=1e15)] | None = None
    """Size of the weights; default those of the model in the catalogue, at 16 bits."""
    per_token: Annotated[Number, number("size", above=0, most=1e12)] | None = None
    """Cache of a token; default that of the model in the catalogue, at 16 bits."""


class Edge(Model):
    """A small model on the devices of the users themselves."""

    kind: Annotated[Literal["edge"], kind("edge")]
    """What it is."""
    model: Text | None = None
    """Model that runs there; 'sim catalog models' lists those whose memory is known."""
    ttft: Annotated[Varied, varied(WAIT)]
    """Time to the first token; a distribution says how it differs between requests."""
    ttft_per_prompt_token: Annotated[Number, number("duration", least=0, most=60)] | None = None
    """How much longer for each token of the prompt; default 0."""
    tokens_per_second: Annotated[Varied, varied(SPEED)]
    """Speed after the first token; a distribution says how devices differ."""
    capable_share: Annotated[Number, number("share", above=0, most=1)] | None = None
    """Share of the requests whose device can run the model; the others go on to the fallback.
    Default all."""
    memory: Memory | None = None
    """Memory of a device, which limits prompt and answer together; default unlimited."""
    max_model_len: Length | None = None
    """Longest prompt and answer together; default what the memory holds."""
    error_share: Share | None = None
    """Share of the attempts that fail; default 0."""
    usd_per_device_month: Dollars | None = None
    """Fixed cost of an active device; default 0."""
    active_devices: Annotated[Number, number("count", least=0, most=1e11)] | None = None
    """Devices that are paid for."""
    energy: ApiEnergy | None = None
    """What its tokens take, such as {wh_per_1k_tokens: 0.4}; by default unknown, and left out of
    the totals."""
    candidate: Annotated[bool, flag()] | None = None
    """Whether it is only there to be compared: while no route or fallback names it, it is neither
    simulated nor paid ('sim breakeven' asks it all the same); default false."""
    quality: Annotated[Number, number("factor", least=-1e6, most=1e6)] | None = None
    """Quality of its answers in points of any unit."""


def resolved(api: ManagedApi, path: Path, findings: Findings) -> ManagedApi:
    """The API with its defaults and what the catalogue has."""
    budget.check(api.budget, api.price, path, findings)
    return api.model_copy(
        update={
            "price": token_price.resolved(api.price, api.model, api.provider, path, findings),
            **_pace(api, path, findings),
            "quota": quota.resolved(api.quota, path, findings),
            "prompt_caching": _checked(api.prompt_caching, path, findings),
            "outages": outages.resolved(api.outages, path, findings),
        }
    )


def _checked(caching: PromptCaching | None, path: Path, findings: Findings) -> PromptCaching | None:
    """The memory of prompts; notes what it cannot be."""
    path = (*path, "prompt_caching")
    if caching is None:
        return None
    marked = caching.marked_tokens
    if caching.mode == "explicit" and marked is None:
        remedy = "add marked_tokens, such as marked_tokens: 2000"
        findings.add(path, "has no marked_tokens beside mode: explicit", remedy)
    elif caching.mode == "automatic" and marked is not None:
        message = "has no meaning where the provider keeps all"
        findings.add((*path, "marked_tokens"), message, "add mode: explicit")
    elif marked is not None and extent(marked)[1] < extent(caching.least_tokens)[0]:
        least = extent(caching.least_tokens)[0]
        message = f"({extent(marked)[1]:g}) must be at least least_tokens ({least:g}), or nothing"
        findings.add((*path, "marked_tokens"), f"{message} is kept", "mark more")
    return caching


def _pace(api: ManagedApi, path: Path, findings: Findings) -> dict[str, Varied]:
    """What of the pace is not given, from the catalogue."""
    missing = [key for key in ("ttft", "tokens_per_second") if getattr(api, key) is None]
    if not missing:
        return {}
    if api.model is None:
        such = {"ttft": "{lognormal: {p50: 0.6s, p95: 0.9s}}", "tokens_per_second": "80"}
        for key in missing:
            findings.add((*path, key), "is missing", f"such as {key}: {such[key]}, or give a model")
        return {}
    try:
        listed = api_pace(api.model)
    except CatalogError as error:
        if api.price is not None and api.price.input is not None:  # else it is told already
            remedy = "give ttft and tokens_per_second"
            findings.add((*path, "model"), str(error), remedy)
        return {}
    first = {"p50": listed.ttft_p50_s, "sigma": listed.ttft_sigma}
    p50 = listed.tokens_per_s_p50
    speed = {"p50": p50, "p95": round(p50 * listed.speed_p95_over_p50, 6)}
    law = LogNormal(math.log(listed.ttft_p50_s), listed.ttft_sigma)
    filled = {
        "ttft": Varied(Spread("lognormal", first, fixed=law), WAIT),
        "tokens_per_second": Varied(
            Spread("lognormal", speed, fixed=LogNormal.from_stats(**speed)), SPEED
        ),
    }
    return {key: filled[key] for key in missing}


def resolved_edge(edge: Edge, path: Path, findings: Findings) -> Edge:
    """The devices with the memory of their model."""
    if edge.usd_per_device_month is not None and edge.active_devices is None:
        message = "has no active_devices beside it"
        findings.add((*path, "usd_per_device_month"), message, "add active_devices")
    if edge.memory is None:
        return edge
    if edge.max_model_len is not None:
        message = "goes beside max_model_len, must be the only one"
        findings.add((*path, "memory"), message, "remove one")
    return edge.model_copy(update={"memory": _memory(edge, edge.memory, path, findings)})


def _memory(edge: Edge, memory: Memory, path: Path, findings: Findings) -> Memory:
    if memory.weights is not None and memory.per_token is not None:
        return memory
    path = (*path, "memory")
    if edge.model is None:
        key = "weights" if memory.weights is None else "per_token"
        findings.add(path, f"has no {key}", f"add {key}, or give a model")
        return memory
    try:
        figures = catalogue_model(edge.model)
    except CatalogError as error:
        findings.add((*path[:-1], "model"), str(error), "give weights and per_token of memory")
        return memory
    defaults = {
        "weights": figures.weight_bytes("bf16"),
        "per_token": float(figures.kv_bytes_per_token),
    }
    missing = {key: size for key, size in defaults.items() if getattr(memory, key) is None}
    return memory.model_copy(update=missing)


def compiled(
    name: str,
    api: ManagedApi,
    start: datetime,
    draws: Draws,
    duration_s: float = 0.0,
    shared: Mapping[str, SharedBudget] | None = None,
) -> model.ManagedApi:
    """The API in a world that is simulated from ``start`` for so long, with budgets by name."""
    units, caching = api.provisioned, api.prompt_caching
    assert api.price is not None
    per_hour = None if units is None else units.usd_per_unit_hour
    life_s = FIVE_MINUTES_S if caching is None else known(caching.life, draws)
    return model.ManagedApi(
        name,
        _compiled_pace(api, draws),
        token_price.compiled(api.price, per_hour, start, draws, life_s),
        quota.compiled(api.quota, start, draws),
        quota.compiled_units(units, draws),
        outages.compiled(api.outages, start, draws),
        _or(api.error_share, 0.0, draws),
        None
        if caching is None
        else model.PromptCaching(
            life_s,
            int(known(caching.least_tokens, draws)),
            int(_or(caching.marked_tokens, model.NO_LIMIT, draws)),
        ),
        int(_or(api.max_model_len, model.NO_LIMIT, draws)),
        quality=_or(api.quality, math.nan, draws),
        cooldown_s=_or(api.cooldown, 0.0, draws),
        budgets=budget.of_api(name, api.budget, shared, start, duration_s, draws),
    )


def compiled_edge(name: str, edge: Edge, draws: Draws) -> model.ManagedApi:
    """The devices in a world."""
    return model.ManagedApi(
        name,
        _compiled_pace(edge, draws),
        ModelPrice(
            usd_per_device_month=_or(edge.usd_per_device_month, 0.0, draws),
            active_devices=_or(edge.active_devices, 0.0, draws),
        ),
        error_share=_or(edge.error_share, 0.0, draws),
        max_model_len=_room(edge, draws),
        capable_share=_or(edge.capable_share, 1.0, draws),
        kind="edge",
        quality=_or(edge.quality, math.nan, draws),
    )


def _room(edge: Edge, draws: Draws) -> int:
    """Tokens that a device has room for; ValueError if it has none for the weights."""
    if edge.memory is None:
        return int(_or(edge.max_model_len, model.NO_LIMIT, draws))
    weights, per_token = edge.memory.weights, edge.memory.per_token
    assert weights is not None and per_token is not None
    free = known(edge.memory.limit, draws) - known(weights, draws)
    tokens = math.floor(free / known(per_token, draws))
    if tokens < 2:
        raise ValueError("the memory of a device does not hold the weights and two tokens")
    return min(tokens, model.NO_LIMIT)


def _compiled_pace(backend: ManagedApi | Edge, draws: Draws) -> model.Pace:
    assert backend.ttft is not None and backend.tokens_per_second is not None
    hours = {
        key: factors.factors
        for key in ("ttft_by_hour", "speed_by_hour")
        if (factors := getattr(backend, key, None)) is not None
    }
    return model.Pace(
        backend.ttft.distribution(draws),
        backend.tokens_per_second.distribution(draws),
        _or(backend.ttft_per_prompt_token, 0.0, draws),
        **hours,
    )


def _or(number: Number | None, default: float, draws: Draws) -> float:
    return default if number is None else known(number, draws)
