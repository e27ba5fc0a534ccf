"""The JSON Schemas of answers: what ``--json`` prints, with the unit and meaning of every figure.

Each is written as an outline (``*.outline``), a line for each key, which ``outline`` reads.
"""

from sim.report.schema.answers import ANSWERS, answer_schema

__all__ = ["ANSWERS", "answer_schema"]
