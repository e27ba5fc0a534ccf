"""Plan: month by month what will be asked, what fleet it takes, how to buy it, what it costs."""

from sim.studies.plan.answer import Plan
from sim.studies.plan.breaking import Break, Kept
from sim.studies.plan.notation import factor, growth
from sim.studies.plan.outlook import Outlook, Refresh, Retraining
from sim.studies.plan.purchase import Commitment, Terms
from sim.studies.plan.study import plan

__all__ = [
    "Break",
    "Commitment",
    "Kept",
    "Outlook",
    "Plan",
    "Refresh",
    "Retraining",
    "Terms",
    "factor",
    "growth",
    "plan",
]
