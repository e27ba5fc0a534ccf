"""What a shell completes, asked as bash asks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from sim.catalog import profile_names
from sim.cli import cli

QUICK_START = str(Path(__file__).parents[2] / "scenarios/quickstart.yaml")


def completed(*words):
    """The words that complete the last of a command line."""
    asked = BashComplete(cli, {}, "sim", "_SIM_COMPLETE")
    return [each.value for each in asked.get_completions(list(words[:-1]), words[-1])]


def test_as_bash_asks():
    words = {"COMP_WORDS": "sim explain horizon.w", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "sim"],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(sys.path), "_SIM_COMPLETE": "bash_complete"}
        | words,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("plain,horizon.warm_up\n", "")


@pytest.mark.parametrize(
    ("words", "some", "none"),
    [
        (["st"], ["stress"], ["run"]),
        (["explain", "work"], ["workloads"], ["worlds"]),
        (["explain", "horizon.w"], ["horizon.warm_up"], ["horizon.days"]),
        (["run", QUICK_START, "--set", "backends."], ["backends.large"], ["backends.<name>"]),
        (
            ["run", QUICK_START, "--set", "backends.large.rep"],
            ["backends.large.replicas", "backends.large.replicas="],
            [],
        ),
        (
            ["stress", QUICK_START, "--set", "workloads.chat.s"],
            ["workloads.chat.slo="],
            ["workloads.chat.client="],
        ),
        (
            ["sweep", QUICK_START, "--over", "backends.large.rou"],
            ["backends.large.router="],
            ["backends.large.replicas="],
        ),
        (["compare", QUICK_START, "--set", "workloads."], ["workloads.chat="], []),
        (["catalog", "profiles", "--gpu", "h2"], ["h200-sxm"], ["h100-sxm"]),
        (["init", "--model", "qwen3-"], ["qwen3-32b"], ["llama-3.3-70b"]),
        (["init", "--api", "gpt-4.1"], ["gpt-4.1", "gpt-4.1-mini"], ["gpt-4o"]),
    ],
)
def test_words(words, some, none):
    found = completed(*words)
    assert set(some) <= set(found)
    assert not set(none) & set(found)


def test_all_profiles():
    assert set(completed("catalog", "profiles", "llama-3.3")) == {
        name for name in profile_names() if name.startswith("llama-3.3")
    }


@pytest.mark.parametrize(
    "words",
    [
        ["run", "no-such.yaml", "--set", "backends."],
        ["run", "--set", "nonsense.of.a.key"],
        ["explain", "no.such.key."],
    ],
)
def test_nothing_is_said_where_nothing_is_known(words):
    assert not [word for word in completed(*words) if word]
