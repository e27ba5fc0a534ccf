"""Charts as data: Vega-Lite specifications that say what they answer, drawn without a browser."""

from sim.report.charts.chart import DARK, LIGHT, Chart, save

__all__ = ["DARK", "LIGHT", "Chart", "save"]
