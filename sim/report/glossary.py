"""The words of the answers, each with one meaning: what people who read them ask about first."""

import click

from sim.errors import PeakfleetError
from sim.report.paragraph import answer_width, lines_of

GLOSSARY = {
    "alone, in all": (
        "An input's share of a figure's variance over worlds: by itself (first-order index), and "
        "with all that it does together with others (total index)."
    ),
    "at least": (
        "A figure that could only be larger: some requests were still waiting when the "
        "simulated time ended, or had no answer. Printed as ≥."
    ),
    "attainment": "The share of requests within their SLO; one without an answer is outside.",
    "attempt": "One sending of a request; a retry or a hedge is a further attempt at the same one.",
    "backlog": "Requests that have come and have no answer yet, waiting or in a batch.",
    "batch": "The requests that a replica works on at the same time.",
    "bill": (
        "What a month costs at an API's prices: tokens of prompts, cached ones and answers. A "
        "scenario may take its volume from one (usd_per_month of arrivals)."
    ),
    "bounds": (
        "Between what a share of worlds lies. The test that decides in 'sim size' looks several "
        "times, and so has wider ones than a 95 % interval."
    ),
    "break-even": (
        "The volume from which on a side costs no more than the API, at every greater volume."
    ),
    "budget": (
        "What must not be exceeded: USD a month of a plan, USD a day, week or month of one API or "
        "several before their gateway leaves them out; with retries, the share of them allowed."
    ),
    "cannot tell": (
        "So few worlds leave it open: the interval of the share reaches to both sides of what is "
        "asked. More worlds (--worlds) would tell, unless the share is just what is asked."
    ),
    "capacity": (
        "The work that replicas can do at their largest batch: those of the fleet, or of a pool "
        "that scales, all that its autoscaler may start."
    ),
    "cause": "What ran out, or turned requests away, in worlds in which something went wrong.",
    "CO2e": (
        "Grams of CO2 that would warm as much as what is emitted: energy times the intensity of "
        "the grid; what making the machines has emitted is told apart."
    ),
    "cold start": "From asking for a replica until it serves; it is paid from when its node runs.",
    "commitment": "GPUs paid for a term, used or not: reserved for years, or a capacity block.",
    "cost": (
        "What is paid: GPUs from a replica's start to its end and for committed terms, tokens of an"
        " API, fixed costs; per month unless it says otherwise."
    ),
    "costs more, gains": (
        "Of a design on the front, against the next cheaper one: what it costs more, and by how "
        "much it is better, in the median of the worlds' differences."
    ),
    "design": "A scenario with its changes: one of the ways to serve that are compared.",
    "difference": (
        "One design less the other in the same world, under the same arrivals; below 0 the first "
        "has less."
    ),
    "dominated": (
        "A design that another one beats in cost, latency or worlds that meet the SLO, and that is "
        "ahead of it in none of them."
    ),
    "elasticity": (
        "The power of the volume with which cost grows: 1 in proportion, 0 not at all, between "
        "them more slowly than volume."
    ),
    "error of the profile": (
        "How far it may be off. service.error_1 and on are its parts, one for each way in which "
        "measurements leave its coefficients open, in standard deviations."
    ),
    "falls behind": (
        "A world whose backlog is still growing at the end: more work comes than is done."
    ),
    "fleet": "The replicas that serve together; one that is autoscaled has a least and a most.",
    "flips at": (
        "How far a price may change, as a share of today's, before the other side is the cheaper."
    ),
    "front": "The designs that no other one dominates: more of one thing costs some of another.",
    "goodput": "Requests within their SLO per second.",
    "grade": (
        "How well a profile is known: A measured of late and fitted closely, B older or looser, "
        "C computed, or measured and far off in simulations of its own runs."
    ),
    "headroom": "GPU time of a ready replica that has somebody in its batch and room for more.",
    "holds": (
        "In a world, that every SLO is kept and no backlog grows; of a fleet, that it does so in "
        "as many worlds as are asked for."
    ),
    "horizon": "The simulated time, such as one day or a week.",
    "idle": "GPU time in which a replica has nobody, starts, drains, or is committed and not used.",
    "interval": (
        "In brackets or beside a figure: where it would lie with infinitely many worlds, 95 "
        "times in 100."
    ),
    "knee": "The load from which on latency grows much faster than load.",
    "KV cache": (
        "The memory of a replica's GPUs for the tokens of the requests in its batch; where it "
        "is full, requests wait or are preempted."
    ),
    "loses requests": "A world in which requests time out, are turned away, fail or are given up.",
    "margin": "Revenue less cost, as a share of revenue.",
    "median world": (
        "The world in the middle: half of the others are better in that figure, half worse. Each "
        "figure has its own, of each workload and backend, too."
    ),
    "miss": "A request that is not within its SLO, for it was late or had no answer.",
    "one-off": "Paid once, such as training: one_off of a scenario, spread over its life.",
    "oracle": (
        "A fleet that knows each hour beforehand and has just the replicas that keep its SLO: "
        "no policy costs less."
    ),
    "over capacity": (
        "An hour in which more work is offered than capacity: no autoscaler could have served "
        "it. Where replicas are not started yet, requests wait without it."
    ),
    "p5, p50, p95": (
        "The value that 5 of 100, half, or 95 of 100 stay below: of requests in a latency's name, "
        "of worlds in a column's head."
    ),
    "paid at once": (
        "What is paid before anything is saved: machines, the one-off cost, --switching-cost."
    ),
    "payback": "The time until what is saved has paid for what is paid at once.",
    "points": (
        "The difference of two shares in per cent: from 97 % to 99 % are 2 points; the quality "
        "of answers has points of its own scale."
    ),
    "pool": "Replicas of one kind behind one gateway (kind: gpu_pool).",
    "practically equal": (
        "So near that it is of no use: the whole interval of the difference lies within "
        "--equal-within (1 %) of the other design's figure."
    ),
    "preempted": (
        "Put out of the batch for want of KV cache, or for a request of a more urgent class, to be "
        "worked on again later."
    ),
    "profile": "What an engine, a model and a GPU can do: measured, or computed where nobody did.",
    "quota": "What a provider allows in a minute, day or week, of requests and tokens, or at once.",
    "ready": "Of a replica: started, warmed up, and taking requests; the others start or drain.",
    "recovery": "The time from the end of a spike until requests are within their SLO again.",
    "regret": "What a choice costs more, in a world, than the choice that is best in that world.",
    "rejected": "Turned away at once: by a quota, a budget, a full queue, or as too long.",
    "replica": "One copy of the model on its GPUs.",
    "saved": (
        "What switching saves in a month: the API's cost less the other side's; below 0 it "
        "costs more."
    ),
    "served nothing": (
        "A backend that no request was sent to in any world, and that costs all the same: take it "
        "out of the scenario, or give it a share of a route."
    ),
    "side": "One way to serve everything: an API, a pool of GPUs, users' devices.",
    "SLO": "What good service is: such as a first token within 2 s for 95 of 100 requests.",
    "spike": "A short time of several times the rate; recovery counts from its end.",
    "staff": (
        "People paid by the month: fixed_usd_per_month of a pool, or staff_usd_per_month where its"
        " price is that of owned machines."
    ),
    "sure": "In how many worlds the side that is marked is the cheapest.",
    "token": (
        "A piece of text, about three quarters of an English word: what prompts and answers are "
        "counted and paid in."
    ),
    "tornado": (
        "What a figure becomes when each uncertain input alone goes from its p10 to its p90."
    ),
    "tp": "Tensor parallelism: tp4 in a profile's name is one copy of the model on four GPUs.",
    "TPOT": "Time per output token: the pace of an answer after its first token.",
    "TTFT": "Time to first token: from sending a request until its answer begins.",
    "used": "GPU time that the answers would have taken in batches as full as may be.",
    "utilisation": (
        "Serving time in which a replica has a request in its batch; one request is enough, so "
        "work offered tells more."
    ),
    "variance": (
        "How widely a figure is spread over worlds; an input's share of it (Sobol index) goes "
        "away once the input is known."
    ),
    "verdict": "Which of two is lower, where the interval of their difference leaves 0 out.",
    "volume": "Arrivals on a mean day of the month.",
    "warm-up": "The beginning of the horizon, which no latency counts.",
    "wasted": "GPU time spent on work for nobody: clients had left, or asked again.",
    "whole answer": "The time from sending a request until the last token of its answer.",
    "work offered": "The work that comes, as a share of capacity; above 100 % a queue grows.",
    "world": (
        "One draw of everything that nobody knows (next year's volume, the error of a "
        "benchmark), simulated with its own arrivals; an answer is a distribution over worlds."
    ),
    "worst hour": "The hour of the horizon whose latency is highest.",
    "worst served": "The workload whose latency comes nearest to its SLO, or exceeds it most.",
}
SAID_AS = {  # what people ask for, by the word of the answers, or the key, that has it
    "429": "rejected",
    "answer": "whole answer",
    "answer time": "whole answer",
    "breakeven": "break-even",
    "breaks": "holds",
    "cached share": "cache_hit_rate",
    "certainty": "interval",
    "chain": "arrivals.after",
    "cheaper": "verdict",
    "cheapest": "verdict",
    "ci": "interval",
    "cold-start": "cold start",
    "confidence": "interval",
    "confidence interval": "interval",
    "context length": "max_model_len",
    "costs more in": "saved",
    "data residency": "stay",
    "decode": "TPOT",
    "depreciation": "owned",
    "disaggregated": "handoff",
    "disaggregation": "handoff",
    "does, for more": "holds",
    "draw": "world",
    "eagle": "speculative_decoding",
    "electricity": "usd_per_kwh",
    "end-to-end latency": "whole answer",
    "error": "error of the profile",
    "failover": "regions",
    "fallen behind": "falls behind",
    "fallen behind at the end": "falls behind",
    "first token": "TTFT",
    "follow the sun": "routing",
    "geo-routing": "routing",
    "gpus at peak": "fleet",
    "gpus reserved": "commitment",
    "heterogeneous": "variants",
    "hold": "holds",
    "in flight": "backlog",
    "in months": "payback",
    "in most worlds": "verdict",
    "in years": "flips at",
    "inferencepool": "variants",
    "input p10 → p90": "tornado",
    "inter-token latency": "TPOT",
    "kv memory": "KV cache",
    "kv offload": "tiers",
    "latency": "whole answer",
    "lora": "adapters",
    "lora adapters": "adapters",
    "median": "median world",
    "migration": "paid at once",
    "missed": "miss",
    "misses": "miss",
    "mixed gpus": "variants",
    "moves it from … to": "tornado",
    "mtp": "speculative_decoding",
    "multi-lora": "adapters",
    "offload": "tiers",
    "on the front": "front",
    "overload": "falls behind",
    "pareto": "front",
    "pareto front": "front",
    "peak hour": "worst hour",
    "per output token": "TPOT",
    "percentile": "p50",
    "pipeline": "arrivals.after",
    "preemption": "preempted",
    "prefill": "TTFT",
    "prefill/decode": "handoff",
    "quantile": "p50",
    "rag": "arrivals.after",
    "rate limit": "quota",
    "region": "regions",
    "replication": "world",
    "requests lost": "loses requests",
    "reserved": "commitment",
    "salary": "staff",
    "saving": "saved",
    "scheduling policy": "scheduling",
    "sensitivity": "variance",
    "shortest job first": "scheduling",
    "simulation": "world",
    "sjf": "scheduling",
    "sla": "SLO",
    "slo met": "SLO",
    "sobol": "variance",
    "sobol index": "variance",
    "speculation": "speculative_decoding",
    "speculative": "speculative_decoding",
    "switching cost": "paid at once",
    "tensor parallel": "tp",
    "tensor parallelism": "tp",
    "term": "payback",
    "the answer": "verdict",
    "throttled": "rejected",
    "too much work, not simulated": "over capacity",
    "turned away": "rejected",
    "uncertainty": "world",
    "undecided": "cannot tell",
    "unused": "served nothing",
    "utilization": "utilisation",
    "within its life": "payback",
    "worlds that hold": "holds",
    "write-off": "payback",
    "written off": "payback",
}


