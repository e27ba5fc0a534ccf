"""The command ``sim``; also ``python -m sim``.

Exit codes: 0 done, 1 a defect of the program (with its traceback), 2 something that the user can
mend (a message without one), 3 a run that does not keep to one of its thresholds, 4 ended by
--max-time or --max-memory before it was done, 130 ended by Ctrl-C, SIGTERM or SIGHUP.
"""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # ``python -m`` looks for modules in the current folder first, where any numpy.py or random.py
    # of the user would be taken for the library's; only a checkout is to be found there.
    _CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    if sys.path[0] != _CHECKOUT:
        del sys.path[0]

import io
from contextlib import suppress

import click

from sim.cli import cli
from sim.cli.delivery import forget_stdout
from sim.cli.values import EXIT_INTERRUPTED, EXIT_SPENT
from sim.errors import PeakfleetError, ScenarioError, one_line
from sim.montecarlo.allowance import SpentError
from sim.montecarlo.interruption import heard, stop_at_once

MOST_LINES = 50  # of problems with a scenario


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _stand_in_for_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without "≥" shows "?" instead
    try:
        with heard(stop_at_once):
            code = cli.main(arguments, prog_name="sim", standalone_mode=False)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(file=said)
        with suppress(OSError):
            for line in said.getvalue().splitlines():
                print(one_line(line), file=sys.stderr, flush=True)
        return error.exit_code
    except PeakfleetError as error:
        say(*_lines(error))
        return 2
    except OSError as error:
        if error.filename is not None or isinstance(error, BrokenPipeError):
            raise
        forget_stdout()  # what was printed went nowhere, such as to a disk that is full
        say(f"the answer cannot be printed: {error.strerror}")
        return 2
    except (KeyboardInterrupt, click.Abort) as error:
        # Click makes an abort of whatever interrupts it.
        cause = error.__cause__ if isinstance(error, click.Abort) else error
        if isinstance(cause, SpentError):
            say(str(cause))
            return EXIT_SPENT
        say("interrupted")
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else 0


def _stand_in_for_closed() -> None:
    """Have streams in place of those that are closed: the work is wanted all the same.

    Opened in their order they take the numbers of those that are closed, which a file of results
    would take otherwise.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def say(*lines: str) -> None:
    """Say something on stderr, line by line; a terminal that is closed hears nothing."""
    with suppress(OSError):
        for line in lines:
            print(f"sim: {line}", file=sys.stderr, flush=True)


def _lines(error: PeakfleetError) -> list[str]:
    """A line for every problem, as far as people read."""
    if not isinstance(error, ScenarioError):
        return [one_line(str(error))]
    lines = [str(problem) for problem in error.problems[:MOST_LINES]]
    more = len(error.problems) - len(lines)
    return [*lines, f"and {more:,} problems more"] if more else lines


if __name__ == "__main__":
    sys.exit(main())
