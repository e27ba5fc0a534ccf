"""Pictures of ``sim size --most-users``."""

from sim.report.charts.chart import Chart
from sim.report.charts.kept import ANSWER, OTHER, kept_chart
from sim.report.charts.style import brief
from sim.studies.size import Capacity


def crowd_charts(answer: Capacity) -> list[Chart]:
    """The share of worlds in which each number of users is held."""
    columns = ["users", "kept_share", "kept_share_low", "kept_share_high", "worlds"]
    chosen = answer.candidates["chosen"]
    data = answer.candidates[columns].rename(columns={"users": "number"})
    data = data.assign(answer=[ANSWER if each else OTHER for each in chosen], sort="")
    return [
        kept_chart(
            "users",
            data,
            what="users",
            question="With how many users does the fleet keep the SLO?",
            about=brief(answer.name),
            asked=answer.question.probability,
        )
    ]
