"""Clients of a workload: the keys, what they mean by default, and the client that they make."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Final, get_args

from sim.model import client as model
from sim.model.client import RETRIES, BeyondLimit, Jitter, Retry, RetryBudget
from sim.model.scheduling import BATCH, CRITICAL, SHEDDABLE, STANDARD
from sim.scenario.values.fields import Reads, number, one_of, some_of
from sim.scenario.values.numbers import Number, extent, in_words, known, may_exceed
from sim.scenario.values.part import Abbreviated, Model
from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.units import format_duration
from sim.scenario.values.varied import Varied, varied

Draws = Mapping[str, float]

PRIORITIES: Final = {
    "critical": CRITICAL,
    "standard": STANDARD,
    "interactive": STANDARD,
    "batch": BATCH,
    "sheddable": SHEDDABLE,
}
CAUSES: Final = ("timeout", "rejection", "failure")
ON_TIMEOUT: Final = ("server_stops", "server_works_on")
LONGEST_WAIT_S: Final = 30 * 86_400.0
MOST_RETRIES: Final = 100
WITHOUT_LIMIT: Final = 10**9  # retries that no request lives to make
CAPACITY: Final = 100.0  # tokens of a budget: retries it grants at once after a quiet time
SHARE: Final = number("share", least=0, most=10)


class Budget(Abbreviated):
    """A token bucket that the retries of all clients draw on; it begins full."""

    main: ClassVar[tuple[str, Reads]] = ("per_request", SHARE)

    per_request: Annotated[Number, SHARE] | None = None
    """Tokens that a request puts in when it is first sent: 10% allows one retry in ten requests."""
    per_success: Annotated[Number, number("share", least=0, most=1000)] | None = None
    """Tokens that an answered request puts in."""
    capacity: Annotated[Number, number("count", above=0, most=1e9)] | None = None
    """Tokens that it holds, and so the retries in a row that it grants; default 100."""
    cost: Annotated[Number, number("count", above=0, most=1e6)] | None = None
    """Tokens that a retry takes; default 1."""
    timeout_cost: Annotated[Number, number("count", above=0, most=1e6)] | None = None
    """Tokens that a retry after a timeout takes; default the cost."""


class Retries(Abbreviated):
    """Which attempts are made again, when, and how often."""

    main: ClassVar[tuple[str, Reads]] = ("preset", one_of(*RETRIES))
    counted: ClassVar[tuple[str, Reads] | None] = (
        "max_retries",
        number("count", least=0, most=MOST_RETRIES, integer=True),
    )

    preset: Annotated[str, one_of(*RETRIES)] | None = None
    """The client whose code is followed where no other key says otherwise."""
    max_retries: (
        Annotated[Number, number("count", least=0, most=MOST_RETRIES, integer=True)] | None
    ) = None
    """Retries of one request; without it and without a preset there is no limit."""
    base: Annotated[Number, number("duration", least=0, most=LONGEST_WAIT_S)] | None = None
    """Delay before the first retry; each further one doubles it. Default 0.5s."""
    cap: Annotated[Number, number("duration", least=0, most=LONGEST_WAIT_S)] | None = None
    """Longest delay; default 8s."""
    jitter: Annotated[Jitter, one_of(*get_args(Jitter))] | None = None
    """Whether a delay is shortened by chance by up to a quarter (the default), drawn between 0 and
    the whole (full), or always the same (none)."""
    after: Annotated[list[str], some_of(*CAUSES)] | None = None
    """After what an attempt is made again; default timeout, rejection and failure."""
    retry_after_limit: (
        Annotated[Number, number("duration", least=0, most=LONGEST_WAIT_S)] | None
    ) = None
    """Longest Retry-After of a rejection that replaces the delay; default 0, none does."""
    beyond_limit: Annotated[BeyondLimit, one_of(*get_args(BeyondLimit))] | None = None
    """After a longer Retry-After: give_up, or back_off as without it (the default)."""
    budget: Budget | None = None
    """Token bucket of the retries of all clients, such as 10% (of the requests), in place of that
    of the preset; default none."""


class Client(Model):
    """How long a client waits, and what it does when an attempt comes to nothing."""

    timeout: Annotated[Number, number("duration", above=0, most=LONGEST_WAIT_S)] | None = None
    """Longest time of an attempt, from its sending to its last token; default unlimited."""
    first_token_timeout: (
        Annotated[Number, number("duration", above=0, most=LONGEST_WAIT_S)] | None
    ) = None
    """Longest wait of an attempt for its first token; default unlimited."""
    on_timeout: Annotated[str, one_of(*ON_TIMEOUT)] | None = None
    """Whether the server drops what nobody waits for any more (the default), or works on."""
    retries: Retries | None = None
    """Which attempts are made again: the name of a client, how many, or a mapping; default none."""
    patience: Annotated[Varied, varied()] | None = None
    """How long a user waits for the first token, over all attempts; a distribution says how it
    differs between requests. Default for ever."""
    hedge: Annotated[Number, number("duration", above=0, most=LONGEST_WAIT_S)] | None = None
    """Wait for the first token after which a second attempt is sent beside the first, such as 2s;
    the one that begins first goes on. Default never."""


def resolved(client: Client, path: Path, findings: Findings) -> Client:
    """The client with its presets and defaults written out; notes what contradicts itself."""
    path = (*path, "client")
    timeout, first = client.timeout, client.first_token_timeout
    if timeout is not None and first is not None and may_exceed(first, timeout):
        rule = f"must be at most timeout ({in_words(timeout, format_duration)})"
        message = f"{in_words(first, format_duration)} {rule}"
        findings.add((*path, "first_token_timeout"), message)
    _check_hedge(client, path, findings)
    if client.retries is not None and not _given(client.retries):
        findings.add((*path, "retries"), "is an empty mapping", f"one of {', '.join(RETRIES)}")
    retries = _in_full(client.retries or Retries.model_construct(preset="none"))
    _check(retries, (*path, "retries"), findings)
    limits = (timeout, first, client.patience, client.hedge)
    waits_for_ever = all(limit is None for limit in limits)
    on_timeout = client.on_timeout or (None if waits_for_ever else ON_TIMEOUT[0])
    return client.model_copy(update={"on_timeout": on_timeout, "retries": retries})


def _check_hedge(client: Client, path: Path, findings: Findings) -> None:
    """Note a hedge that would come after the attempt beside which it is sent."""
    if client.hedge is None:
        return
    for key in ("first_token_timeout", "timeout"):
        limit = getattr(client, key)
        if limit is not None and extent(client.hedge)[1] >= extent(limit)[0]:
            message = f"must be shorter than {key}, or none is ever sent"
            findings.add((*path, "hedge"), message, f"see {key}")
            return


def _in_full(retries: Retries) -> Retries:
    """The retries with every key that has a value in place of the preset."""
    budget = None if retries.budget is None else _budget_in_full(retries.budget)
    filled = {**_as_given(retries), **_given(retries), "preset": None, "budget": budget}
    if budget is None and retries.preset is not None:
        preset = RETRIES[retries.preset].budget
        filled["budget"] = None if preset is None else Budget.model_construct(**asdict(preset))
    return Retries.model_construct(**filled)


def _as_given(retries: Retries) -> dict[str, Any]:
    """What the preset, or else the default, comes to, as a scenario would give it."""
    retry = RETRIES[retries.preset or "none"]
    causes = (retry.after_timeout, retry.after_rejection, retry.after_failure)
    return {
        "max_retries": None if retries.preset is None else float(retry.max_retries),
        "base": retry.base_s,
        "cap": retry.cap_s,
        "jitter": retry.jitter,
        "after": [name for name, after in zip(CAUSES, causes, strict=True) if after],
        "retry_after_limit": retry.retry_after_limit_s,
        "beyond_limit": retry.beyond_limit,
    }


def _budget_in_full(budget: Budget) -> Budget:
    cost = 1.0 if budget.cost is None else budget.cost
    defaults = {
        "per_request": 0.0, "per_success": 0.0, "capacity": CAPACITY, "cost": cost,
        "timeout_cost": cost,
    }  # fmt: skip
    return Budget.model_construct(**{**defaults, **_given(budget)})


def _given(part: Model) -> dict[str, Any]:
    return {key: value for key, value in part if value is not None}


def _check(retries: Retries, path: Path, findings: Findings) -> None:
    """Note limits that contradict each other; all keys that have a value are filled in."""
    base, cap, budget = retries.base, retries.cap, retries.budget
    assert base is not None and cap is not None
    if may_exceed(base, cap):
        rule = f"must be at least base ({in_words(base, format_duration)})"
        findings.add((*path, "cap"), f"{in_words(cap, format_duration)} {rule}")
    at_once = extent(base)[0] == 0 or extent(cap)[0] == 0
    if at_once and retries.max_retries is None and budget is None:
        message = "has neither a delay nor a limit, and would retry for ever at the same instant"
        findings.add(path, message, "add base, max_retries or budget")
    if budget is None:
        return
    path = (*path, "budget")
    assert budget.capacity is not None
    for key, cost in (("cost", budget.cost), ("timeout_cost", budget.timeout_cost)):
        assert cost is not None
        if may_exceed(cost, budget.capacity):
            rule = f"must be at least {key} ({in_words(cost)}), or no retry is ever made"
            findings.add((*path, "capacity"), f"{in_words(budget.capacity)} {rule}")
            return
    if budget.per_request == 0 and budget.per_success == 0:
        findings.add(path, "is never refilled", "add per_request, such as per_request: 10%")


def compiled(client: Client | None, draws: Draws) -> model.Client:
    """The client in a world."""
    if client is None:
        return model.Client()
    assert client.retries is not None
    return model.Client(
        ttft_timeout_s=_limit(client.first_token_timeout, draws),
        timeout_s=_limit(client.timeout, draws),
        server_stops=client.on_timeout != "server_works_on",
        retry=_retry(client.retries, draws),
        patience=None if client.patience is None else client.patience.distribution(draws),
        hedge=None if client.hedge is None else model.Hedge(known(client.hedge, draws)),
    )


def _limit(number: Number | None, draws: Draws) -> float:
    return math.inf if number is None else known(number, draws)


def _retry(retries: Retries, draws: Draws) -> Retry:
    after, most = retries.after or (), retries.max_retries
    assert retries.jitter is not None and retries.beyond_limit is not None
    return Retry(
        max_retries=WITHOUT_LIMIT if most is None else int(known(most, draws)),
        base_s=_known(retries.base, draws),
        cap_s=_known(retries.cap, draws),
        jitter=retries.jitter,
        after_timeout="timeout" in after,
        after_rejection="rejection" in after,
        after_failure="failure" in after,
        retry_after_limit_s=_known(retries.retry_after_limit, draws),
        beyond_limit=retries.beyond_limit,
        budget=None if retries.budget is None else _budget(retries.budget, draws),
    )


def _budget(budget: Budget, draws: Draws) -> RetryBudget:
    return RetryBudget(**{key: _known(value, draws) for key, value in budget})


def _known(number: Number | None, draws: Draws) -> float:
    """The value of what resolution has filled in."""
    assert number is not None
    return known(number, draws)
