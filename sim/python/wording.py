"""Errors in the words of who asks from Python: arguments and changes in place of options.

The command line and a script share what looks at a question. What it says of an option, such as
``--worlds 40``, is said here of the argument: ``worlds=40``; a ``--set`` is a change.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sim.errors import PeakfleetError, ScenarioError

SET = re.compile(r"--set (?P<change>'[^']*'|[^\s'=]+='[^']*'|[^\s'=]+=[^\s;)]+)")
OPTION = re.compile(
    r"(?<![\w-])--(?P<name>[a-z][a-z-]+)(?:[ =](?P<value>'[^']*'|(?=[\d.]*\d|NAME|DIR)[^\s;)]+))?"
)
OF_SCENARIO = re.compile(r"^--set (?P<change>.*)$", re.DOTALL)
LISTS = {"service": "services", "gpu": "gpus", "variant": "variants", "metric": "metrics"}
FLAGS = {
    "no-spike": "spike=None",
    "steps-only": "steps_only=True",
    "allow-code": "allow_code=True",
    "most-users": "most_users=True",
    "peak": "peak=True",
}
ELSEWHERE = {"out": "folder", "resume": "--resume", "json": "--json", "force": "--force"}
# What other programs are asked for keeps its dashes: flags of engines and of benchmarks.
ARGUMENTS = {
    *("worlds", "seed", "jobs", "precision", "probability", "attainment", "backend", "error"),
    *("miss-cost", "users", "growth", "prompt-growth", "miss-growth", "retry-growth", "spike"),
    *("spike-minutes", "budget", "cost", "latency", "equal-within", "against", "volumes", "term"),
    *("switching-cost", "months", "simulate", "on-demand", "reserved", "spot", "spot-share"),
    *("creep", "price", "refresh", "retrain", "peak-days"),
}


@contextmanager
def python_words() -> Iterator[None]:
    """An error that leaves this block is in the words of Python."""
    try:
        yield
    except PeakfleetError as error:
        _reword(error)
        raise


def _reword(error: PeakfleetError) -> None:
    """An error in its place: it is of the same kind, and carries what it carries."""
    if isinstance(error, ScenarioError):
        error.problems = [
            replace(
                each,
                file=OF_SCENARIO.sub(lambda found: f"change {found['change']!r}", each.file),
                message=in_python(each.message),
                remedy=in_python(each.remedy),
            )
            for each in error.problems
        ]
        error.args = ("\n".join(map(str, error.problems)),)
    elif error.args and isinstance(error.args[0], str):
        error.args = (in_python(error.args[0]), *error.args[1:])


def in_python(text: str) -> str:
    """A message of the command line as Python says it.

    >>> in_python("worlds (2) is too few (add --worlds 40), or ask for --probability 75%")
    "worlds (2) is too few (add worlds=40), or ask for probability='75%'"
    >>> in_python("give one, such as --set workloads.NAME.slo='{ttft_p95: 2s}', or --no-spike")
    "give one, such as the change 'workloads.NAME.slo={ttft_p95: 2s}', or spike=None"
    >>> in_python("vllm bench serve --save-result")
    'vllm bench serve --save-result'
    """
    return OPTION.sub(_argument, SET.sub(_change, text))


def _change(found: re.Match[str]) -> str:
    return "the change '" + found["change"].replace("'", "") + "'"


def _argument(found: re.Match[str]) -> str:
    name, value = found["name"], found["value"]
    if name in FLAGS:
        return FLAGS[name] + (f" {value}" if value else "")
    if name in ELSEWHERE:
        return found[0].replace(f"--{name}", ELSEWHERE[name])
    if name not in ARGUMENTS and name not in LISTS:
        return found[0]
    argument = LISTS.get(name, name.replace("-", "_"))
    return argument if value is None else f"{argument}={_written(value)}"


def _written(value: str) -> str:
    """A value as Python has it: a number as it is, all else as a text."""
    bare = value.strip("'")
    kept = bare.rstrip(",.")
    shown = kept if re.fullmatch(r"[\d.]+", kept) else repr(kept)
    return shown + bare[len(kept) :]
