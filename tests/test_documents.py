"""What the documents name is there, and the commands of the cookbook are commands."""

import re
import shlex

import pytest
from click import Context
from places import ROOT, SHIPPED

from sim.cli import cli
from sim.scenario import load_scenario

DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "scenarios/README.md",
    "scenarios/GUIDE.md",
    "scenarios/CLUSTER.md",
    "benchmarks/README.md",
    "benchmarks/RESULTS.md",
]
EXAMPLES = (ROOT / "README.md", SHIPPED / "GUIDE.md")  # whose blocks run in CI
OF_THE_REPOSITORY = re.compile(r"`((?:sim|tests|scenarios|benchmarks|\.ci)/[\w./*-]*)`")
LINKED = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
COOKBOOK = (SHIPPED / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"^```sh\n(.*?)^```$",
    "".join(path.read_text(encoding="utf-8") for path in EXAMPLES),
    re.MULTILINE | re.DOTALL,
)
WRITES = ("--out ", "-o ", "> ", "--scenario ", "sim init ")
COMMANDS = re.findall(r"`(sim [^`]+)` \|$", COOKBOOK, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_are_there(document):
    place = ROOT / document
    text = place.read_text(encoding="utf-8")
    named, linked = set(OF_THE_REPOSITORY.findall(text)), set(LINKED.findall(text))
    assert named | linked
    assert [name for name in sorted(named) if not any(ROOT.glob(name.rstrip("/")))] == []
    assert [name for name in sorted(linked) if not (place.parent / name).exists()] == []


def test_the_cookbook_has_every_scenario():
    scenarios = {path.name for path in SHIPPED.glob("*.yaml")}
    assert scenarios == set(re.findall(r"\]\((\w+\.yaml)\)", COOKBOOK))
    assert len(COMMANDS) == COOKBOOK.count("](") - 1  # all rows, and one link below


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_cookbook_is_one_and_its_scenario_is_sound(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    _, name, scenario, *rest = shlex.split(command)
    found = cli.get_command(Context(cli), name)
    assert found is not None
    found.make_context(name, [scenario, *rest])
    assert load_scenario(ROOT / scenario).design


def test_a_command_that_is_none_is_noticed(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = cli.get_command(Context(cli), "run")
    with pytest.raises(Exception, match="--wordls"):
        found.make_context("run", ["scenarios/quickstart.yaml", "--wordls", "2"])


@pytest.mark.parametrize("block", BLOCKS, ids=range(1, len(BLOCKS) + 1))
def test_an_example_reads_no_file_that_another_one_writes(block):
    """Examples are run side by side in CI, and by readers in any order."""
    for name in set(re.findall(r"outputs/[\w./-]+", block)):
        assert block[: block.index(name)].endswith(WRITES), name
