"""The glossary: each word of the answers has one meaning, in one or two plain sentences."""

import re

import pytest
from click.testing import CliRunner
from places import ROOT

from sim.__main__ import main
from sim.cli import cli
from sim.errors import PeakfleetError
from sim.report.glossary import GLOSSARY, meaning

SOURCES = "\n".join(
    path.read_text(encoding="utf-8").casefold()
    for room in ("report", "studies", "montecarlo")
    for path in sorted((ROOT / "sim" / room).rglob("*.py"))
    if path.name != "glossary.py"
)


def test_words_are_in_order_and_their_meanings_are_short_sentences():
    assert sorted(GLOSSARY, key=str.casefold) == list(GLOSSARY)
    for text in GLOSSARY.values():
        assert text[0].isupper()
        assert text.endswith((".", "≥."))
        assert len(text) <= 200
    assert len(set(GLOSSARY.values())) == len(GLOSSARY)


@pytest.mark.parametrize("word", GLOSSARY)
def test_only_words_that_answers_use_are_explained(word):
    for each in word.split(", "):
        assert re.search(rf"\b{re.escape(each.casefold())}", SOURCES), each


@pytest.mark.parametrize(
    "word",
    ["world", "used", "idle", "headroom", "work offered", "p50, p95", "oracle", "over capacity",
     "at least", "interval", "worst hour", "payback", "break-even", "falls behind", "points",
     "elasticity", "capacity", "wasted"],
)  # fmt: skip
def test_words_that_people_ask_about_have_a_meaning(word):
    printed = CliRunner().invoke(cli, ["catalog", "words", word.upper()])
    assert " ".join(printed.stdout.split()) == meaning(word)


def test_all_words_are_printed_within_the_width():
    printed = CliRunner().invoke(cli, ["catalog", "words"]).stdout
    assert max(map(len, printed.splitlines())) <= 96
    assert all(word in printed for word in GLOSSARY)


@pytest.mark.parametrize("word", GLOSSARY)
def test_each_word_is_explained_where_keys_are(word):
    printed = CliRunner().invoke(cli, ["explain", word.title()])
    assert printed.exit_code == 0
    assert " ".join(printed.stdout.split()).startswith(f"{word.title()}: {meaning(word)}")


def test_the_glossary_is_printed_by_explain_which_help_names():
    printed = CliRunner().invoke(cli, ["explain", "glossary"])
    assert printed.stdout == CliRunner().invoke(cli, ["catalog", "words"]).stdout
    assert "word of the answers" in CliRunner().invoke(cli, ["--help"]).stdout
    assert "explain glossary" in CliRunner().invoke(cli, ["explain", "--help"]).stdout


@pytest.mark.parametrize("part", ["p50", "P95"])
def test_words_of_one_meaning_are_found_each_by_itself(part):
    assert meaning(part) == GLOSSARY["p50, p95"]


def test_a_word_that_is_not_there_is_one_line(capsys):
    with pytest.raises(PeakfleetError):
        meaning("busy share")
    assert main(["catalog", "words", "busy share"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("sim: 'busy share' is not in the glossary (at least, attainment, ")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("SLO attainment", ["attainment:", "slo:"]),
        ("slo_attainment", ["attainment:", "slo:"]),
        ("work offered to capacity", ["capacity:", "work offered:"]),
        ("hour over capacity", ["over capacity:"]),
    ],
)
def test_the_words_of_a_phrase_are_explained(phrase, words):
    said = CliRunner().invoke(cli, ["explain", phrase])
    assert said.exit_code == 0
    assert all(word in said.stdout for word in words)
