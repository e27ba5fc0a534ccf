"""The scenario document: its keys, what each may be, and what it means.

The models say which keys there are; `sim.scenario.values.fields` and its neighbours read the
values. Rules that tie several keys together are in `sim.scenario.rules`. The text below a key is
its description in editors.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from sim.catalog.logs import NAMES
from sim.model.trace import MOST_TIMES
from sim.scenario.backend import variants
from sim.scenario.backend.backends import Backend
from sim.scenario.backend.budget import SharedBudget
from sim.scenario.backend.caches import PrefixHits, ResponseCache
from sim.scenario.backend.cluster import Cluster
from sim.scenario.backend.energy import Energy
from sim.scenario.backend.region import Region
from sim.scenario.backend.variants import Variants
from sim.scenario.backend.zones import Zones
from sim.scenario.values.catalogued import Shape, day_shape
from sim.scenario.values.fields import (
    moment,
    number,
    one_of,
    text,
    whole,
)
from sim.scenario.values.numbers import Number
from sim.scenario.values.part import Factor, Model, Text
from sim.scenario.values.threshold import threshold
from sim.scenario.values.varied import Varied, varied
from sim.scenario.workload import routes
from sim.scenario.workload.adapters import Adapters
from sim.scenario.workload.billed import BillShares
from sim.scenario.workload.burstiness import Burstiness, gap_variation
from sim.scenario.workload.client import PRIORITIES, Client
from sim.scenario.workload.counts import Counts
from sim.scenario.workload.follow_ups import FollowUps, number_of_calls
from sim.scenario.workload.lengths import TokenLengths, output_lengths, token_lengths
from sim.scenario.workload.objectives import Objectives, objectives
from sim.scenario.workload.swings import Dispersion, Event
from sim.scenario.workload.users import ROUTINGS, Stay, Users, staying, users
from sim.scenario.workload.value import Dollars, OneOff, Outcome
from sim.scenario.workload.yielding import YIELDS

DAY_S = 86_400.0
LONGEST_DAYS = 3660.0
MOST_REQUESTS_PER_S = 1e6
LAST_SEED = 10**18 - 1  # what survives every YAML reader as a whole number
TRACE_FORMATS = ("auto", *NAMES, "columns")
TRACE_UNITS = ("s", "ms", "us", "ns", "datetime")


class Horizon(Model):
    """The simulated time."""

    start: Annotated[datetime, moment()] = datetime(2026, 1, 5)
    """First moment, on the clock of the shapes (UTC for those built in); default a Monday."""
    days: Annotated[float, number("count", above=0, most=LONGEST_DAYS, certain=True)] | None = None
    """How many days. By default a trace that is played once sets the time."""
    duration: (
        Annotated[
            float,
            number("duration", least=1, most=LONGEST_DAYS * DAY_S, certain=True),
        ]
        | None
    ) = None
    """How long, in place of days."""
    end: Annotated[Literal["cut", "drained"], one_of("cut", "drained")] | None = None
    """Cut: the horizon ends with the time in which requests arrive. Drained: it ends with the last
    answer, and so do costs. Default cut; drained if traces that are played once set the time, or
    users who send a given number of requests."""
    end_limit: (
        Annotated[float, number("duration", least=1, most=366 * DAY_S, certain=True)] | None
    ) = None
    """For drained: longest time that the last answers are waited for; default 7d."""
    warm_up: Annotated[float, number("duration", least=0, most=30 * DAY_S, certain=True)] | None = (
        None
    )
    """Simulated before the start and left out of every result; default 30min, and 0 if all
    workloads are traces that are played once, or a given number of requests."""
    bin: Annotated[float, number("duration", least=1, certain=True)] | None = None
    """Width of a step of the timeline; by default 5min to some hours, by the length."""


class TraceColumns(Model):
    """Names of the columns of a trace, or dotted paths such as input.inputTokenCount."""

    timestamp: Text | None = None
    """Column of arrival times; by default that of the format, as are the next two."""
    prompt_tokens: Text | None = None
    """Column of prompt lengths."""
    output_tokens: Text | None = None
    """Column of output lengths."""
    unit: Annotated[str, one_of(*TRACE_UNITS)] | None = None
    """Unit of the arrival times, or datetime; by default dates and times since 1970 are known by
    sight, and other numbers are seconds, or what the format says."""
    session: Text | None = None
    """Column of the session or user that a request belongs to, for a router that keeps them
    together; default none."""
    blocks: Text | None = None
    """Column of lists that name the blocks a prompt begins with, such as hash_ids; default none."""
    block_tokens: Annotated[int, whole(1, 65_536)] | None = None
    """Tokens of a named block; by default told by how many each prompt has."""
    cached: Text | None = None
    """Column of the prompt's tokens that were found in a cache, of which sim trace tells the share;
    default none."""
    delay: Text | None = None
    """Column of times from the answer to the session's request before, which then stand in place of
    arrival times: in their unit, or in seconds beside dates; default none."""
    turns: Annotated[Literal["new", "whole"], one_of("new", "whole")] | None = None
    """What the prompt tokens of later turns with a delay are: new, as AIPerf's, to which all that
    was said before is added, or whole; by default as they show."""


class Trace(Model):
    """Requests replayed from a file: who came when, with how many tokens."""

    file: Text
    """Path of the trace, relative to the scenario; plain or gzip."""
    format: Annotated[str, one_of(*TRACE_FORMATS)] = "auto"
    """Whose format the file has ('sim catalog formats' lists them), by default told by its content;
    columns for any other table or JSON, whose columns are named."""
    columns: TraceColumns | None = None
    """Which columns to take, or some of them, such as {session: chat_id}."""
    unit: Annotated[str, one_of(*TRACE_UNITS)] | None = None
    """Unit of the arrival times, where it cannot be told."""
    block_tokens: Annotated[int, whole(1, 65_536)] | None = None
    """Tokens of a named block, where it cannot be told."""
    mode: Annotated[Literal["once", "loop"], one_of("once", "loop")] = "once"
    """Play it once from the start of the horizon, or over and over."""
    rate_scale: Annotated[Number, number("factor", above=0, most=MOST_TIMES)] = 1.0
    """Volume: 2 is twice the requests at every time of day, by copies of the trace that are shifted
    a little and have sessions of their own; below 1 some are left out."""
    speed: Factor = 1.0
    """Speed of the clock: 2 plays the trace in half the time, so that a day's ramps are twice as
    steep; to grow the volume use rate_scale."""
    sessions: Annotated[Literal["open", "closed"], one_of("open", "closed")] = "open"
    """Whether a session's requests come at their recorded times (open), or the recorded gap after
    the answer to the one before (closed)."""
    thin: Annotated[Number, number("share", above=0, most=1)] = 1.0
    """Share of the requests that is kept, by chance; those of a session together."""


class Arrivals(Model):
    """When requests arrive. Give requests_per_day or _per_second, users, counts or a trace."""

    requests_per_day: (
        Annotated[Number, number("count", above=0, most=MOST_REQUESTS_PER_S * DAY_S)] | None
    ) = None
    """Mean number of requests a day, at the start of the horizon."""
    requests_per_second: (
        Annotated[Number, number("count", above=0, most=MOST_REQUESTS_PER_S)] | None
    ) = None
    """Mean rate at the start of the horizon."""
    users: Annotated[Number, number("count", above=0, most=1e11)] | None = None
    """Active users; with requests_per_user_per_day, or with think_time: so many users then wait for
    each answer before they ask again (a closed loop)."""
    requests_per_user_per_day: Annotated[Number, number("count", above=0, most=1e6)] | None = None
    """Mean number of requests of a user a day."""
    think_time: Annotated[Varied, varied()] | None = None
    """With users: time from the end of a request, answered or not, to the user's next; a
    distribution says how it differs. 0 keeps so many requests under way, as a benchmark does."""
    ramp: Annotated[Number, number("duration", least=0, most=30 * DAY_S)] | None = None
    """With think_time: users begin one after the other, evenly over this time; default all at
    once."""
    requests: Annotated[int, whole(1, 10**12)] | None = None
    """With think_time: requests in total, after which the users stop; default any number."""
    pause: Annotated[Number, number("duration", least=1e-3, most=DAY_S)] | None = None
    """With think_time: least time from a request that came to nothing to the user's next; default
    1s."""
    counts: Counts | None = None
    """Requests over time from a table, which gives the rate and its shape."""
    usd_per_month: Annotated[Number, number("money", above=0, most=1e12)] | None = None
    """The bill of a managed API: the volume is what gives it at the API's price, with the lengths
    and the share that is cached of each world."""
    billed_by: Text | None = None
    """With usd_per_month: the managed API among the backends; default the one that the route leads
    to, else the first."""
    bill_shares: BillShares | None = None
    """With usd_per_month: how its dollars, not its tokens, are shared, such as {output: {p5: 40%,
    p95: 60%}, cached: 5%}; prompts are then as long, and as often cached, as that says."""
    trace: Trace | None = None
    """Replay a recorded trace, with its prompt and output lengths."""
    shape: Annotated[Shape, day_shape()] | None = None
    """How the rate varies over a day (24 numbers) or a week from Monday (168); default flat."""
    growth_per_year: Factor | None = None
    """Factor by which the rate grows in a year, compounding; default 1."""
    events: list[Event] | None = None
    """Times when traffic differs."""
    dispersion: Dispersion | None = None
    """Slow random swings of the rate; default none."""
    burstiness: Annotated[Burstiness, gap_variation()] | None = None
    """Coefficient of variation of the gaps between requests; default 1, Poisson arrivals."""
    after: Text | None = None
    """In place of a rate: the workload that these requests come after, one for each that is
    answered, as an answer comes after a search. Their latencies then count from the arrival of the
    first of the chain, since when its user has waited."""
    delay: Annotated[Varied, varied()] | None = None
    """With after: time from that answer to the request, such as that of a search; default 0."""
    share: Annotated[Number, number("share", above=0, most=1)] | None = None
    """With after: share of those requests that these come after, by chance; default all."""
    parallel: Annotated[Varied, number_of_calls()] | None = None
    """With after: requests after each of those, sent side by side; default 1."""

    @model_serializer(mode="wrap")
    def _written(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As plain data, without the shape that counts give."""
        data: dict[str, Any] = plain(self)
        if self.counts is not None:
            data.pop("shape", None)
        return data


