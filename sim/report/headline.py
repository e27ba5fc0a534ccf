"""The answer of a run in words: a sentence, the worst world, and what went wrong."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.montecarlo.shares import Share, percent
from sim.montecarlo.verdict import MOST_DIAGNOSED
from sim.report import ending_text
from sim.report.budget_text import spent_budgets
from sim.report.evidence import evidence
from sim.report.fidelity_text import days_text
from sim.report.figures import BY_METRIC, text
from sim.report.fleet_text import held_text
from sim.report.means_text import undrawn_text
from sim.studies.measure import compact

Estimate = Mapping[str, Any]

WORTH_SAYING = 0.005  # share of requests without an answer, from which on it is part of the answer
AMPLIFIED = 1.5  # attempts per request; a few timeouts do not get there
FIRST_TOKEN = "peak_hour_ttft_p95_s"
SPEEDS = {  # of what a latency is, and over which time
    FIRST_TOKEN: ("time to first token", " in the worst hour"),
    "peak_hour_e2e_p95_s": ("time of a whole answer", " in the worst hour"),
    "tpot_p95_s": ("time per output token", ""),
}
TROUBLES = {  # count of worlds: where there are some, where there are none
    "over_capacity": ("an hour is over capacity in {}", "has an hour over capacity"),
    "falls_behind": ("the fleet falls behind in {}", "falls behind"),
    "loses_requests": ("requests are lost in {}", "loses requests"),
}
KINDS = {
    "over_capacity": "an hour over capacity",
    "falls_behind": "fallen behind at the end",
    "misses_slo": "the SLO missed",
    "loses_requests": "requests lost",
}
FATES = {  # of requests without an answer
    "rejected": "turned away",
    "timed_out": "timed out",
    "failed": "failed",
    "gave_up": "given up by their users",
}
TURNS_AWAY = (  # causes
    "budget",
    "cooldown",
    "quota",
    "provisioned",
    "devices",
    "context length",
    "shedding",
    "queue limit",
    "concurrency limit",
)
LOST_WITHIN = "The SLO is met; what is lost within it"
HARDLY = 0.001  # of the requests, below which nobody asks what became of them
MOST_DRAWS = 4  # in the text; all are in summary.json


def sentence(summary: Mapping[str, Any]) -> str:
    """The answer in one sentence."""
    worlds = summary["replications"]
    about = f"{worlds:,} world{'s' if worlds != 1 else ''}"
    stopped = " before it was interrupted" if summary["interrupted"] else ""
    subject = f"{summary['scenario']}, {ending_text.time_of(summary)}, {about}{stopped}"
    return f"{subject}: {'; '.join(_clauses(summary))}."


def _clauses(summary: Mapping[str, Any]) -> Iterator[str]:
    metrics = summary["metrics"]
    rests_on = f" ({summary['month']})" if summary.get("month") else ""
    month = f"the median cost is {{}} a month{rests_on}{_for_nothing(summary)}"
    if not ending_text.is_job(summary):
        yield from _clause(metrics, "cost_usd_per_month", month)
    yield from ending_text.clauses(summary)
    loses = metrics.get("loses_money")
    if loses and loses["mean"] is not None:
        yield from _clause(metrics, "gross_margin", "the median gross margin is {}")
        without = loses["n"] - metrics["gross_margin"]["n"]
        if without:
            yield f"there is no revenue in {Share(without, loses['n']).words()}"
        if loses["mean"] > 0.0:
            losing = Share(round(loses["mean"] * loses["n"]), loses["n"])
            yield f"money is lost in {losing.words()}"
    yield from _service(summary)
    if median(metrics, "time_to_recover_s") > 0.0:
        yield from _clause(metrics, "time_to_recover_s", "recovery after a spike takes {}")
    yield from _troubles(summary)


def _for_nothing(summary: Mapping[str, Any]) -> str:
    """What of a month's cost is for machines that nothing was sent to in any world."""
    paid = {
        name: _amount(own, "cost_usd_per_month")
        for name, own in summary["backends"].items()
        if _unused(own) and median(own, "cost_usd_per_month") > 0.0
    }
    if not paid:
        return ""
    each = (f"{amount} for {name}, which served nothing" for name, amount in paid.items())
    return f", of these {' and '.join(each)}"


