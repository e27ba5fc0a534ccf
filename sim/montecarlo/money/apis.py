"""Charges of a managed backend: tokens, provisioned units, commitments, devices."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.state.backend_record import LONG, PROVISIONED, STANDARD
from sim.model.managed import ManagedApi, Provisioned
from sim.model.price import HOUR_S, MONTH_S, Subscription
from sim.montecarlo.money.charge import CACHED, OUTPUT, PROMPT, Charge, charge, purchase
from sim.montecarlo.money.usage import Usage, in_shares

FloatArray = npt.NDArray[np.float64]

TOKENS, UNIT_HOURS, MONTHS = "Tokens", "Unit-Hours", "Months"
KINDS = {STANDARD: "tokens", LONG: "long_context_tokens"}


@dataclass(frozen=True, slots=True)
class Account:
    """A managed backend, and what it did.

    Attributes
    ----------
    api : ManagedApi
    usage : Usage
    users : (workloads,) float64
        Above 0 for those that pay for what nobody used.
    hours_s : (hours + 1,) float64
        Edges of the hours.
    months : list of slice
        The hours of each calendar month.
    """

    api: ManagedApi
    usage: Usage
    users: FloatArray
    hours_s: FloatArray
    months: list[slice]

    @property
    def of_month(self) -> FloatArray:
        """Each hour's part of a mean month: (hours,)."""
        part: FloatArray = np.diff(self.hours_s) / MONTH_S
        return part

    @property
    def shares(self) -> FloatArray:
        """Share of each workload in the tokens worked on; in attempts where there are none."""
        tokens = _work(self.usage.answered + self.usage.wasted).sum(axis=(1, 2))
        return in_shares(tokens, in_shares(self.usage.accepted.sum(axis=1), self.users))


def api_charges(account: Account) -> Iterator[Charge]:
    """All charges of a managed backend."""
    price = account.api.price
    charges = list(_by_the_token(account))
    provisioned = account.api.provisioned
    if provisioned is not None and provisioned.units > 0:
        charges += _units(account, provisioned)
    if price.subscription is not None:
        charges += _fee(account, price.subscription)
    yield from charges
    if price.minimum_usd_per_month > 0:
        spent_usd = sum((c.effective_usd for c in charges), np.zeros(len(account.of_month)))
        yield from _missing(account, spent_usd)
    if price.usd_per_device_month > 0:
        yield _devices(account)


def _by_the_token(account: Account) -> Iterator[Charge]:
    """Tokens that are paid each: by a subscription none within its cap, those beyond at more."""
    subscription = account.api.price.subscription
    every = np.ones(len(account.of_month))
    for billing, kind in KINDS.items():
        if billing != STANDARD and not _tokens(account, billing).any():
            continue
        if subscription is None:
            yield _tokens_charge(account, billing, kind, every, 1.0)
        else:
            beyond = beyond_cap(account, subscription)
            yield _tokens_charge(account, billing, f"included_{kind}", 1.0 - beyond, 0.0)
            multiple = subscription.overage_multiple
            yield _tokens_charge(account, billing, f"overage_{kind}", beyond, multiple)


def _tokens(account: Account, billing: int) -> FloatArray:
    """All tokens of a billing, those of answers and those that were in vain: (4, hours)."""
    usage = account.usage
    tokens: FloatArray = (usage.answered + usage.wasted)[:, :, billing].sum(axis=1)
    return tokens


def _tokens_charge(
    account: Account, billing: int, kind: str, part: FloatArray, multiple: float
) -> Charge:
    """Some part of the tokens of each hour, at a multiple of their price."""
    price, usage = account.api.price, account.usage
    rates = price.rates_of(is_long=billing == LONG)
    middle_s = (account.hours_s[1:] + account.hours_s[:-1]) / 2
    factor = part * price.factor_at(middle_s)
    answered_usd, wasted_usd = (
        rates.usd(*tokens[:, :, billing]) * factor for tokens in (usage.answered, usage.wasted)
    )
    list_usd = answered_usd + wasted_usd  # (workloads, hours)
    workload_usd = list_usd.sum(axis=1) * multiple
    usd = list_usd.sum(axis=0) * multiple
    tokens = _tokens(account, billing)
    nothing = np.zeros_like(tokens[CACHED])
    uncached_usd = rates.usd(tokens[PROMPT], nothing, nothing, tokens[OUTPUT]) * factor
    return charge(
        account.api.name,
        kind,
        TOKENS,
        (tokens[PROMPT] + tokens[OUTPUT]) * part,
        usd,
        in_shares(workload_usd, account.users),
        list_usd=list_usd.sum(axis=0),
        saved_usd=uncached_usd - list_usd.sum(axis=0),
        wasted_usd=wasted_usd.sum(axis=0) * multiple,
        wasted_shares=in_shares(wasted_usd.sum(axis=1), account.users),
        tokens=usage.answered[:, :, billing].sum(axis=1) * part,
    )


def beyond_cap(account: Account, subscription: Subscription) -> FloatArray:
    """Share of each hour's attempts that the subscription does not include, in order of time.

    Returns
    -------
    (hours,) float64
    """
    attempts = account.usage.accepted.sum(axis=0)
    beyond = np.zeros(len(attempts))
    for month in account.months:
        cap = subscription.included_requests * account.of_month[month].sum()
        above = np.maximum(np.cumsum(attempts[month]) - cap, 0.0)
        beyond[month] = np.diff(above, prepend=0.0)
    share: FloatArray = np.divide(beyond, attempts, out=np.zeros_like(beyond), where=attempts > 0)
    return share.clip(0.0, 1.0)


