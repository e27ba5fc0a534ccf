"""Money: what a replication costs, what it brings in, and what of it was of use.

**Dollars** are conserved: ``cost_usd`` is the sum of the effective costs on the bill, per backend
and in total; it is the sum over workloads; and each of these is used + headroom + idle + wasted.
"""

from sim.montecarlo.money.bill import Bill, CostLine, costs
from sim.montecarlo.money.charge import Charge
from sim.montecarlo.money.figures import money

__all__ = ["Bill", "Charge", "CostLine", "costs", "money"]
