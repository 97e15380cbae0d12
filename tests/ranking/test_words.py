"""What a board says in text, Markdown, LaTeX and CSV, word by word, from a board made by hand."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.display import csv_cell, escape
from harness.ranking import latex, tables
from harness.ranking.boards import Board
from harness.ranking.digits import digits
from harness.ranking.ranking import RowTests
from harness.ranking.rows import group_key
from harness.ranking.uncertainty import Uncertainty
from harness.records import Cost, Estimate, ModelSpec, Row, Run, Sampling, Tuning, digest
from harness.report import board_questions as questions
from harness.stats.paired_comparison import PairedComparison
from harness.stats.pairwise_tests import PairwiseTests

COLUMN = ("exact_match", "em@1", None)
RUN = Run(
    "conala",
    "1",
    "lora",
    ModelSpec("org/coder"),
    ("exact_match",),
    Sampling(10, 64),
    Tuning(3e-4),
    {},
    "d" * 64,
    "w",
    None,
    (1,),
    1,
)


def row(name: str, value: float | None = 0.5, **fields: Any) -> Row:
    estimates = (Estimate("exact_match", "em@1", value, 0.25, 0.75, 9, unscored=1),)
    costs = (
        Cost("tune", 1800.0, 1 << 30, 19 * 10**9, 5, 5, 3600.0),
        Cost("generate", 300.0, 1 << 30, 15 * 10**9, 400, 1000, 3600.0),
    )
    base = Row(name, replace(RUN, method=name), estimates, costs, {}, 12_500_000, 9, notes=("a note", "a | pipe"))
    return replace(base, **fields)


def board(*rows: Row, p: float = 0.5, **fields: Any) -> Board:
    count = len(rows)
    tests = np.full((count, count), p)
    pairwise = PairwiseTests(np.zeros(count), tests, tests, tests, 2.0, 9, False)
    base = Board(
        rows=rows,
        ranks=(1,) * count,
        ranks_to=(count,) * count,
        labels=tuple(f"{one.run.method} (1 seed)" for one in rows),
        models=("coder",) * count,
        uncertainty=tuple(Uncertainty((1,), (one.run_id,)) for one in rows),
        columns=(COLUMN,),
        ranked_by=COLUMN,
        basis="paired tests",
        row_tests=RowTests(pairwise, tuple(range(count))),
    )
    return replace(base, **fields)


def test_a_score_is_told_in_per_cent_with_its_interval_and_what_is_missing() -> None:
    one = Estimate("m", "m", 0.12345, 0.0811, 0.179, 9)
    assert digits(one) == ("12.35", "8.1", "17.9") or digits(one) == ("12.34", "8.1", "17.9")
    assert tables.format_estimate(replace(one, value=0.125)) == "12.50 [8.1, 17.9]"
    assert tables.format_estimate(replace(one, value=0.125, unscored=2)) == "12.50 [8.1, 17.9] (2 unscored)"
    assert tables.format_estimate(replace(one, value=0.125, low=None)) == "12.50"
    assert tables.format_estimate(replace(one, value=0.125, low=0.0)) == "12.50 [0.0, 17.9]"
    assert tables.format_estimate(replace(one, value=None)) == "not measured" == tables.format_estimate(None)


def test_a_board_is_named_by_what_its_rows_share() -> None:
    one, other = board(row("lora"), row("ia3")), board(replace(row("lora"), run=replace(RUN, data_digest="e" * 64)))
    assert one.id == digest(group_key(row("icl")))[:8] != other.id and len(other.id) == 8


def test_the_title_says_which_problems_and_how_they_were_answered() -> None:
    told = "conala (version 1; 10 problems; 10 candidates, beam search; data dddddddddddd)"
    assert board(row("lora")).title == told
    sampled = replace(row("lora"), run=replace(RUN, limit=5, sampling=Sampling(5, 64, 0.6), builtin_data=True))
    assert board(sampled).title == (
        "conala (version 1; BUILT-IN SAMPLE, not the real benchmark; 10 problems, limited to 5; 5 candidates, "
        "sampling at 0.6; data dddddddddddd)"
    )


def test_the_title_names_the_decoder_and_the_protocol() -> None:
    run = replace(RUN, sampling=Sampling(5, 64, 0.6, decoder="eta"), protocol="study")
    assert board(replace(row("lora"), run=run)).title == (
        "conala (version 1; 10 problems; 5 candidates, sampling at 0.6 (eta), protocol study; data dddddddddddd)"
    )


def test_the_rows_of_a_table_have_a_head_a_rank_and_every_cost() -> None:
    head, first, _ = tables.table_rows(board(row("lora"), row("ia3")))
    assert head[:4] == ["rank", "model", "method", "em@1 *"]
    assert first[:4] == ["1-2", "coder", "lora (1 seed)", "50.00 [25.0, 75.0] (1 unscored)"]
    assert dict(zip(head[4:], first[4:], strict=True)) == {
        "trainable": "12.5M",
        "peak GB": "19.00",
        "tune s": "1800",
        "write s": "300",
        "tokens/request": "40+100",
        "Wh": "2.0",
        "timeouts": "0",
        "unmeasured": "0",
    }


def test_the_footer_says_how_ranks_are_read_and_what_few_seeds_leave_out() -> None:
    plain_words = "* ranks by em@1 (paired tests). Intervals: 95 %."
    more = " With fewer than 3 seeds they do not hold what training adds."
    assert tables.footer(board(row("lora"))) == plain_words + more
    three = Uncertainty((1, 2, 3), ("a", "b", "c"))
    assert tables.footer(board(row("lora"), uncertainty=(three,))) == plain_words
    untuned = replace(row("icl"), run=replace(RUN, method="icl", tuning=None))
    assert tables.footer(board(untuned)) == plain_words
    both = board(row("lora"), untuned, uncertainty=(three, Uncertainty((1,), ("d",))))
    assert tables.footer(both) == plain_words.replace(" (", "; 1-2: any place from 1 to 2 (")


@pytest.mark.parametrize(
    ("ranks", "ranks_to", "example"),
    [
        ((1, 2, 2), (1, 3, 3), "; 2-3: any place from 2 to 3"),
        ((1, 2, 3), (1, 2, 3), ""),
        ((1, 2, None), (1, 2, None), ""),
        ((None, 1, 1), (None, 3, 3), "; 1-3: any place from 1 to 3"),
    ],
)
def test_the_footer_explains_a_range_that_stands_in_the_table(
    ranks: tuple[int | None, ...], ranks_to: tuple[int | None, ...], example: str
) -> None:
    shown = board(row("a"), row("b"), row("c"), ranks=ranks, ranks_to=ranks_to)
    assert tables.footer(shown).startswith(f"* ranks by em@1{example} (paired tests). ")


def test_notes_of_one_method_that_differ_in_numbers_alone_are_one_with_the_lowest_and_highest() -> None:
    found = tables.notes(
        board(
            row("lora", notes=("9 of 60 cut; em@1 4.5 [2.0, 8.0]", "3 lost")),
            row("lora", notes=("10 of 60 cut; em@1 12.25 [2.0, 9.5]",)),
            row("ia3", notes=("70 of 60 cut; em@1 1.0 [2.0, 8.0]", "3 lost")),
        )
    )
    assert found == [
        "lora: 9-10 of 60 cut; em@1 4.5-12.25 [2.0, 8.0-9.5]",
        "ia3, lora: 3 lost",
        "ia3: 70 of 60 cut; em@1 1.0 [2.0, 8.0]",
    ]


def test_notes_are_told_once_with_their_methods() -> None:
    assert tables.notes(board(row("lora"), row("lora"), row("ia3", notes=("a note",)))) == [
        "ia3, lora: a note",
        "lora: a | pipe",
    ]


@pytest.mark.parametrize("sign", list("\\|*_`<>[]#~&"))
def test_no_sign_is_markdown(sign: str) -> None:
    assert tables.escape_markdown(f"a{sign}b") == f"a\\{sign}b"


def test_no_address_mention_or_line_end_is_markdown_either() -> None:
    assert tables.escape_markdown("see https://x.y") == "see https:\\//x.y"
    assert tables.escape_markdown("@me, you@x") == "\\@me, you@x"
    assert tables.escape_markdown("a\nb") == "a\\\\nb"
    assert tables.markdown_table([["a", "b|"], ["c", "d"]]) == "| a | b\\| |\n| --- | --- |\n| c | d |"
    text = tables.markdown([board(row("lora"))])
    assert text.startswith("**conala (version 1;") and "- lora: a \\| pipe" in text and "To make" not in text
    assert tables.markdown([]) == "no finished runs"


TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "é": "é",
}


@pytest.mark.parametrize("sign", TEX)
def test_no_sign_is_tex(sign: str) -> None:
    assert latex.escape_tex(f"a{sign}b") == f"a{TEX[sign]}b"


def test_what_tex_has_no_letter_for_is_its_number_and_long_words_may_break() -> None:
    assert latex.escape_tex("a中b") == "aU+4E2D b"
    assert latex.escape_tex("abcdefghijkl") == "abcdefghijkl"
    assert latex.escape_tex("abcdefghijklm") == r"abcdef\allowbreak{}ghijkl\allowbreak{}m"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\uff1d"])
def test_no_cell_is_a_formula(sign: str) -> None:
    assert csv_cell(f"{sign}1") == "'" + escape(f"{sign}1")
    assert csv_cell(f"1{sign}") == escape(f"1{sign}")


def test_csv_has_every_number_under_its_name() -> None:
    [line] = csv.DictReader(tables.csv([board(row("=lora"))]).splitlines())
    wanted = {
        "run": "'=lora",
        "task": "conala",
        "version": "1",
        "builtin": "False",
        "model": "org/coder",
        "seed": "1",
        "rank": "1",
        "rank_to": "1",
        "ranked_by": "em@1",
        "metric": "exact_match",
        "measure": "em@1",
        "slice": "",
        "value": "0.5",
        "low": "0.25",
        "high": "0.75",
        "n": "9",
        "unscored": "1",
        "memory": "19000000000.0",
        "writing": "300.0",
        "tokens": "140.0",
        "energy": "7200.0",
        "publishable": "False",
        "seeds": "1",
        "error_problems": "",
    }
    assert {name: line[name] for name in wanted} == wanted


def test_json_has_every_row_with_its_place() -> None:
    [one] = json.loads("\n".join(tables.json_lines([board(row("lora"))])))
    assert (one["rank"], one["rank_to"], one["publishable"], one["ranked_by"]) == (1, 1, False, "em@1")
    assert one["certainty"]["seeds"] == [1] and one["columns"]["energy"] == 7200.0


def short(told: Board, lines: list[str]) -> str:
    return questions._real_in_short(told, range(len(told.rows)), lines)


def test_the_page_says_yes_only_where_the_corrected_tests_do() -> None:
    lines = ["Against ia3: +4.00 points, p = 0.2 (x): not decided."]
    rows = row("lora"), row("ia3"), row("icl")
    yes = (
        "Yes, against each of the other 2 rows (paired tests, corrected for all pairs); "
        "what another seed of training changes is not in it."
    )
    assert short(board(*rows, p=0.049), lines) == yes
    assert short(board(*rows[:2], p=0.0), lines) == yes.replace("each of the other 2 rows", "the other row")
    three = Uncertainty((1, 2, 3), ("a", "b", "c"))
    sure = board(*rows, p=0.0, uncertainty=(three,) * 3)
    assert short(sure, lines) == yes.partition(";")[0] + "."
    no = "Not decided against any other row. Against ia3: +4.00 points."
    assert short(board(*rows, p=0.0501), lines) == no
    some = board(*rows, p=0.2)
    assert some.row_tests is not None
    some.row_tests.tests.p[0, 2] = 0.01
    assert short(some, lines).startswith("Only against 1 of the other 2 rows. Against ia3")
    assert short(some, ["Against ia3: +4.00 points, p = 0.01 (x): real."]).endswith("+4.00 points: real.")
    assert short(board(rows[0]), ["There is one run."]) == "There is one run."
    by_intervals = replace(board(*rows), row_tests=None, ranks=(1, 1, 3))
    assert short(by_intervals, ["Ranks come from x."]) == "Only against 1 of the other 2 rows. Ranks come from x."


def compared(**fields: Any) -> PairedComparison:
    base = PairedComparison(
        "m", "m", 0.5, 0.25, 0.25, -0.05, 0.5, 0.01, "exact McNemar", 12, 4, 1, 7, 0, 1234, None, (300, None)
    )
    return replace(base, **fields)


def test_a_difference_is_told_by_its_corrected_p_value() -> None:
    told = board(row("lora"), row("ia3"))
    head = "Against ia3 (1 seed) on coder: +25.00 points [-5.0, +50.0], p = "
    assert questions._describe_comparison(told, 1, compared(), 0.06) == (
        f"{head}0.06 (exact McNemar, corrected for all pairs): not decided; "
        "about 1,234 (at least 300) problems would decide it."
    )
    assert questions._describe_comparison(told, 1, compared(), 0.04).endswith(
        "p = 0.04 (exact McNemar, corrected for all pairs): real."
    )
    unknown = compared(problems_needed=None, low=None)
    assert questions._describe_comparison(told, 1, unknown, 0.06) == (
        "Against ia3 (1 seed) on coder: +25.00 points, p = 0.06 (exact McNemar, corrected for all pairs): not decided."
    )
    alone = compared(low=0.05)
    assert "points [+5.0, +50.0] for this pair alone, p = 0.06" in questions._describe_comparison(told, 1, alone, 0.06)
    assert "points [+5.0, +50.0], p = 0.04" in questions._describe_comparison(told, 1, alone, 0.04)
    same = compared(difference=0.0, wins=0, losses=0)
    assert questions._describe_comparison(told, 1, same, 1.0).endswith("the same on each of 12 problems.")
    even = questions._describe_comparison(
        told, 1, compared(difference=0.0, wins=2, losses=2, problems_needed=None), 1.0
    )
    assert "+0.00 points" in even and even.endswith("corrected for all pairs): not decided.")
    undefined = questions._describe_comparison(told, 1, compared(difference=None), 1.0)
    assert undefined.endswith("not defined on the problems that both were scored on.")


def test_the_best_and_those_that_may_be_as_good_are_named() -> None:
    told = board(row("lora"), row("ia3", 0.4), row("icl", 0.5))
    assert questions._best_in_short(told, 0, [1]).endswith("per cent; 1 more may be as good.")
    assert questions._best_in_short(told, 0, []).endswith("(1 unscored) per cent.")
    assert list(questions._best(told, 0, [2])) == [
        "None is ahead: em@1 50.00 [25.0, 75.0] (1 unscored) per cent for lora (1 seed) on coder; "
        "icl (1 seed) on coder."
    ]
    assert list(questions._best(told, 0, [1])) == [
        "Highest is lora (1 seed) on coder: em@1 50.00 [25.0, 75.0] (1 unscored) per cent.",
        "Not found to differ from it: ia3 (1 seed) on coder.",
    ]


def test_a_cost_is_told_with_its_units() -> None:
    assert questions.cost(row("lora")) == (
        "12.5M trainable parameters, 1,800 s of tuning, 300 s of writing, 19.00 GB of GPU memory, 40 tokens in "
        "+ 100 out a problem, 2.0 Wh."
    )
    bare = row("icl", trainable_parameters=0, costs=(Cost("generate", 5.0, 3 * 10**9, None, 10, 20),))
    assert (
        questions.cost(bare)
        == "nothing tuned, 5 s of writing, 3.00 GB of memory (no GPU), 1 tokens in + 2 out a problem."
    )
