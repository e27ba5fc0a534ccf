"""How an answer reaches its user: what is said beside it, and that it is printed first."""

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress

import click

from sim.errors import PeakfleetError, one_line


class Advice:
    """What is said on stderr, beside the result. A terminal that is closed hears nothing."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.is_over = False  # whether the end was asked for while the answer was saved

    def say(self, text: str) -> None:
        """Say something, unless asked to be quiet."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Say something that has to be known."""
        with suppress(OSError):
            click.echo(one_line(f"sim: {text}"), err=True)

    def finishing(self) -> None:
        """Answer to a Ctrl-C; written past the buffers, which the signal may have come amid."""
        if not self.quiet:
            os.write(2, b"\nsim: finishing what is under way; Ctrl-C again to stop at once\n")


def deliver(shown: str, save: Callable[[], None], advice: Advice) -> None:
    """Print an answer, then save it: who waited for hours has it, whatever becomes of the disk.

    It is saved, too, where it cannot be printed. A first Ctrl-C lets it be saved, a second does
    not; as all is done then, the command ends as it would have, but for further advice.

    Parameters
    ----------
    shown : str
        The answer, with all its line ends.
    save : callable
    advice : Advice

    Raises
    ------
    PeakfleetError
        If it cannot be saved, or cannot be printed.
    """
    from sim.montecarlo.interruption import Interruption

    unprinted: OSError | None = None
    with Interruption(advice.finishing) as ending:
        try:
            click.echo(shown, nl=False)
        except OSError as error:
            unprinted = error
        save()
    if isinstance(unprinted, BrokenPipeError):
        raise unprinted  # a reader who has seen enough
    if unprinted is not None:
        forget_stdout()
        raise PeakfleetError(f"the answer cannot be printed: {unprinted.strerror}") from unprinted
    if ending.requested:
        advice.is_over = True
        advice.say("the answer is complete, and saved")


def forget_stdout() -> None:
    """Drop what could not be written, which the interpreter would try again on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def command_line() -> str:
    """What was asked for, as it could be typed again."""
    return shlex.join(["sim", *sys.argv[1:]])
