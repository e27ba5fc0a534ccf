"""Pictures of ``sim size`` of a backend with variants."""

from sim.report.charts.chart import Chart
from sim.report.charts.kept import ANSWER, OTHER, kept_chart
from sim.report.charts.style import brief
from sim.studies.size import Mix


def mix_charts(answer: Mix) -> list[Chart]:
    """The share of worlds in which each mix that was simulated keeps the SLO, by its cost."""
    frame = answer.frames()["candidates"]
    columns = ["cost_usd_per_month", "kept_share", "kept_share_low", "kept_share_high", "worlds"]
    data = frame[columns].rename(columns={"cost_usd_per_month": "number"})
    data = data.assign(answer=[ANSWER if each else OTHER for each in frame["chosen"]], sort="")
    return [
        kept_chart(
            "mixes",
            data,
            what="USD a month",
            question="Which mix keeps the SLO, for how much?",
            about=brief(answer.name),
            asked=answer.question.probability,
        )
    ]
