"""Charges: what one kind of thing costs at a backend, hour by hour.

Four costs, in the words of FOCUS: **list** is what the public price without any discount would be;
**contracted** is by the price agreed upon; **effective** spreads what is paid in advance over what
it pays for, and is the cost everywhere else in this software; **billed** is on the bills of the
hour.

Each dollar of the effective cost goes to one of four uses. **Used**: what the answers that somebody
waited for would have cost at the capacity of what was paid for (what preempted sequences prefill
again is for their answers). **Headroom**: ready, with somebody in the batch, and not needed at that
moment: batches that are not full, room for peaks and for the SLO. **Idle**: nothing to do at all,
starting or draining, or committed to and not taken. **Wasted**: as used, but for nobody.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Pricing = Literal["Standard", "Dynamic", "Committed", "Other"]
Status = Literal["", "Used", "Unused"]
Frequency = Literal["Usage-Based", "One-Time", "Recurring"]

USES = ("used", "headroom", "idle", "wasted")
PROMPT, CACHED, WRITTEN, OUTPUT = 0, 1, 2, 3  # rows of the tokens of a charge


@dataclass(frozen=True, slots=True)
class Charge:
    """One kind of charge of a backend.

    All arrays are (hours,) float64 unless they say otherwise.

    Attributes
    ----------
    backend : str
    kind : str
        What is paid for: ``on_demand``, ``amortisation``, ``tokens``, ...
    unit : str
        Of ``quantity`` and ``consumed``: ``GPU-Hours``, ``Tokens``, ...
    quantity, consumed : array
        What is priced, and what of it was put to use.
    list_usd, contracted_usd, effective_usd, billed_usd : array
    headroom_usd, idle_usd, wasted_usd : array
        Of the effective cost; the rest is used.
    workload_usd : (workloads,) float64
        Effective cost of the whole horizon, shared between the workloads.
    workload_wasted_usd : (workloads,) float64
        Of that, what is wasted; headroom and idle are shared like the whole cost.
    tokens : (4, hours) float64
        That were served for it: of prompts, of these cached and written, and of answers.
    saved_usd : array
        What the list cost would be more if no prompt had been found in a provider's memory: below 0
        where writing into it costs more than is read.
    pricing : {"Standard", "Dynamic", "Committed", "Other"}
        On demand, spot, or committed to in advance; other is what no price list has.
    status : {"", "Used", "Unused"}
        Of a commitment.
    frequency : {"Usage-Based", "One-Time", "Recurring"}
        Usage, or the purchase of a commitment: what is paid for other charges, used or not. Its
        effective cost is theirs, and what it has on the bill they have not.
    """

    backend: str
    kind: str
    unit: str
    quantity: FloatArray
    consumed: FloatArray
    list_usd: FloatArray
    contracted_usd: FloatArray
    effective_usd: FloatArray
    billed_usd: FloatArray
    headroom_usd: FloatArray
    idle_usd: FloatArray
    wasted_usd: FloatArray
    workload_usd: FloatArray
    workload_wasted_usd: FloatArray
    tokens: FloatArray
    saved_usd: FloatArray
    pricing: Pricing = "Standard"
    status: Status = ""
    frequency: Frequency = "Usage-Based"

    @property
    def is_purchase(self) -> bool:
        """Whether it is the purchase of a commitment."""
        return self.frequency != "Usage-Based"

    @property
    def used_usd(self) -> FloatArray:
        """What of the effective cost went to answers: (hours,)."""
        return self.effective_usd - self.headroom_usd - self.idle_usd - self.wasted_usd


def charge(
    backend: str,
    kind: str,
    unit: str,
    quantity: FloatArray,
    usd: FloatArray,
    shares: FloatArray,
    *,
    consumed: FloatArray | None = None,
    list_usd: FloatArray | None = None,
    contracted_usd: FloatArray | None = None,
    billed_usd: FloatArray | None = None,
    headroom_usd: FloatArray | None = None,
    idle_usd: FloatArray | None = None,
    wasted_usd: FloatArray | None = None,
    wasted_shares: FloatArray | None = None,
    tokens: FloatArray | None = None,
    saved_usd: FloatArray | None = None,
    pricing: Pricing = "Standard",
    status: Status = "",
) -> Charge:
    """A charge of which only what differs need be said.

    Parameters
    ----------
    usd : (hours,) float64
        Effective cost. List cost is the same unless given; contracted cost is the same, but for
        commitments, where it is the list cost, for it excludes what they save; billed cost is the
        same, but 0 for commitments, which are on the bill as purchases. All is used, unless given,
        but what is unused, which is idle; all of the quantity is consumed.
    shares : (workloads,) float64
        Of the workloads, adding up to 1.
    wasted_shares : (workloads,) float64, optional
        Of the workloads in what is wasted, adding up to 1; by default those in the cost.
    """
    nothing = np.zeros_like(usd)
    is_unused = status == "Unused"
    wasted = _or(wasted_usd, nothing)
    public_usd = _or(list_usd, nothing if is_unused else usd)
    return Charge(
        backend,
        kind,
        unit,
        quantity,
        _or(consumed, nothing if is_unused else quantity),
        public_usd,
        _or(contracted_usd, public_usd if status else usd),
        usd,
        _or(billed_usd, nothing if status else usd),
        _or(headroom_usd, nothing),
        _or(idle_usd, usd if is_unused else nothing),
        wasted,
        shares * usd.sum(),
        _or(wasted_shares, shares) * wasted.sum(),
        _or(tokens, np.zeros((4, len(usd)))),
        _or(saved_usd, nothing),
        pricing,
        status,
    )


def purchase(
    backend: str,
    kind: str,
    unit: str,
    quantity: FloatArray,
    billed_usd: FloatArray,
    shares: FloatArray,
    frequency: Frequency,
) -> Charge:
    """A commitment on the bill.

    Parameters
    ----------
    quantity : (hours,) float64
        That may be used for it: in the hour where it recurs, over its whole term where it is paid
        once.
    """
    nothing = np.zeros_like(billed_usd)
    return Charge(
        backend,
        kind,
        unit,
        quantity,
        consumed=nothing,
        list_usd=billed_usd,
        contracted_usd=billed_usd,
        effective_usd=nothing,
        billed_usd=billed_usd,
        headroom_usd=nothing,
        idle_usd=nothing,
        wasted_usd=nothing,
        workload_usd=np.zeros_like(shares),
        workload_wasted_usd=np.zeros_like(shares),
        tokens=np.zeros((4, len(billed_usd))),
        saved_usd=nothing,
        frequency=frequency,
    )


def _or(given: FloatArray | None, default: FloatArray) -> FloatArray:
    return default if given is None else given