def glossary_lines() -> list[str]:
    """All words, each with its meaning beside it."""
    margin = max(map(len, GLOSSARY)) + 2
    lines = []
    for word, text in GLOSSARY.items():
        first, *others = lines_of(text, answer_width() - margin)
        lines.append(click.style(word, bold=True) + " " * (margin - len(word)) + first)
        lines += [" " * margin + line for line in others]
    return lines


def is_word(word: str) -> bool:
    """Whether the glossary has it, in any case."""
    return word.casefold() in _meanings()


def _meanings() -> dict[str, str]:
    """By word in lower case; two words of one meaning are found together and each by itself."""
    every = {part: text for word, text in GLOSSARY.items() for part in (word, *word.split(", "))}
    return {word.casefold(): text for word, text in every.items()}


def known_by(word: str) -> str:
    """The word of the glossary, or the key, that people mean; as it was given if it is unknown.

    >>> known_by("Flips"), known_by("SLA"), known_by("replicas"), known_by("fleets")
    ('flips at', 'SLO', 'replica', 'fleet')
    """
    plain = " ".join(word.casefold().replace("_", " ").split())
    singular = plain.removesuffix("s")
    bare = plain.rpartition("service.")[2].rstrip("0123456789").strip()
    for form in (plain, singular, singular.replace("-", " "), bare):
        if form in SAID_AS:
            return SAID_AS[form]
        if form in _meanings():
            return form
    begun = [each for each in GLOSSARY if each.casefold().split()[0].removesuffix("s") == singular]
    return begun[0] if len(begun) == 1 else word


def words_in(phrase: str) -> dict[str, str]:
    """Words of the glossary that a phrase of the answers is made of, with their meanings.

    >>> list(words_in("Work offered to capacity")), list(words_in("slo_attainment"))
    (['capacity', 'work offered'], ['attainment', 'slo'])
    """
    words = phrase.casefold().replace("_", " ").replace(",", " ").replace(":", " ").split()
    spaced = (f" {' '.join(words)} ", f" {' '.join(word.removesuffix('s') for word in words)} ")
    meanings = _meanings().items()
    return {word: text for word, text in meanings if any(f" {word} " in each for each in spaced)}


def meaning(word: str) -> str:
    """What a word means, in any case.

    Raises
    ------
    PeakfleetError
        If it is none of the glossary's.

    Examples
    --------
    >>> meaning("replica")
    'One copy of the model on its GPUs.'
    """
    known = _meanings()
    if word.casefold() not in known:
        raise PeakfleetError(f"'{word}' is not in the glossary ({', '.join(GLOSSARY)})")
    return known[word.casefold()]