class Workload(Model):
    """One stream of requests."""

    arrivals: Arrivals
    """When requests arrive."""
    prompt_tokens: Annotated[TokenLengths, token_lengths()] | None = None
    """Length of prompts; a distribution says how it differs between requests."""
    output_tokens: Annotated[TokenLengths, output_lengths()] | None = None
    """Length of outputs; a distribution says how it differs between requests. 0 for embeddings,
    scores and what an encoder makes: they are there when the prompt has been computed."""
    token_correlation: Annotated[Number, number("factor", least=-0.99, most=0.99)] | None = None
    """Rank correlation of prompt and output lengths; default 0."""
    context_creep_per_year: Factor | None = None
    """Factor by which prompts grow in a year, compounding; default 1."""
    follow_ups: FollowUps | None = None
    """Calls that follow a request within a task, such as {calls_per_task: 3.5}; default none."""
    prefix_cache: PrefixHits | None = None
    """Share of the prompts that is cached, such as {hit_rate: 30%}; default none. A backend with a
    prefix_cache of its own finds by itself what prompts have in common, as far as they tell."""
    response_cache: ResponseCache | None = None
    """Answers that are kept, such as {hit_rate: 8%}; default none."""
    adapters: Adapters | None = None
    """Fine-tuned models (LoRA) on one base, of which each request needs one, such as {count: 200};
    default the base alone."""
    slo: Annotated[Objectives, objectives()] | None = None
    """What counts as good service, such as {ttft_p95: 2s, e2e_p95: 30s}."""
    client: Client | None = None
    """How long those wait who send them, and what they do when an attempt comes to nothing; by
    default they wait for ever."""
    deadline: (
        Annotated[float, number("duration", above=0, most=366 * DAY_S, certain=True)] | None
    ) = None
    """Time from its arrival in which a request of a batch is to be answered, such as 24h, in place
    of an slo; 99 % of them are to be. They wait in the queue of a gateway before their pools and
    leave it after the others; the share that met it and when the last came are told."""
    yields: Annotated[str, one_of(*YIELDS)] | None = None
    """When requests with a deadline give way to others. running: one that runs leaves its batch
    when another one waits on the replica for a place or for KV blocks, and goes on later, for which
    it computes again what was in the cache, as in SGLang with priorities. queue: they only leave
    the gateway's queue after them, as before an engine without priorities; default running."""
    yields_after: (
        Annotated[float, number("duration", least=0, most=366 * DAY_S, certain=True)] | None
    ) = None
    """How long an interactive request waits there before one that runs leaves for it; 0s as in
    SGLang. In most waits a place becomes free anyway, and what leaves is computed again; default
    1s."""
    deadline_guard: (
        Annotated[float, number("duration", least=0, most=366 * DAY_S, certain=True)] | None
    ) = None
    """How long before its deadline a request that runs keeps its place; default a tenth of the
    deadline."""
    priority: Annotated[str, one_of(*PRIORITIES)] = "standard"
    """Class of its requests: critical, standard (or interactive), batch, sheddable leave the queue
    of a gateway in this order, and that of a replica where its pool has scheduling; sheddable ones
    are turned away while a pool is full (shed_queue). Default standard; batch with a deadline."""
    tenant: Text | None = None
    """Whose requests they are, for scheduling: fair; default a tenant of its own."""
    max_concurrency: Annotated[Number, number("count", least=1, most=1e9, integer=True)] | None = (
        None
    )
    """Requests of this workload that its backend takes in at once; more are rejected. Default
    unlimited."""
    prompt_compression: Annotated[Number, number("share", above=0, most=1)] | None = None
    """Share of the tokens of a prompt that are kept when it is compressed; default all."""
    route: Annotated[routes.Route, routes.route()] | None = None
    """Backend that serves these requests, or a list such as [{to: small, share: 70%, escalate:
    {share: 10%, to: large}}, {to: large, share: 30%}], of which the last is also for prompts that
    none is for; may be left out where there is only one."""
    fallback: Annotated[routes.Fallback, routes.fallback()] | None = None
    """Backends that attempts go on to, in their order, when one rejects them, fails or times out;
    default none."""
    overflow: routes.Overflow | None = None
    """From which queue on attempts go on to the fallback, such as {queue: 50}; default never."""
    degradation: routes.Degradation | None = None
    """Shorter answers while a queue is long, such as {queue: 50, output_share: 60%}; default
    none."""
    regions: Annotated[Users, users()] | None = None
    """Where the users are, such as {eu: 40%, us: 60%}: each region's are a workload of its own on
    its clock. Default next to all backends."""
    routing: Annotated[str, one_of(*ROUTINGS)] | None = None
    """Which of a backend's regions a request is sent to, and then, where it is turned away, fails
    or finds a long queue (overflow), the next: nearest, cheapest, cleanest (grams a kWh, by the
    hour where grids have hours), or night, farthest from noon by the clock. Default nearest."""
    stay: Annotated[Stay, staying()] | None = None
    """Regions that requests may not leave: [eu], or {eu: [eu]} for those of eu; default none."""
    value_per_request: Dollars | None = None
    """Revenue of an answered request; default 0."""
    value_per_task: Dollars | None = None
    """Revenue of a completed task; default 0."""
    value_per_outcome: Outcome | None = None
    """Revenue of those tasks that come to something, such as {value: 1.5, share: 60%}."""
    value_per_user_month: Dollars | None = None
    """Revenue of an active user in a month; default 0."""
    active_users: Annotated[Number, number("count", least=0, most=1e11)] | None = None
    """Users that pay, and that costs are divided by; default those of the arrivals."""


