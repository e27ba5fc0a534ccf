"""Plain data as YAML 1.2 that reads back as the same data."""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from sim.scenario.text.yaml_file import resolve_scalar

WIDTH = 4096  # nothing is folded


def to_yaml(data: dict[str, Any]) -> str:
    """The data in block style, lists of numbers in flow style."""
    yaml = YAML()
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(_styled(data), stream)
    return stream.getvalue()


def _styled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _styled(item) for key, item in value.items()}
    if isinstance(value, list):
        items = CommentedSeq(_styled(item) for item in value)
        if all(isinstance(item, int | float) for item in value):
            items.fa.set_flow_style()
        return items
    # A text that a reader would take for a number, say, is put in quotes.
    if isinstance(value, str) and resolve_scalar(value) != value:
        return DoubleQuotedScalarString(value)
    return value
