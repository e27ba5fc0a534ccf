"""What a shell completes: paths of ``--set`` and of ``sim explain``, names of the catalogue.

A shell asks after every key that is pressed: nothing here may fail, or say anything.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

NAMED = "<name>"  # of what the author of a scenario names


class Known(click.types.StringParamType):
    """A text of which some are known.

    Parameters
    ----------
    names : callable
        All that are known, given the command and what was typed so far.
    """

    def __init__(self, names: Callable[[click.Context, str], Iterable[str]]) -> None:
        self._names = names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Those that begin with what was typed."""
        with suppress(Exception):
            found = (name for name in self._names(ctx, incomplete) if name.startswith(incomplete))
            return [CompletionItem(name) for name in dict.fromkeys(found)]
        return []


def _profiles(ctx: click.Context, typed: str) -> Iterable[str]:
    from sim.catalog import profile_names

    return profile_names()


def _api_models(ctx: click.Context, typed: str) -> Iterable[str]:
    from sim.catalog import api_models

    return api_models()


def _models(ctx: click.Context, typed: str) -> Iterable[str]:
    from sim.catalog import profile_names
    from sim.catalog.hardware import models

    return [*models(), *(profile_names() if "/" in typed else ())]


def _gpus(ctx: click.Context, typed: str) -> Iterable[str]:
    from sim.catalog.hardware import gpus

    return gpus()


def _keys(ctx: click.Context, typed: str) -> Iterable[str]:
    """Paths below what was typed, with the names that the author of the scenario gave."""
    return _below(typed, _document(ctx))


def _overrides(ctx: click.Context, typed: str) -> Iterable[str]:
    """The same, each with an equals sign: it takes a value, or goes on with a dot."""
    document = _document(ctx)
    for path in _below(typed, document):
        yield from (path, f"{path}=")


def _below(typed: str, document: Any) -> Iterator[str]:
    from sim.scenario.reference import key_at

    above, _, _ = typed.rpartition(".")
    for key in key_at(above).below:
        names = _named(document, above) if key == NAMED else (key,)
        yield from (f"{above}.{name}" if above else str(name) for name in names)


def _named(document: Any, path: str) -> Iterable[str]:
    for key in path.split("."):
        document = document.get(key, {})
    return [str(name) for name in document]


def _document(ctx: click.Context) -> Any:
    """The scenario on the command line as it is written, or nothing.

    Amid an option that lacks its value, Click leaves arguments where it found them.
    """
    several = ctx.params.get("scenarios") or ()
    given = (ctx.params.get("scenario"), *several, *ctx.args)
    path = next((each for each in given if each is not None), None)
    if path is None:
        return {}
    from sim.scenario.text.yaml_file import read_document

    return read_document(Path(path)).data


def _answers(ctx: click.Context, typed: str) -> Iterable[str]:
    from sim.report.schema import ANSWERS

    return ["all", *ANSWERS]


PROFILE: Final = Known(_profiles)
API: Final = Known(_api_models)
MODEL: Final = Known(_models)
GPU: Final = Known(_gpus)
KEY: Final = Known(_keys)
OVERRIDE: Final = Known(_overrides)
ANSWER: Final = Known(_answers)
