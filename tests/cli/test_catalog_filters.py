"""``sim catalog``: what narrows a table finds something, or says in a line what is not there."""

import json

import click
import pytest

from sim.__main__ import main
from sim.cli.catalog import catalog
from sim.cli.filters import Filter, narrowed
from sim.errors import CatalogError

FILTERS = {"gpu", "model", "provider", "purchase"}
OF_COMMANDS = [
    (name, option.name)
    for name, command in catalog.commands.items()
    for option in command.params
    if isinstance(option, click.Option) and option.name in FILTERS
]
SLIPS = [
    ("prices --gpu H100-SMX", "--gpu: GPU with a price 'H100-SMX'", "did you mean 'h100-sxm'"),
    ("prices --purchase spott", "form of purchase 'spott'", "did you mean 'spot'"),
    ("prices --provider opnai", "provider 'opnai'", "'openai'"),
    ("prices --model cluade-haiku", "model with a price 'cluade-haiku'", "'claude-haiku-4-5'"),
    ("profiles --model lamma-3.3-70b", "model 'lamma-3.3-70b'", "'llama-3.3-70b'"),
    ("profiles --gpu h1000-sxm", "GPU 'h1000-sxm'", "'h100-sxm'"),
    ("gpus --gpu h200-smx", "GPU 'h200-smx'", "'h200-sxm'"),
    ("power --gpu h200-smx", "GPU with a measured power 'h200-smx'", "'h200-sxm'"),
    ("models --model qwen3-33b", "model 'qwen3-33b'", "'qwen3-32b'"),
    ("apis --model gpt-4.1-minni", "model with a pace 'gpt-4.1-minni'", "'gpt-4.1-mini'"),
]  # fmt: skip


def told(capsys, line):
    code = main(["catalog", *line.split()])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_every_filter_of_the_catalog_is_tried():
    tried = {(line.split()[0], line.split()[1][2:]) for line, _, _ in SLIPS}
    assert tried == set(OF_COMMANDS)


@pytest.mark.parametrize(("line", "what", "near"), SLIPS)
@pytest.mark.parametrize("form", ["", " --json"])
def test_a_slip_in_a_filter_is_answered_with_near_names(capsys, line, what, near, form):
    code, out, err = told(capsys, line + form)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert what in err
    assert near in err
    assert "lists all" in err


@pytest.mark.parametrize(("name", "option"), OF_COMMANDS)
def test_a_part_of_no_name_is_no_empty_table(capsys, name, option):
    code, out, err = told(capsys, f"{name} --{option} zzzz")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "'zzzz' is not in the catalogue" in err


def test_filters_that_find_nothing_together_say_what_is_there(capsys):
    code, out, err = told(capsys, "prices --model claude --provider openai")
    assert (code, out) == (2, "")
    assert "--provider openai: nothing matches together with --model claude" in err
    assert "(there, by --provider: anthropic)" in err


@pytest.mark.parametrize("written", ["gpt4.1", "GPT-4.1", "4.1"])
def test_names_are_found_as_people_write_them(capsys, written):
    code, out, _ = told(capsys, f"prices --model {written} --json")
    assert code == 0
    assert "gpt-4.1" in {row["model"] for row in json.loads(out)}


def test_what_nobody_measured_is_an_answer_of_its_own(capsys):
    code, out, err = told(capsys, "profiles --model llama-3.3-70b --gpu l40s")
    assert (code, out) == (0, "")
    assert err == "nothing is measured; computed: computed/llama-3.3-70b/l40s/tp2/fp8\n"


def test_a_name_and_a_filter_do_not_go_together(capsys):
    code, _, err = told(capsys, "profiles computed/qwen3-32b/l40s/tp2/fp8 --gpu h100")
    assert code == 2
    assert "narrow the list" in err


def test_a_row_without_the_key_of_a_filter_is_let_through():
    rows = [{"gpu": "a", "by": "x"}, {"model": "m", "by": "x"}, {"gpu": "b", "by": "y"}]
    kept = narrowed(rows, [Filter("gpu", "a", "GPU"), Filter("by", "", "maker")], "list")
    assert kept == rows[:2]
    with pytest.raises(CatalogError, match=r"by y: nothing matches together with --gpu a \(there"):
        narrowed(rows[:1] + rows[2:], [Filter("gpu", "a", "GPU"), Filter("by", "y", "")], "list")


def test_at_80_columns_a_price_of_tokens_takes_one_line_and_names_what_it_left_out(
    capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    for table in ("prices --model claude", "models --model qwen"):
        _, out, _ = told(capsys, table)
        head, _, _ = out.partition("\nsources")
        rows = [line for line in head.splitlines() if line.startswith(("claude", "qwen"))]
        assert all(row.endswith("]") for row in rows)
        assert "Wider terminals have, too" in head
