"""What APIs count by the month: committed spend, and requests that a subscription includes.

Days are simulated without either and billed by the token alone. Held against a single day's part of
them, a month of busy weekdays and quiet weekends would pay for both what is beyond and what is
missing (:mod:`sim.model.month`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.model.managed import ManagedApi
from sim.model.price import Subscription

FloatArray = npt.NDArray[np.float64]

NO_FEE = Subscription(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Contract:
    """What an API's months are held against, world by world; all (worlds, 1) float64.

    Attributes
    ----------
    minimum_usd : array
        Committed spend.
    fee_usd, included_requests, overage_multiple : array
        Of a subscription; without one no request is included, and all are paid once.
    """

    minimum_usd: FloatArray
    fee_usd: FloatArray
    included_requests: FloatArray
    overage_multiple: FloatArray

    def usd(self, tokens_usd: FloatArray, attempts: FloatArray) -> FloatArray:
        """Bills of months: (worlds, months).

        Parameters
        ----------
        tokens_usd : (worlds, months) float64
            What all of their tokens cost one by one.
        attempts : (worlds, months) float64

        Examples
        --------
        >>> one = np.ones((1, 1))
        >>> fee = Contract(0 * one, 100 * one, 30_000 * one, 2 * one)
        >>> fee.usd(np.array([[500.0, 900.0]]), np.array([[20_000.0, 40_000.0]])).tolist()
        [[100.0, 550.0]]
        """
        beyond = np.maximum(attempts - self.included_requests, 0.0)
        share = np.divide(beyond, attempts, out=np.ones_like(attempts), where=attempts > 0)
        spent = self.fee_usd + tokens_usd * share * self.overage_multiple
        return np.asarray(np.maximum(spent, self.minimum_usd))


def by_the_token(api: ManagedApi) -> ManagedApi:
    """The API without what is counted by the month."""
    return replace(api, price=replace(api.price, minimum_usd_per_month=0.0, subscription=None))


def contracts(designs: Sequence[Design]) -> Mapping[str, Contract]:
    """The contracts of every API, from the designs of all worlds."""
    return {
        api.name: _contract([design.managed[place] for design in designs])
        for place, api in enumerate(designs[0].managed)
    }


def _contract(apis: Sequence[ManagedApi]) -> Contract:
    fees = [api.price.subscription or NO_FEE for api in apis]

    def column(values: Sequence[float]) -> FloatArray:
        return np.array(values, np.float64)[:, None]

    return Contract(
        column([api.price.minimum_usd_per_month for api in apis]),
        column([fee.usd_per_month for fee in fees]),
        column([fee.included_requests for fee in fees]),
        column([fee.overage_multiple for fee in fees]),
    )