def _unused(own: Mapping[str, Estimate]) -> bool:
    attempts = own.get("attempts")
    return attempts is not None and attempts["mean"] == 0.0


def _service(summary: Mapping[str, Any]) -> Iterator[str]:
    """How the worst workload is served in the median world, and who waits longer without an SLO."""
    served = summary["workloads"]
    losing = max(served, key=lambda name: median(served[name], "unanswered_share"), default="")
    unanswered = median(served.get(losing, {}), "unanswered_share")
    worst = summary["worst_workloads"][0]
    several = len(summary["worst_workloads"]) > 1
    where, those = "in the median world ", ""
    if unanswered >= WORTH_SAYING:
        whose = f"of the requests of {losing}" if several else "of requests"
        why = _fate(served[losing], summary["causes"])
        yield f"{where}{percent(round(unanswered, 3))} {whose} are not answered{why}"
        where = ""
        those = " of the others" if losing == worst["name"] else ""
    of = f" of {worst['name']}, the worst served," if several else ""
    said = _waits(served.get(worst["name"], {}), worst)
    if said:
        yield f"{where}the p95 time to first token{of or those} {said}"
    slowest = _slower_without_slo(summary)
    if slowest:
        wait = _amount(served[slowest], FIRST_TOKEN)
        yield f"{slowest}, which has no SLO, waits {wait}"


def _fate(estimates: Mapping[str, Estimate], causes: Sequence[Mapping[str, Any]]) -> str:
    """What became of most of the requests without an answer, and what turned them away."""
    counts = {fate: median(estimates, fate) for fate in FATES}
    fate = max(counts, key=lambda each: counts[each])
    if counts[fate] <= 0:
        return ""
    by = next((each for each in causes if each["cause"] in TURNS_AWAY), None)
    if fate != "rejected" or by is None:
        return f", mostly {FATES[fate]}"
    return f", mostly {FATES[fate]} by {by['meaning']} ({by['backend']})"


def _waits(estimates: Mapping[str, Estimate], worst: Mapping[str, Any]) -> str:
    """The time to first token, and the latency that comes nearest to its threshold."""
    metric, limit_s = worst["metric"], worst["limit_s"]
    asked = f" ({_named(estimates)} {_threshold(metric, limit_s)})" if limit_s is not None else ""
    first = _amount(estimates, FIRST_TOKEN)
    if not first:
        return ""
    _, when = SPEEDS[FIRST_TOKEN]
    if metric == FIRST_TOKEN:
        return f"is {first}{when}{asked}"
    nearest = _amount(estimates, metric)
    what, then = SPEEDS[metric]
    return f"is {first}{when}, the p95 {what} {nearest}{then if then != when else ''}{asked}"


def _named(estimates: Mapping[str, Estimate]) -> str:
    """What the threshold of a workload is called."""
    return "deadline" if "deadline_met_share" in estimates else "SLO"


def _slower_without_slo(summary: Mapping[str, Any]) -> str:
    """The slowest workload, if it has no SLO and is slower than the worst; empty otherwise."""
    worst, *others = summary["worst_workloads"]
    waits = {
        each["name"]: median(summary["workloads"].get(each["name"], {}), FIRST_TOKEN)
        for each in (worst, *others)
    }
    slowest = max(waits, key=lambda name: waits[name])
    free = [each["name"] for each in others if each["attainment"] is None]
    return slowest if slowest in free and waits[slowest] > waits[worst["name"]] else ""


def _troubles(summary: Mapping[str, Any]) -> Iterator[str]:
    """In how many worlds the SLO is met, and in how many something goes wrong."""
    counts = shares(summary)
    missing = counts.pop("misses_slo")
    if missing is None:
        yield "no SLO is stated"
    else:
        met = Share(missing.worlds - missing.count, missing.worlds)
        yield f"the SLO is met in {met.words()}{_though(summary, missing)}"
    found = {name: share for name, share in counts.items() if share is not None}
    is_met = missing is not None and not _in_most(missing)
    by_all = all(each["attainment"] is not None for each in summary["worst_workloads"])
    for name, share in found.items():
        if share.count:
            yet = "yet " if is_met and _in_most(share) else ""
            allowed = ", no more of them than the SLO allows" if yet and by_all else ""
            words = TROUBLES[name][0].format(share.words())
            yield f"{yet}{words}{allowed if name == 'loses_requests' else ''}"
    never = [TROUBLES[name][1] for name, share in found.items() if not share.count]
    if never:
        bound = next(share.bounds() for share in found.values() if not share.count)
        yield f"no world {_either(never)} {bound}"


