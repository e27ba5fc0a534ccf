"""A first scenario as text: it runs as it stands, and says what to change."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sim.catalog import api_models, api_price, api_providers, default_gpu_price
from sim.catalog.naming import known_as
from sim.catalog.table import no_such
from sim.errors import CatalogError
from sim.studies.first.kind import KINDS, Kind
from sim.studies.first.pool import DEFAULT_MODEL, Pool, pool_of, replicas_for

API, GPUS, BOTH = "api", "gpus", "both"
SERVED_BY = (API, GPUS, BOTH)
DEFAULT_API = "gpt-4.1-mini"
COLUMN = 40  # of comments
DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a first scenario is to be about.

    Attributes
    ----------
    kind : str
        One of ``KINDS``.
    served_by : str
        One of ``SERVED_BY``.
    volume : float or None
        Arrivals a day, or documents a night; None for the usual ones of the kind.
    usd_per_month : float or None
        The bill that says how many there are, in place of ``volume``.
    api : str or None
        Model of the API.
    model : str or None
        Model, or profile, on the GPUs.
    gpu : str or None
    """

    kind: str = "chat"
    served_by: str = API
    volume: float | None = None
    usd_per_month: float | None = None
    api: str | None = None
    model: str | None = None
    gpu: str | None = None


def first_scenario(wishes: Wishes, file: str, today: date) -> str:
    """The text of a scenario.

    Parameters
    ----------
    wishes : Wishes
    file : str
        Where it will be, for the commands in its comments.
    today : date
        It begins on the Monday of this week.

    Raises
    ------
    CatalogError
        If the catalogue has no such model or GPU, or a bill cannot say how many requests there are.
    """
    kind = KINDS[wishes.kind]
    if wishes.usd_per_month is not None:
        if kind.burst_s:
            raise CatalogError("a bill by the month says nothing of the documents of one night")
        if wishes.served_by == GPUS:
            raise CatalogError("a bill is that of an API: it goes with --serve api or both")
    monday = today - timedelta(days=today.weekday())
    pool = pool_of(wishes.model or DEFAULT_MODEL, wishes.gpu) if _has_pool(wishes) else None
    return "\n".join(
        [
            _opening(wishes, kind, file),
            f"name: {kind.title}\n",
            _horizon(kind, monday),
            "workloads:",
            f"  {kind.workload}:",
            _arrivals(wishes, kind) + kind.traffic + _route(wishes),
            "backends:",
            backends(wishes, kind, pool),
            "worlds: 40    # draws of chance; more of them make the intervals narrower\nseed: 0\n",
        ]
    )


def _has_pool(wishes: Wishes) -> bool:
    return wishes.served_by != API


def _opening(wishes: Wishes, kind: Kind, file: str) -> str:
    commands = _commands(wishes, kind, file)
    width = max(len(command) for command, _ in commands) + 2
    lines = [f"#     {command:<{width}}# {what}" for command, what in commands]
    marked = "# Lines marked (yours?) are assumptions: put your own figures there."
    return "\n".join([f"# {kind.title}: a first scenario.", "#", *lines, "#", marked, ""])


def _commands(wishes: Wishes, kind: Kind, file: str) -> list[tuple[str, str]]:
    """What to do with it, and why."""
    meaning = (f"sim explain workloads.{kind.workload}", "what a key means and takes")
    if wishes.served_by == BOTH:
        return [
            (f"sim breakeven {file}", "from which volume on GPUs pay"),
            (f"sim run {file} --set backends.fleet=null", "the API alone"),
            (f"sim run {file} --set workloads.{kind.workload}.route=fleet", "GPUs alone"),
            meaning,
        ]
    commands = [(f"sim run {file}", "cost, utilisation and latency")]
    if wishes.served_by == GPUS and not kind.burst_s:
        commands.append((f"sim size {file}", "the fewest replicas that keep the SLO"))
    if not kind.burst_s:
        commands.append((f"sim stress {file} --growth 10", "what breaks first at 10x"))
    return [*commands, meaning]


def _horizon(kind: Kind, monday: date) -> str:
    if kind.burst_s:
        return f"horizon: {{start: {monday} 18:00, days: 1, warm_up: 0, end: drained}}\n"
    return f"horizon: {{start: {monday}, days: 1}}   # a Monday; days: 7 for a whole week\n"


