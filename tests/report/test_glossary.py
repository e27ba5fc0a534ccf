"""The glossary: each word of the answers has one meaning, in one or two plain sentences."""

import re

import pytest
from click.testing import CliRunner
from places import ROOT

from sim.__main__ import main
from sim.cli import cli
from sim.errors import PeakfleetError
from sim.report.figures import GROUPS
from sim.report.glossary import GLOSSARY, SAID_AS, meaning
from sim.report.headline import KINDS, TROUBLES
from sim.report.size_text import _short
from sim.report.stress_text import HELD
from sim.studies.compare.field import VERDICTS

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
    ["world", "used", "idle", "headroom", "work offered", "p5, p50, p95", "oracle", "over capacity",
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
    assert meaning(part) == GLOSSARY["p5, p50, p95"]


def test_a_word_that_is_not_there_is_one_line(capsys):
    with pytest.raises(PeakfleetError):
        meaning("busy share")
    assert main(["catalog", "words", "busy share"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("sim: 'busy share' is not in the glossary (alone, in all, at least, ")
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


# What people type who have read an answer or the README, and what has to be in what they get.
ASKED = {
    "flips": "flips at: How far a price", "flip": "How far a price", "bill": "usd_per_month",
    "staff": "staff_usd_per_month", "cost": "What is paid", "costs": "What is paid",
    "latency": "last token", "answer": "last token", "whole answer p95": "last token",
    "first token": "TTFT", "per output token": "TPOT", "median": "in the middle",
    "median world": "in the middle", "percentile": "95 of 100", "confidence": "95 times in 100",
    "CI": "95 times in 100", "draw": "its own arrivals", "simulation": "its own arrivals",
    "replication": "its own arrivals", "seed": "0", "fleet": "least and a most",
    "fleets": "least and a most", "pool": "gateway", "backlog": "no answer yet",
    "overload": "backlog is still growing", "fallen behind": "backlog is still growing",
    "utilisation": "request in its batch", "utilization": "request in its batch",
    "throttled": "Turned away", "429": "Turned away", "rate limit": "What a provider allows",
    "token": "prompts and answers are counted", "prompt": "workloads.<name>.prompt_tokens",
    "context length": "max_model_len", "batch": "works on at the same time",
    "prefill": "Time to first token", "decode": "Time per output token",
    "kv cache": "memory of a replica's GPUs", "preemption": "want of KV cache",
    "tp4": "on four GPUs", "fp8": "backends.<name>.service", "reserved": "paid for a term",
    "on demand": "backends.<name>.spot.fallback", "switching cost": "--switching-cost",
    "term": "time until what is saved", "write-off": "time until what is saved",
    "margin": "Revenue less cost", "revenue": "value_per_request", "sure": "the cheapest",
    "bounds": "share of worlds", "cheaper": "Which of two is lower", "grade": "measured of late",
    "cold-start": "until it serves", "retry": "gateway.retry_after", "SLA": "first token within",
    "worst served": "nearest to its SLO", "recovery": "end of a spike", "peak hour": "highest",
    "saving": "below 0", "paid at once": "before anything is saved", "tornado": "p10 to its p90",
    "sobol": "Sobol index", "sensitivity": "Sobol index", "electricity": "usd_per_kwh",
    "depreciation": "price.owned", "network": "network_usd_per_month", "hpa": "autoscaler.preset",
    "keda": "autoscaler.polling_interval", "prompt caching": "backends.<name>.prompt_caching",
    "think time": "arrivals.think_time", "follow-ups": "workloads.<name>.follow_ups",
    "cache": "workloads.<name>.response_cache", "cached share": "prompt tokens cached",
    "GPU-hours": "gpu_hours: GPU-hours", "e2e_p95_s": "whole answer p95",
    "cost_usd_per_month": "per month", "dollar": "bill_shares", "threshold": "panic_threshold",
}  # fmt: skip


@pytest.mark.parametrize("word", ASKED)
def test_what_people_ask_finds_what_they_mean(word):
    said = CliRunner().invoke(cli, ["explain", word])
    assert said.exit_code == 0
    assert ASKED[word] in " ".join(said.stdout.split())


# Row titles of every run, and what the tables of studies say beside their rows.
PRINTED = sorted(
    {figure.label for figures in GROUPS.values() for figure in figures}
    | {*GROUPS, *KINDS.values(), *TROUBLES, *HELD, *VERDICTS.values()}
    | {_short(verdict, True) for verdict in ("keeps", "misses", "cannot tell")}
    | {_short("", False), "the answer", "practically equal", "served nothing", "replicas ready"}
    | {"kept", "missed", "cannot tell", "p5", "p50", "p95", "95 % interval", "no break-even"}
    | {"error_4", "large.service.error_4", "backends.large.service.error_12"}
)


@pytest.mark.parametrize("words", PRINTED)
def test_every_title_and_remark_of_an_answer_is_explained(words):
    said = CliRunner().invoke(cli, ["explain", words])
    assert said.exit_code == 0, said.output
    assert len(said.stdout.split()) > 4


@pytest.mark.parametrize(
    ("word", "meant"),
    [("headrom", "headroom"), ("payforward", None), ("oracel", "oracle"), ("wrld", "world"),
     ("replcas", "replicas"), ("hedgge", "hedge"), ("xyzzy", None)],
)  # fmt: skip
def test_a_word_nobody_knows_is_one_line_with_what_may_be_meant(word, meant, capsys):
    assert main(["explain", word]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "sim explain glossary" in line
    assert ("did you mean" in line and meant in line) if meant else "did you mean" not in line


def test_what_words_are_called_otherwise_leads_to_a_word_or_a_key():
    assert [each for each in SAID_AS if each in {word.casefold() for word in GLOSSARY}] == []
    assert list(SAID_AS) == sorted(SAID_AS)
