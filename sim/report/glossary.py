"""The words of the answers, each with one meaning: what people who read them ask about first."""

import click

from sim.errors import PeakfleetError
from sim.report.paragraph import answer_width, lines_of

GLOSSARY = {
    "at least": (
        "A figure that could only be larger: some requests were still waiting when the simulated"
        " time ended, or had no answer. Printed as ≥."
    ),
    "attainment": "The share of requests within their SLO; one without an answer is outside.",
    "attempt": "One sending of a request; a retry or a hedge is a further attempt at the same one.",
    "break-even": (
        "The volume from which on a side costs no more than the API, at every greater volume."
    ),
    "budget": (
        "What must not be exceeded: USD a month of a plan, USD a day, week or month of an API"
        " before its gateway leaves it out; with retries, the share of them allowed."
    ),
    "capacity": (
        "The work that replicas can do at their largest batch: those of the fleet, or of a pool"
        " that scales, all that its autoscaler may start."
    ),
    "cause": "What ran out, or turned requests away, in worlds in which something went wrong.",
    "cold start": "From asking for a replica until it serves; it is paid from when its node runs.",
    "elasticity": (
        "The power of the volume with which cost grows: 1 in proportion, 0 not at all, between them"
        " more slowly than volume."
    ),
    "falls behind": (
        "A world whose backlog is still growing at the end: more work comes than is done."
    ),
    "flips at": (
        "How far a price may change, as a share of today's, before the other side is the cheaper."
    ),
    "goodput": "Requests within their SLO per second.",
    "headroom": "GPU time of a ready replica that has somebody in its batch and room for more.",
    "horizon": "The simulated time, such as one day or a week.",
    "idle": "GPU time in which a replica has nobody, starts, drains, or is committed and not used.",
    "interval": (
        "In brackets or beside a figure: where it would lie with infinitely many worlds, 95 times"
        " in 100."
    ),
    "knee": "The load from which on latency grows much faster than load.",
    "loses requests": "A world in which requests time out, are turned away, fail or are given up.",
    "miss": "A request that is not within its SLO, for it was late or had no answer.",
    "oracle": (
        "A fleet that knows each hour beforehand and has just the replicas that keep its SLO: no"
        " policy costs less."
    ),
    "over capacity": (
        "An hour in which more work is offered than capacity: no autoscaler could have served it."
        " Where replicas are not started yet, requests wait without it."
    ),
    "p50, p95": (
        "The value that half, or 95 of 100, stay below: of requests in a latency's name, of worlds"
        " in a column's head."
    ),
    "payback": "The time until what is saved has paid for what is paid at once.",
    "points": (
        "The difference of two shares in per cent: from 97 % to 99 % are 2 points; the quality of"
        " answers has points of its own scale."
    ),
    "profile": "What an engine, a model and a GPU can do: measured, or computed where nobody did.",
    "regret": "What a choice costs more, in a world, than the choice that is best in that world.",
    "replica": "One copy of the model on its GPUs.",
    "side": "One way to serve everything: an API, a pool of GPUs, users' devices.",
    "SLO": "What good service is: such as a first token within 2 s for 95 of 100 requests.",
    "spike": "A short time of several times the rate; recovery counts from its end.",
    "TPOT": "Time per output token: the pace of an answer after its first token.",
    "TTFT": "Time to first token: from sending a request until its answer begins.",
    "used": "GPU time that the answers would have taken in batches as full as may be.",
    "warm-up": "The beginning of the horizon, which no latency counts.",
    "wasted": "GPU time spent on work for nobody: clients had left, or asked again.",
    "work offered": "The work that comes, as a share of capacity; above 100 % a queue grows.",
    "world": (
        "One draw of everything that nobody knows (next year's volume, the error of a benchmark),"
        " simulated with its own arrivals; an answer is a distribution over worlds."
    ),
    "worst hour": "The hour of the horizon whose latency is highest.",
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


def words_in(phrase: str) -> dict[str, str]:
    """Words of the glossary that a phrase of the answers is made of, with their meanings.

    >>> list(words_in("Work offered to capacity")), list(words_in("slo_attainment"))
    (['capacity', 'work offered'], ['attainment', 'slo'])
    """
    spaced = f" {phrase.casefold().replace('_', ' ')} "
    return {word: text for word, text in _meanings().items() if f" {word} " in spaced}


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
