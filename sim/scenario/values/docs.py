"""What the source says of the keys of a part of the document: the text below each.

It is read when somebody asks for it: a run need not look for the sources of fifty parts.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator

from sim.scenario.values.part import Model


def key_docs(part: type[Model]) -> dict[str, str]:
    """The text of each key of a part, its own and those that it inherits."""
    texts: dict[str, str] = {}
    for each in reversed(part.__mro__):
        if issubclass(each, Model):
            texts |= _own_docs(each)
    return {key: text for key, text in texts.items() if key in part.model_fields}


def parts_by_name() -> dict[str, type[Model]]:
    """All parts of the document that are known so far, by the names of their classes."""
    return {each.__name__: each for each in _below(Model)}


def _below(part: type[Model]) -> Iterator[type[Model]]:
    for each in part.__subclasses__():
        yield each
        yield from _below(each)


def _own_docs(part: type[Model]) -> dict[str, str]:
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for key, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(key, ast.AnnAssign)
            and isinstance(key.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            texts[key.target.id] = inspect.cleandoc(text.value.value)
    return texts
