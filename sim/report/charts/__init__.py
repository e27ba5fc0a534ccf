"""Charts as data: Vega-Lite specifications that say what they answer, drawn without a browser."""

from sim.report.charts.chart import Chart, save

__all__ = ["Chart", "save"]
