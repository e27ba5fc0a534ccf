"""Plan: month by month what will be asked, what fleet it takes, how to buy it, what it costs."""

from sim.studies.plan.answer import Commitment, Plan
from sim.studies.plan.outlook import Outlook, Refresh, factor
from sim.studies.plan.study import Terms, plan

__all__ = ["Commitment", "Outlook", "Plan", "Refresh", "Terms", "factor", "plan"]
