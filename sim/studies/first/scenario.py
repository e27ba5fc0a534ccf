"""A first scenario as text: it runs as it stands, and says what to change."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sim.catalog import api_price
from sim.errors import CatalogError
from sim.model.price import DAY_S, MONTH_S
from sim.scenario.backend.replicas import MOST_REPLICAS
from sim.studies.first.backends import api_model, api_text, line, pool_text, provider_of
from sim.studies.first.before import STEPS, arrivals_after, backend_text
from sim.studies.first.kind import KINDS, Kind
from sim.studies.first.pool import DEFAULT_MODEL, FILLED, peak_of, pool_of, replicas_for

API, GPUS, BOTH = "api", "gpus", "both"
SERVED_BY = (API, GPUS, BOTH)
DEFAULT_API = "gpt-4.1-mini"
SPREAD = 0.1  # of the answers' share of a bill, to either side


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
        if kind.before:
            raise CatalogError("a bill says nothing of what is done before the answers")
    if kind.needs_gpus and wishes.served_by != GPUS:
        raise CatalogError(f"no API of the catalogue makes {kind.needs_gpus}: --serve gpus")
    if kind.step and (wishes.model or wishes.gpu):
        raise CatalogError(
            f"{kind.needs_gpus} are made in steps whose times you put into the file: without"
            " --model and --gpu"
        )
    monday = today - timedelta(days=today.weekday())
    return "\n".join(
        [
            _opening(wishes, kind, file),
            f"name: {kind.title}\n",
            _horizon(kind, monday),
            "workloads:",
            *_workloads(wishes, kind),
            "backends:",
            _backends(wishes, kind),
            "worlds: 40    # draws of chance; more of them make the intervals narrower\nseed: 0\n",
        ]
    )


def _workloads(wishes: Wishes, kind: Kind) -> Iterator[str]:
    """Those of the steps before, and that of the answers."""
    arrivals = _arrivals(wishes, kind)
    for step in (STEPS[name] for name in kind.before):
        yield f"  {step.workload}:"
        yield arrivals + step.traffic + f"    route: {step.backend}"
        arrivals = arrivals_after(step)
    yield f"  {kind.workload}:"
    yield arrivals + kind.traffic + _route(wishes, kind)


def _opening(wishes: Wishes, kind: Kind, file: str) -> str:
    commands = _commands(wishes, kind, file)
    width = max(len(command) for command, _ in commands) + 2
    lines = [f"#     {command:<{width}}# {what}" for command, what in commands]
    marked = "# Lines marked (yours?) are assumptions: put your own figures there."
    return "\n".join([f"# {kind.title}: a first scenario.", "#", *lines, "#", marked, ""])


_DECIDED = {False: "from which volume on GPUs pay", True: "GPUs beside the API"}


def decision(kind: Kind, file: str) -> str:
    """The command that holds GPUs against the API.

    A break-even has one backend serve all; steps before an answer have backends of their own.
    """
    if not kind.before:
        return f"sim breakeven {file}"
    return f"sim compare {file} --variant 'gpus: workloads.{kind.workload}.route=fleet'"


def _commands(wishes: Wishes, kind: Kind, file: str) -> list[tuple[str, str]]:
    """What to do with it, and why."""
    meaning = (f"sim explain workloads.{kind.workload}", "what a key means and takes")
    if wishes.served_by == BOTH:
        return [
            (decision(kind, file), _DECIDED[bool(kind.before)]),
            (f"sim run {file}", "the API alone, as it is"),
            (f"sim run {file} --set workloads.{kind.workload}.route=fleet", "GPUs alone"),
            meaning,
        ]
    commands = [(f"sim run {file}", "cost, utilisation and latency")]
    if wishes.served_by == GPUS and not kind.burst_s:
        which = " --backend fleet" if kind.before else ""
        size = f"sim size {file}{which} --worlds 100"  # fewer cannot tell
        commands.append((size, "the fewest replicas that keep the SLO"))
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
        count = max(round(float(volume)), 1)
        return line(
            f"    arrivals: {{users: {count}, requests: {count}, think_time: 0s}}", "yours?"
        )
    if wishes.usd_per_month is not None:
        bill = f"      usd_per_month: {wishes.usd_per_month:.12g}"
        many = line(bill, "what the API's bill says") + _shares(wishes, kind)
    else:
        spread = f"{{lognormal: {{p50: {volume}, p95: {2 * float(volume):.12g}}}}}"
        many = line(f"      requests_per_day: {volume}", f"{kind.counted}; yours?")
        many += f"      # Not sure? requests_per_day: {spread}\n"
    return (
        "    arrivals:\n"
        + many
        + line(f"      shape: {kind.shape}", "daily peaks; 'sim catalog shapes'")
        + line("      dispersion: {cv: 0.2, timescale: 1h}", "slow swings; yours?")
    )


def _shares(wishes: Wishes, kind: Kind) -> str:
    """How the dollars of the bill are shared: as lengths have it, more or less."""
    prompts, answers = _usd_of_million(wishes, kind)
    share = answers / (prompts + answers)
    low, high = (round(100 * min(max(end, 0.02), 0.98)) for end in (share - SPREAD, share + SPREAD))
    text = f"      bill_shares: {{output: {{uniform: {{low: {low}%, high: {high}%}}}}}}"
    return line(text, "of its dollars; yours?")


def _route(wishes: Wishes, kind: Kind) -> str:
    if wishes.served_by == BOTH:
        return line("    route: api", "or: fleet")
    if not kind.before:
        return ""
    return f"    route: {'api' if wishes.served_by == API else 'fleet'}\n"


def _backends(wishes: Wishes, kind: Kind) -> str:
    """Who answers."""
    volume = _volume(wishes, kind)
    parts = [backend_text(STEPS[name], volume, kind.shape) for name in kind.before]
    if kind.step:
        return _of_steps(kind, volume)
    if wishes.served_by != GPUS:
        parts.append(api_text(wishes.api or DEFAULT_API, kind.says_again))
    if wishes.served_by != API:
        usual = kind.mean_prompt + kind.mean_output
        model = wishes.model or kind.model or DEFAULT_MODEL
        pool = pool_of(model, wishes.gpu, usual)
        replicas = replicas_for(kind, volume, pool)
        if replicas > MOST_REPLICAS:
            raise _too_many(wishes, kind, replicas)
        parts.append(pool_text(pool, replicas, kind.says_again, wishes.served_by == BOTH))
    return "\n".join(parts)


def _of_steps(kind: Kind, volume: float) -> str:
    """A pool that takes a fixed number of steps for each request."""
    replicas = max(math.ceil(volume * peak_of(kind.shape) / DAY_S * kind.step_s / FILLED), 1)
    if replicas > MOST_REPLICAS:
        raise CatalogError(f"--volume {volume:g}: takes {replicas:,} replicas: give less")
    return (
        "  fleet:\n    kind: gpu_pool\n"
        "    # Times of a step by how many are made at once: not measured. (yours?)\n"
        f"    service: {kind.step}\n"
        + line(f"    replicas: {replicas}", "of 1 GPU each: a guess by mean loads")
        + line("    price: {usd_per_gpu_hour: 2.99}", "on demand; yours?")
    )


def _too_many(wishes: Wishes, kind: Kind, replicas: int) -> CatalogError:
    """No pool is so large: the error, with what one could answer."""
    bill = wishes.usd_per_month
    amount = (wishes.volume or kind.volume) if bill is None else bill
    would = MOST_REPLICAS / replicas * amount
    would = math.floor(would / 10 ** (digits := math.floor(math.log10(would)))) * 10.0**digits
    return CatalogError(
        f"{'--volume' if bill is None else '--from-bill'} {amount:g}: takes about {replicas:,}"
        f" replicas, and a pool has at most {MOST_REPLICAS:,}: give at most about {would:g}, or"
        " --serve api"
    )


def _volume(wishes: Wishes, kind: Kind) -> float:
    """Arrivals a day, or a night; those of a bill by mean lengths and the list price."""
    if wishes.usd_per_month is None:
        return wishes.volume or kind.volume
    usd = sum(_usd_of_million(wishes, kind)) * 1e-6 * kind.calls
    return wishes.usd_per_month * DAY_S / MONTH_S / usd


def _usd_of_million(wishes: Wishes, kind: Kind) -> tuple[float, float]:
    """What the prompts and the answers of a million usual requests cost at the API's list price."""
    api = api_model(wishes.api or DEFAULT_API)
    rates = api_price(api, provider_of(api)).rates
    return rates.input * kind.mean_prompt, rates.output * kind.mean_output
