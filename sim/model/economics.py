"""What answers bring in, and what is paid once before the first of them."""

from dataclasses import dataclass

from sim.model.rule import require


@dataclass(frozen=True, slots=True)
class Economics:
    """What a workload brings in, and for how many users. The parts add up.

    Attributes
    ----------
    revenue_per_request_usd : float
        Of a completed request.
    revenue_per_task_usd : float
        Of a completed task.
    revenue_per_outcome_usd, outcome_share : float
        Of a completed task that came to what the customer pays for, and the share of those.
    revenue_per_user_month_usd : float
    active_users : float
        0 where nobody counts them.
    """

    revenue_per_request_usd: float = 0.0
    revenue_per_task_usd: float = 0.0
    revenue_per_user_month_usd: float = 0.0
    active_users: float = 0.0
    revenue_per_outcome_usd: float = 0.0
    outcome_share: float = 1.0

    def __post_init__(self) -> None:
        share = self.outcome_share
        require(0 <= share <= 1, "outcome_share", share, "must be from 0 to 1")
        users = self.active_users
        require(users >= 0, "active_users", users, "must be at least 0")

    @property
    def pays(self) -> bool:
        """Whether any revenue is stated."""
        return (
            self.revenue_per_request_usd > 0
            or self.revenue_per_task_usd > 0
            or self.revenue_per_outcome_usd > 0
            or self.revenue_per_user_month_usd > 0
        )

    def revenue_usd(self, completed: float, tasks_completed: float, months: float) -> float:
        """Revenue of so many requests and tasks, answered in so many months.

        Examples
        --------
        >>> Economics(revenue_per_task_usd=0.2).revenue_usd(300, 100, 1.0)
        20.0
        """
        return (
            completed * self.revenue_per_request_usd
            + tasks_completed * self.revenue_per_task_usd
            + tasks_completed * self.outcome_share * self.revenue_per_outcome_usd
            + self.active_users * self.revenue_per_user_month_usd * months
        )


@dataclass(frozen=True, slots=True)
class OneOff:
    """Training and fine-tuning: paid once, for the life of the product.

    Attributes
    ----------
    usd : float
    life_months : float
        For how long its result serves, in mean months.
    """

    usd: float
    life_months: float

    def __post_init__(self) -> None:
        require(self.usd >= 0, "one-off cost", self.usd, "must be at least 0")
        require(self.life_months > 0, "life_months", self.life_months, "must be above 0")