def _though(summary: Mapping[str, Any], missing: Share) -> str:
    """That an SLO is met over the whole run, where the worst hour beside it is not within it."""
    worst = summary["worst_workloads"][0]
    metric, limit_s = worst["metric"], worst["limit_s"]
    known = summary["workloads"].get(worst["name"], {})
    hourly = limit_s is not None and metric.startswith("peak_hour_")
    if not hourly or _in_most(missing) or median(known, metric) <= limit_s:
        return ""
    return (
        f", as {percent(worst['attainment'])} of the requests of the whole run are within it,"
        " though not in the worst hour"
    )


def _in_most(share: Share) -> bool:
    return 2 * share.count >= share.worlds


def shares(summary: Mapping[str, Any]) -> dict[str, Share | None]:
    """Worlds by what went wrong in them; None where it cannot."""
    return {
        name: None if found is None else Share(found["count"], found["of"])
        for name, found in summary["worlds"].items()
    }


def _either(parts: list[str]) -> str:
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _clause(metrics: Mapping[str, Estimate], metric: str, words: str) -> Iterator[str]:
    """The median of a figure in words, if there is one."""
    amount = _amount(metrics, metric)
    if amount:
        yield words.format(amount)


def _amount(metrics: Mapping[str, Estimate], metric: str) -> str:
    """The median of a figure with its unit; empty if there is none."""
    estimate = metrics.get(metric)
    if not estimate or estimate["p50"] is None:
        return ""
    bound = "at least " if "p50" in estimate.get("at_least", ()) else ""
    return bound + _amount_of(metric, estimate["p50"])


def _amount_of(metric: str, value: float) -> str:
    return text(BY_METRIC[metric], value)


def _threshold(metric: str, limit_s: float) -> str:
    """A threshold as people write it.

    >>> _threshold("tpot_p95_s", 0.05), _threshold("peak_hour_e2e_p95_s", 60.0)
    ('50 ms', '60 s')
    """
    number, unit = _amount_of(metric, limit_s).rsplit(" ", 1)
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def median(metrics: Mapping[str, Estimate], metric: str) -> float:
    """The median of a figure; 0 where there is none."""
    estimate = metrics.get(metric)
    return float(estimate["p50"] or 0.0) if estimate else 0.0


def paragraphs(summary: Mapping[str, Any], worst: bool = True) -> Iterator[str]:
    """What to be told beside the answer: causes, the worst world if asked, a vicious circle."""
    yield from _computed(summary)
    too_short = _too_short(summary)
    yield from too_short or _causes(summary)
    yield from held_text(summary)
    yield from spent_budgets(summary)
    yield from _least_month(summary)
    yield from undrawn_text(summary["means_rest_on"]["undrawn"])
    yield from days_text(summary)
    if worst and summary["replications"] > 1:
        yield _worst_world(summary)
    metrics = summary["metrics"]
    attempts, wasted, offered = (
        median(metrics, name)
        for name in ("retry_amplification", "wasted_work_share", "offered_load")
    )
    if attempts > AMPLIFIED and wasted > offered and wasted + offered > 1.0:
        yield (
            f"Retries hold the fleet down: what is asked of it would fill"
            f" {percent(round(offered, 2))} of it, but clients send {attempts:.1f} attempts for"
            f" each request, and {percent(round(wasted, 2))} of the work serves nobody. A retry"
            f" budget, a server that drops what its client has left, or a shorter queue breaks the"
            f" circle."
        )


def _too_short(summary: Mapping[str, Any]) -> list[str]:
    """That the horizon ends before the first answer: then nothing else is the cause."""
    metrics = summary["metrics"]
    waiting = median(metrics, "in_flight_end")
    ended = (median(metrics, name) for name in ("completed", "unanswered_share"))
    if not waiting or any(ended):
        return []
    many = "request is" if waiting == 1 else "requests are"
    return [
        f"The horizon ends before the first answer: {waiting:,.0f} {many} still under way in the"
        " median world. A longer one tells, or one that waits for them (--set horizon.end=drained)."
    ]


