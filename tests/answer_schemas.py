"""Whether answers keep to their published schemas."""

import json

import jsonschema

from sim.report.schema import answer_schema


def check_answer(name, answer):
    """Fail where an answer, as it is printed or before, has more or less than its schema says."""
    plain = json.loads(json.dumps(answer, allow_nan=False))
    jsonschema.Draft202012Validator(answer_schema(name)).validate(plain)