def _fee(account: Account, subscription: Subscription) -> Iterator[Charge]:
    """The flat fee, by how much of what it includes was used."""
    usage, of_month = account.usage, account.of_month
    attempts = usage.accepted.sum(axis=0)
    used_share = np.zeros(len(attempts))
    for month in account.months:
        cap = subscription.included_requests * of_month[month].sum()
        count = attempts[month].sum()
        # Where there is no cap, any use is use of all of it.
        used_share[month] = float(count > 0) if math.isinf(cap) else count / max(cap, count, 1.0)
    paid_each = slice(PROVISIONED)
    answered, wasted = (_work(t)[:, paid_each].sum() for t in (usage.answered, usage.wasted))
    in_vain = wasted / (answered + wasted) if wasted > 0 else 0.0
    usd = of_month * subscription.usd_per_month
    yield charge(
        account.api.name,
        "subscription",
        MONTHS,
        of_month * used_share,
        usd * used_share,
        in_shares(usage.accepted.sum(axis=1), account.users),
        wasted_usd=usd * used_share * in_vain,
        pricing="Committed",
        status="Used",
    )
    unused = of_month * (1 - used_share)
    unused_usd = unused * subscription.usd_per_month
    yield _unused(account, "subscription", MONTHS, unused, unused_usd)
    yield _recurring(account, "subscription", MONTHS, of_month, usd)


def _work(tokens: FloatArray, output_weight: float = 1.0) -> FloatArray:
    """Tokens that count, (workloads, BILLINGS, hours): prompts that are not cached, and answers."""
    work: FloatArray = tokens[PROMPT] - tokens[CACHED] + output_weight * tokens[OUTPUT]
    return work


def _units(account: Account, provisioned: Provisioned) -> Iterator[Charge]:
    """Provisioned units, by how much of their throughput was used."""
    usage, hours = account.usage, np.diff(account.hours_s) / HOUR_S
    capacity = provisioned.units * provisioned.tokens_per_min_per_unit * 60 * hours
    answered, wasted = (
        _work(tokens, provisioned.output_weight)[:, PROVISIONED]
        for tokens in (usage.answered, usage.wasted)
    )
    worked = (answered + wasted).sum(axis=0)
    # What is worked on at the end of an hour may have been let in before it: at most all is used.
    used_share = _over(worked, capacity).clip(0.0, 1.0)
    quantity = provisioned.units * hours
    usd = quantity * account.api.price.usd_per_unit_hour * used_share
    by_work = in_shares((answered + wasted).sum(axis=1), account.shares)
    yield charge(
        account.api.name,
        "provisioned_units",
        UNIT_HOURS,
        quantity * used_share,
        usd,
        by_work,
        wasted_usd=usd * _over(wasted.sum(axis=0), worked),
        wasted_shares=in_shares(wasted.sum(axis=1), by_work),
        tokens=usage.answered[:, :, PROVISIONED].sum(axis=1),
        pricing="Committed",
        status="Used",
    )
    unused = quantity * (1 - used_share)
    unused_usd = unused * account.api.price.usd_per_unit_hour
    # In an hour in which they had something to do, what they had not is headroom.
    headroom_usd = np.where(worked > 0, unused_usd, 0.0)
    yield _unused(account, "provisioned_units", UNIT_HOURS, unused, unused_usd, headroom_usd)
    billed_usd = quantity * account.api.price.usd_per_unit_hour
    yield _recurring(account, "provisioned_units", UNIT_HOURS, quantity, billed_usd)


def _missing(account: Account, spent_usd: FloatArray) -> Iterator[Charge]:
    """What is missing to the committed spend of each month, spread evenly over it.

    What counts towards it is paid as usage; it is the rest that the commitment makes one buy.
    """
    missing_usd = np.zeros(len(spent_usd))
    for month in account.months:
        part = account.of_month[month]
        committed_usd = account.api.price.minimum_usd_per_month * part.sum()
        missing = max(committed_usd - spent_usd[month].sum(), 0.0)
        missing_usd[month] = missing * part / part.sum()
    yield _unused(account, "minimum_spend", "USD", missing_usd, missing_usd)
    yield _recurring(account, "minimum_spend", "USD", missing_usd, missing_usd)


def _unused(
    account: Account,
    kind: str,
    unit: str,
    quantity: FloatArray,
    usd: FloatArray,
    headroom_usd: FloatArray | None = None,
) -> Charge:
    headroom = np.zeros_like(usd) if headroom_usd is None else headroom_usd
    return charge(
        account.api.name,
        kind,
        unit,
        quantity,
        usd,
        account.shares,
        headroom_usd=headroom,
        idle_usd=usd - headroom,
        pricing="Committed",
        status="Unused",
    )


def _recurring(
    account: Account, kind: str, unit: str, quantity: FloatArray, billed_usd: FloatArray
) -> Charge:
    """A commitment that is on the bill hour by hour, used or not."""
    return purchase(account.api.name, kind, unit, quantity, billed_usd, account.users, "Recurring")


def _devices(account: Account) -> Charge:
    """A fixed cost of each active device, used or not."""
    price = account.api.price
    device_months = account.of_month * price.active_devices
    usd = device_months * price.usd_per_device_month
    return charge(account.api.name, "devices", "Device-Months", device_months, usd, account.shares)


def _over(top: FloatArray, bottom: FloatArray) -> FloatArray:
    share: FloatArray = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return share