def _least_month(summary: Mapping[str, Any]) -> Iterator[str]:
    """That a quiet horizon does not tell what an autoscaled fleet costs in a month."""
    least = summary["metrics"].get("month_is_least")
    if least and least["mean"]:
        worlds = Share(round(least["mean"] * least["n"]), least["n"]).words()
        yield (
            f"A month may cost more: in {worlds} an autoscaled fleet stays at its least all the"
            " time, while a mean day brings more requests. A whole week (--set horizon.days=7)"
            " tells."
        )


def _computed(summary: Mapping[str, Any]) -> Iterator[str]:
    """Pools whose profile nobody measured."""
    for name, service in summary["services"].items():
        if service["grade"] == "C" and not service["measured"]:
            yield (
                f"Computed, not measured: {name} rests on {service['profile']}, whose speed is"
                f" known to some {100 * service['fit_error']:.0f} % (mean error)."
            )


def _causes(summary: Mapping[str, Any]) -> Iterator[str]:
    """Why worlds missed their SLO, lost requests or fell behind."""
    looked, head = summary["diagnosed"], _of_what(summary)
    for each in summary["causes"]:
        lost = each["signs"].get("unanswered_share")
        if head == LOST_WITHIN and lost is not None and lost < HARDLY:
            continue
        share = f"{each['worlds']} of {looked} such worlds, " if looked > 1 else ""
        shown = evidence(each["cause"], each["signs"])
        yield f"{head}: {each['meaning']} ({share}{each['backend']}): {shown}."


def _of_what(summary: Mapping[str, Any]) -> str:
    """What causes are those of: of trouble, of that of few worlds, or of what an SLO allows."""
    found = shares(summary)
    missing, looked, worlds = found["misses_slo"], summary["diagnosed"], summary["replications"]
    behind = found["falls_behind"]
    if missing is None or _in_most(missing) or (behind is not None and _in_most(behind)):
        return "Cause"
    losing = found["loses_requests"]
    if not missing.count and not (behind and behind.count):
        return LOST_WITHIN
    if looked < MOST_DIAGNOSED and not (losing and _in_most(losing)):
        return f"Where it goes wrong, in {looked} of {worlds:,} worlds"
    return "Cause, where it goes wrong"


def _worst_world(summary: Mapping[str, Any]) -> str:
    """The number of the worst world, what became of it, and how to have it again."""
    worst = summary["worst_world"]
    number, metric = worst["world"], worst["metric"]
    of = f" of {worst['workload']}" if len(summary["worst_workloads"]) > 1 else ""
    parts = []
    if worst[metric] is not None:
        what, when = SPEEDS[metric]
        named = _named(summary["workloads"].get(worst["workload"], {}))
        asked = f" ({named} {_threshold(metric, worst['limit_s'])})" if worst["limit_s"] else ""
        parts.append(f"the p95 {what}{of} is {_amount_of(metric, worst[metric])}{when}{asked}")
    if worst["slo_attainment"] is not None:
        kind = "within the SLO" if worst["limit_s"] else "answered"
        parts.append(f"{percent(round(worst['slo_attainment'], 3))} of its requests are {kind}")
    peak = worst["figures"]["offered_load_peak"]
    if peak and not ending_text.is_job(summary):
        parts.append(f"work offered is up to {percent(round(peak, 2))} of capacity")
    if worst["cause"]:
        cause = worst["cause"]
        parts.append(f"the cause is {cause['meaning']} ({cause['backend']})")
    told = f": {'; '.join(parts)}" if parts else ""
    idle = tuple(f"backends.{name}." for name, own in summary["backends"].items() if _unused(own))
    draws = {path: draw for path, draw in worst["draws"].items() if not path.startswith(idle)}
    return (
        f"Worst is world {number}{told}.{_drawn(draws)}"
        f" --worlds {number + 1} --seed {summary['seed']} ends with it."
    )


def _drawn(draws: Mapping[str, Mapping[str, float]]) -> str:
    """What was drawn, the least usual first."""
    if not draws:
        return ""
    order = sorted(draws, key=lambda path: -abs(draws[path]["level"] - 0.5))
    shown = (
        f"{path} {compact(draws[path]['value'])} (p{100 * draws[path]['level']:.3g})"
        for path in order[:MOST_DRAWS]
    )
    more = len(draws) - MOST_DRAWS
    others = f", and {more} in summary.json" if more > 0 else ""
    return f" It has drawn {', '.join(shown)}{others}."
