"""``--cluster`` on the command line; what it does is in tests/montecarlo/cluster."""

from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from places import SHIPPED

import sim
from sim.__main__ import main
from sim.cli import COMMANDS, cli
from sim.errors import PeakfleetError

SIMULATING = ("run", "size", "stress", "plan", "compare", "breakeven", "sensitivity", "sweep",
              "risk")  # fmt: skip
QUICK = str(SHIPPED / "quickstart.yaml")


@pytest.mark.parametrize("name", SIMULATING)
def test_all_that_simulate_worlds_take_it(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert "--cluster" in {option for each in command.params for option in each.opts}
    assert "cluster" in getattr(sim, name).__wrapped__.__code__.co_varnames


def test_no_command_is_left_out() -> None:
    assert set(SIMULATING) <= set(COMMANDS)
    with_jobs = set()
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if any("--jobs" in each.opts for each in command.params):
            with_jobs.add(name)
    assert with_jobs == {*SIMULATING, "explore"}  # the live page is of this machine


@pytest.mark.parametrize("command", ["run", "size"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--cluster", "nowhere"], "cluster (nowhere) must be tcp://HOST:8786"),
        (["--cluster", "local:0"], "from 1 to 1,024"),
        (["--cluster", "local:2", "--jobs", "2"], "--jobs has no meaning beside --cluster"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(
    command: str,
    given: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([command, QUICK, *given]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cluster": 4}, r"cluster \(4\) must be a text"),
        ({"cluster": "host"}, r"cluster \(host\) must be tcp://HOST:8786"),
        ({"cluster": "local:2", "jobs": 2}, "jobs has no meaning beside cluster"),
    ],
)
def test_so_it_is_in_python(options: dict[str, object], said: str) -> None:
    for function in (sim.run, sim.sensitivity):
        with pytest.raises(PeakfleetError, match=said):
            function(QUICK, worlds=2, **options)


def test_a_shell_completes_how_an_address_begins() -> None:
    def completed(typed: str) -> list[str]:
        complete = ShellComplete(cli, {}, "sim", "_SIM_COMPLETE")
        return [each.value for each in complete.get_completions(["run", QUICK, "--cluster"], typed)]

    assert completed("") == ["tcp://", "tls://", "local:"]
    assert completed("lo") == ["local:"]
    assert completed("sched") == ["sched"]  # a file, which the shell goes on with