def _arrivals(wishes: Wishes, kind: Kind) -> str:
    """When requests come, and how many."""
    volume = f"{wishes.volume or kind.volume:.12g}"
    if kind.burst_s:
        count = round(float(volume))
        return _line(
            f"    arrivals: {{users: {count}, requests: {count}, think_time: 0s}}", "yours?"
        )
    if wishes.usd_per_month is not None:
        bill = f"      usd_per_month: {wishes.usd_per_month:.12g}"
        many = _line(bill, "what the API's bill says")
    else:
        spread = f"{{lognormal: {{p50: {volume}, p95: {2 * float(volume):.12g}}}}}"
        many = _line(f"      requests_per_day: {volume}", f"{kind.counted}; yours?")
        many += f"      # Not sure? requests_per_day: {spread}\n"
    return (
        "    arrivals:\n"
        + many
        + _line(f"      shape: {kind.shape}", "daily peaks; 'sim catalog shapes'")
        + _line("      dispersion: {cv: 0.2, timescale: 1h}", "slow swings; yours?")
    )


def _route(wishes: Wishes) -> str:
    return _line("    route: api", "or: fleet") if wishes.served_by == BOTH else ""


def backends(wishes: Wishes, kind: Kind, pool: Pool | None) -> str:
    """Who answers."""
    parts: list[str] = []
    if wishes.served_by != GPUS:
        parts.append(_api(wishes.api or DEFAULT_API))
    if pool is not None:
        parts.append(_pool(pool, replicas_for(kind, _volume(wishes, kind), pool)))
    return "\n".join(parts)


def _volume(wishes: Wishes, kind: Kind) -> float:
    """Arrivals a day, or a night; those of a bill by mean lengths and the list price."""
    if wishes.usd_per_month is None:
        return wishes.volume or kind.volume
    api = _api_model(wishes.api or DEFAULT_API)
    rates = api_price(api, _provider(api)).rates
    usd = (rates.input * kind.mean_prompt + rates.output * kind.mean_output) * 1e-6 * kind.calls
    return wishes.usd_per_month / DAYS_PER_MONTH / usd


def _api_model(name: str) -> str:
    named = known_as(name, api_models())
    if named is None:
        raise no_such("model with an API", name, api_models(), "sim catalog prices")
    return named


def _provider(api: str) -> str | None:
    """The one that asks least for prompts, where several have the model."""
    several = api_providers(api)
    if len(several) == 1:
        return None
    return min(several, key=lambda who: (api_price(api, who).rates.input, who))


def _api(model: str) -> str:
    named = _api_model(model)
    provider = _provider(named)
    note = "list price; 'sim catalog prices' has others"
    by = "" if provider is None else _line(f"    provider: {provider}", "the least for prompts")
    return (
        "  api:\n"
        "    kind: managed_api\n"
        + _line(f"    model: {named}", note)
        + by
        + "    # quota: openai-tier-1               # limits of your account, if they matter\n"
    )


def _pool(pool: Pool, replicas: int) -> str:
    found = pool.profile
    basis = "measured" if pool.measured else "computed, not measured"
    gpus = found.gpus_per_replica
    each = f"{gpus} GPU{'s' if gpus > 1 else ''}"
    lines = [
        "  fleet:\n    kind: gpu_pool\n",
        f"    # {basis}; 'sim catalog profiles' lists others\n",
        f"    service: {pool.service}\n",
        _line(f"    replicas: {replicas}", f"of {each} each: a guess by mean loads"),
    ]
    try:
        price = default_gpu_price(found.gpu).usd_per_gpu_hour
        lines.append(
            _line(f"    price: {{usd_per_gpu_hour: {price:g}}}", "median on demand; yours?")
        )
    except CatalogError:
        lines.append(_line("    price: {usd_per_gpu_hour: 3}", "no list price: yours?"))
    return "".join(lines)


def _line(text: str, comment: str) -> str:
    return f"{text:<{COLUMN}} # {comment}\n" if len(text) < COLUMN else f"{text}   # {comment}\n"


def backends_beside_a_log(wishes: Wishes) -> dict[str, Any]:
    """Who answers what a log holds, as the mapping of a scenario."""
    found: dict[str, Any] = {}
    if wishes.served_by != GPUS:
        api = _api_model(wishes.api or DEFAULT_API)
        found["api"] = {"kind": "managed_api", "model": api}
        if provider := _provider(api):
            found["api"]["provider"] = provider
    if _has_pool(wishes):
        pool = pool_of(wishes.model or DEFAULT_MODEL, wishes.gpu)
        found["fleet"] = {"kind": "gpu_pool", "service": pool.service, "replicas": 1}
    return found
