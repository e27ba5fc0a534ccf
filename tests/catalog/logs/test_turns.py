"""Turns of conversations that say only what is new, as AIPerf writes them, or whole prompts."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog.logs import read_trace
from sim.catalog.logs.turns import Lengths, judged, whole
from sim.errors import TraceError

FIRST = {"session_id": "a", "timestamp": 0, "input_length": 1200, "output_length": 40}
NAMED = {**FIRST, "hash_ids": [1, 2, 3]}


def written(folder, *rows):
    path = folder / "trace.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def later(tokens, *names, session="a"):
    named = {"hash_ids": list(names)} if names else {}
    return {"session_id": session, "delay": 9, "input_length": tokens, "output_length": 60, **named}


def test_a_turn_is_sent_with_all_that_was_said_before(tmp_path):
    trace = read_trace(written(tmp_path, FIRST, later(300), later(2000)))
    assert trace.prompt_tokens.tolist() == [1200, 1200 + 40 + 300, 1200 + 40 + 300 + 60 + 2000]
    assert "read as their new tokens (else turns: whole)" in " ".join(trace.origin.remarks)


def test_a_turn_begins_with_the_whole_blocks_of_the_turn_before(tmp_path):
    other = {**NAMED, "session_id": "b", "timestamp": 5}
    rows = (NAMED, later(300, 7), other, later(300, 7, session="b"), later(9, 8, session="b"))
    trace = read_trace(written(tmp_path, *rows))
    assert trace.prompt_tokens.tolist() == [1200, 1540, 1200, 1540, 1609]
    count, name = trace.prefixes
    assert count.tolist() == [3, 4, 3, 4, 4]  # blocks of 512 tokens
    a1, a2, b1, b2, b3 = np.split(name, np.cumsum(count)[:-1])
    assert a1.tolist() == b1.tolist()
    assert a2[:2].tolist() == b2[:2].tolist() == a1[:2].tolist()
    assert not set(a2[2:]) & {*a1, *b2}  # what follows is each session's own
    assert b3[:3].tolist() == b2[:3].tolist() and b3[3] not in b2


def test_whole_prompts_are_seen_by_their_blocks(tmp_path):
    rows = (NAMED, later(1600, 1, 2, 8, 9), later(2100, 1, 2, 8, 10, 11))
    trace = read_trace(written(tmp_path, *rows))
    assert trace.prompt_tokens.tolist() == [1200, 1600, 2100]
    assert "read as their whole prompts (else turns: new)" in " ".join(trace.origin.remarks)


@pytest.mark.parametrize(("turns", "tokens"), [("new", 2840), ("whole", 1600)])
def test_who_knows_says_it(tmp_path, turns, tokens):
    path = written(tmp_path, NAMED, later(1600, 1, 2, 8, 9))
    trace = read_trace(path, "auto", {"turns": turns})
    assert trace.prompt_tokens.tolist() == [1200, tokens]
    assert not any("later turns" in each for each in trace.origin.remarks)


def test_turns_with_times_of_their_own_are_whole_prompts(tmp_path):
    rows = (FIRST, {**FIRST, "timestamp": 9000, "input_length": 300})
    assert read_trace(written(tmp_path, *rows)).prompt_tokens.tolist() == [1200, 300]


def test_a_table_whose_columns_are_named_has_whole_prompts(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("at,chat,in,out,wait\n0,a,600,40,\n,a,300,60,2.5\n", encoding="utf-8")
    given = {"timestamp": "at", "prompt_tokens": "in", "output_tokens": "out", "session": "chat",
             "delay": "wait"}  # fmt: skip
    assert read_trace(str(path), "columns", given).prompt_tokens.tolist() == [600, 300]
    told = read_trace(str(path), "columns", {**given, "turns": "new"})
    assert told.prompt_tokens.tolist() == [600, 940]


def test_a_session_that_outgrows_all_contexts_is_an_error(tmp_path):
    large = {**FIRST, "input_length": 90_000_000}
    with pytest.raises(TraceError, match=r"add up to .* tokens .*turns: whole"):
        read_trace(written(tmp_path, large, *[later(90_000_000)] * 12))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 900), st.integers(1, 50)), min_size=1),
)
def test_whole_prompts_are_sums_of_all_before_in_any_order(rows):
    session, prompt, output = (np.array(column) for column in zip(*rows, strict=True))
    found, _ = whole(Lengths(session, prompt, output, None, 0))
    said = dict.fromkeys(range(4), 0)
    for at, (of, new, answer) in enumerate(rows):
        assert found[at] == new + (said[of] if of >= 0 else 0)
        if of >= 0:
            said[of] += new + answer
    grown = Lengths(session, found, output, None, 0)
    assert judged(grown) in ("new", "whole")  # nothing tells where there are no blocks