class ScenarioDocument(Model):
    """A service, its traffic and the fleet that serves it."""

    name: Annotated[str, text(200)]
    """What is simulated; names the folder of the results."""
    description: Text | None = None
    """Anything a reader should know."""
    horizon: Horizon = Field(default_factory=Horizon)
    """The simulated time."""
    workloads: Annotated[dict[str, Workload], Field(min_length=1)]
    """Streams of requests by name."""
    backends: Annotated[dict[str, Backend], Field(min_length=1)]
    """What serves them, by name."""
    cluster: Cluster | None = None
    """GPUs that all pools share, such as {gpus: 24}; default each pool has what it asks for."""
    budgets: Annotated[dict[str, SharedBudget], Field(min_length=1)] | None = None
    """What may be spent at several APIs together in a day, week or month, by name, such as {team:
    {usd: 500, per: month, backends: [small, large]}}; default none."""
    variants: Annotated[dict[str, Variants], Field(min_length=1)] | None = None
    """Backends of several pools, such as H100 beside L40S behind one router and one autoscaler, by
    name, such as {chat: {pools: [h100, l40s]}}; default each pool stands alone."""
    energy: Energy | None = None
    """Energy and carbon of the site, such as {pue: 1.2, grid: {region: FRA}}, {} for the energy of
    the GPUs alone; default they are not asked for."""
    regions: Annotated[dict[str, Region], Field(min_length=1)] | None = None
    """Parts of the world where users are and backends stand, by name, such as {eu: {clock:
    Europe/Berlin, latency: {us: 90ms}}}; default one place."""
    zones: Zones | None = None
    """Zones that pools are spread over, whose outages take all that is there, such as {names: [a,
    b], planned: [{zone: a, start: 2h, duration: 1h}]}; default none is ever lost."""
    one_off: OneOff | None = None
    """Training, fine-tuning or a migration, such as {cost: 50 kUSD, life_months: 18}; for 'sim
    breakeven' what switching costs, whichever side is switched to; default none."""
    thresholds: list[Annotated[str, threshold()]] = Field(default_factory=list)
    """What the answer of 'sim run' has to keep to, such as [slo_met >= 95%]; where it does not, the
    exit code is 3. Default none."""
    worlds: Annotated[int, whole(1, 10_000_000)] = 200
    """How many worlds to simulate."""
    seed: Annotated[int, whole(0, LAST_SEED)] = 0
    """Beginning of all random numbers."""
    fidelity: Annotated[Literal["exact", "auto"], one_of("exact", "auto")] | None = None
    """exact simulates every day of the horizon; auto, for horizons of four weeks and more, a sample
    of days, drawn by load and events in each world, that stand for the others: about a twentieth of
    the requests, with intervals that hold what this adds; default exact."""


def taking_part(document: ScenarioDocument) -> dict[str, Backend]:
    """The backends by name, but for candidates that no request of a resolved one may come to."""
    each = document.workloads.values()
    named = {
        name
        for workload in each
        for name in reached(workload, document.backends, document.variants)
    }
    return {
        name: backend
        for name, backend in document.backends.items()
        if not backend.candidate or name in named
    }


def reached(
    workload: Workload, backends: Mapping[str, Any], joined: Mapping[str, Variants] | None
) -> tuple[str, ...]:
    """Names of the backends that requests of a resolved workload may come to.

    Of what has variants these; those to which others hand their prompts come last.
    """
    assert workload.route is not None
    named = routes.reached_of(workload.route, workload.fallback)
    names = [each for name in named for each in variants.members(joined, name) or [name]]
    handoffs = [getattr(backends[name], "handoff", None) for name in names if name in backends]
    return tuple(dict.fromkeys((*names, *(each.to for each in handoffs if each is not None))))
