"""Charges: what one kind of thing costs at a backend, hour by hour.

Four costs, in the words of FOCUS: **list** is what the public price without any discount would be;
**contracted** is by the price agreed upon; **effective** spreads what is paid in advance over what
it pays for, and is the cost everywhere else in this software; **billed** is on the bills of the
hour. Of the effective cost some is **wasted** on answers that nobody waited for, some is **idle**:
paid, and not used. The rest is useful.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Pricing = Literal["Standard", "Dynamic", "Committed", "Other"]
Status = Literal["", "Used", "Unused"]

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
    wasted_usd, idle_usd : array
        Of the effective cost.
    workload_usd : (workloads,) float64
        Effective cost of the whole horizon, shared between the workloads.
    tokens : (4, hours) float64
        That were served for it: of prompts, of these cached and written, and of answers.
    pricing : {"Standard", "Dynamic", "Committed", "Other"}
        On demand, spot, or committed to in advance; other is what no price list has.
    status : {"", "Used", "Unused"}
        Of a commitment.
    is_purchase : bool
        Paid in advance for other charges; its effective cost is theirs.
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
    wasted_usd: FloatArray
    idle_usd: FloatArray
    workload_usd: FloatArray
    tokens: FloatArray
    pricing: Pricing = "Standard"
    status: Status = ""
    is_purchase: bool = False


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
    wasted_usd: FloatArray | None = None,
    idle_usd: FloatArray | None = None,
    tokens: FloatArray | None = None,
    pricing: Pricing = "Standard",
    status: Status = "",
    is_purchase: bool = False,
) -> Charge:
    """A charge of which only what differs need be said.

    Parameters
    ----------
    usd : (hours,) float64
        Effective cost. List, contracted and billed cost are the same unless given; nothing is
        wasted or idle, unless given, but what is unused; all of the quantity is consumed.
    shares : (workloads,) float64
        Of the workloads, adding up to 1.
    """
    nothing = np.zeros_like(usd)
    is_unused = status == "Unused"
    return Charge(
        backend,
        kind,
        unit,
        quantity,
        _or(consumed, nothing if is_unused else quantity),
        _or(list_usd, nothing if is_unused else usd),
        _or(contracted_usd, nothing if is_unused else usd),
        usd,
        _or(billed_usd, usd),
        _or(wasted_usd, nothing),
        _or(idle_usd, usd if is_unused else nothing),
        shares * usd.sum(),
        _or(tokens, np.zeros((4, len(usd)))),
        pricing,
        status,
        is_purchase,
    )


def _or(given: FloatArray | None, default: FloatArray) -> FloatArray:
    return default if given is None else given
