"""What a reader does with the page: chooses, searches, copies, prints, sends it on."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from harness.records import Completion

if TYPE_CHECKING:
    from tests.report.conftest import Browser

HEADS = "#table thead th"


def address(browser: Browser) -> str:
    return str(browser.run("return location.hash"))


def reopen(browser: Browser, page: Path) -> None:
    browser.open(page, address(browser).removeprefix("#?"))
    browser.wait("document.querySelector('#problem h3')")


def test_what_was_chosen_stands_in_the_address_and_opens_again(opened: Browser, html: Path) -> None:
    assert address(opened) == "" or address(opened).startswith("#?problem="), "what nobody chose leaves no trace"
    opened.choose("#method", "icl")
    opened.choose("#find", "n=4")
    opened.click("[data-key='writing']")
    opened.choose("#pareto-cost", "tuning")
    opened.choose("#explore-by", "1")
    opened.click("[data-set='both']")
    opened.click("#problem-after")
    problem = opened.texts("#problem h3")[0]
    reopen(opened, html)
    assert opened.run("return [...document.querySelectorAll('#method, #find, #pareto-cost')].map((e) => e.value)") == [
        "n=4",
        "icl",
        "tuning",
    ]
    assert len(opened.texts("#table tbody tr")) == 1
    assert opened.run("return document.querySelector(\"[data-key='writing']\").parentElement.ariaSort") == "ascending"
    assert opened.texts("#problem h3")[0] == problem
    assert opened.run("return document.querySelector('#explore-by').value") == "1"
    assert opened.texts(".sets [aria-pressed=true]")[0].startswith("both solved")
    assert opened.log("browser") == []


def test_an_address_that_names_nothing_here_opens_the_page_as_it_is(browser: Browser, html: Path) -> None:
    browser.open(html, "board=none&sort=nothing&set=nothing&run-a=x&method=y&hide=z&problem=no")
    browser.wait("document.querySelector('#problem h3')")
    assert len(browser.texts("#table tbody tr")) == 12 and browser.log("browser") == []


def test_columns_are_chosen_and_the_method_always_stays(opened: Browser, html: Path) -> None:
    before = opened.texts(HEADS)
    opened.run("document.querySelector('.chooser').open = true")
    opened.click("#columns input[value='memory']")
    assert [head for head in before if head not in opened.texts(HEADS)] == ["peak memory (GB)"]
    reopen(opened, html)
    assert "peak memory (GB)" not in opened.texts(HEADS)
    assert not opened.run("return document.querySelector('#columns input[value=label]')")


def test_head_and_name_stay_in_view_when_the_table_is_scrolled(browser: Browser, html: Path) -> None:
    browser.show(width=700, height=500)
    browser.open(html)
    browser.wait("document.querySelector('#problem h3')")
    browser.run("const t = document.querySelector('#table'); t.scrollTo(400, 150)")
    left, top = browser.run(
        "const box = document.querySelector('#table').getBoundingClientRect();"
        "const name = document.querySelector('#table tbody tr:nth-child(6) .name').getBoundingClientRect();"
        "const head = document.querySelector('#table thead th').getBoundingClientRect();"
        "return [name.left - box.left, head.top - box.top]"
    )
    assert 0 <= left < 3 and 0 <= top < 3


def test_a_long_name_is_cut_and_whole_for_the_pointer_and_the_keyboard(
    browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    for number, n in enumerate((1, 2)):
        rng = random.Random(number)
        found = list(synthetic.records(rng, 0.5, 6))
        spec = synthetic.run_spec("lora", 1)
        spec = replace(spec, options={**spec.options, "lora": {"targets": f"a very long list of target modules {n}"}})
        synthetic.write(tmp_path / "runs", synthetic.row(spec, found, rng), found)
    browser.show(width=390, height=844)
    browser.open(render(tmp_path / "runs", tmp_path / "page.html"))
    browser.wait("document.querySelector('#problem h3')")
    name = "const c = document.querySelector('#table .cut');"
    shape = f"{name} return [c.scrollWidth > c.clientWidth, c.title, c.textContent]"
    cut, title, text = browser.run(shape)
    assert cut and title == text and "target modules" in title
    browser.run("document.querySelector('#table .more').focus()")
    assert browser.run(shape)[0] is False


def test_a_phone_shows_method_and_score_first(browser: Browser, html: Path) -> None:
    browser.show(width=390, height=844)
    browser.open(html)
    browser.wait("document.querySelector('#problem h3')")
    inside = (
        "return [...document.querySelectorAll(arguments[0])].every((e) => { const b = e.getBoundingClientRect();"
        "return b.width === 0 || (b.left >= 0 && b.right <= 390); })"
    )
    for selector in ("#forest th, #forest td", "#table tr > :nth-child(2)", "#table tr > :nth-child(3)"):
        assert browser.run(inside, selector), selector
    assert browser.texts(HEADS)[:3] == ["rank ▲", "method", "em@10 *"]


def test_csv_holds_the_rows_and_columns_that_are_shown(opened: Browser) -> None:
    opened.choose("#method", "icl")
    opened.run(
        "window.saved = []; URL.createObjectURL = (blob) => { saved.push(blob); return 'blob:x'; };"
        "HTMLAnchorElement.prototype.click = function () { saved.push(this.download); }"
    )
    opened.click("#csv")
    text = opened.run("return saved[0].text()")
    assert opened.run("return saved[1]").endswith(".csv")
    lines = list(csv.DictReader(text.splitlines()))
    assert {line["method"].split(" ")[0] for line in lines} == {"icl"} and len(lines) == 3
    assert lines[0]["model"] == "maker/coder-7b"


def test_copying_works_where_the_page_came_over_plain_http(opened: Browser) -> None:
    opened.run(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
        "document.execCommand = (name) => { window.taken = [name, document.activeElement.value]; return true; }"
    )
    wanted = opened.texts(".answers pre")[0]
    opened.click(".answers .command button")
    opened.wait("document.querySelector('.answers .command button').textContent === 'Copied'")
    assert opened.run("return window.taken") == ["copy", wanted]
    assert opened.run("return document.querySelectorAll('textarea').length") == 0


def test_the_colours_are_remembered(opened: Browser, html: Path) -> None:
    opened.click("#theme")
    reopen(opened, html)
    assert opened.run("return document.documentElement.dataset.theme") == "dark"


def test_paper_has_every_row_and_nothing_beside_the_sheet(
    browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    synthetic.many(tmp_path / "runs", 150)
    page = render(tmp_path / "runs", tmp_path / "page.html")
    browser.show(width=704, height=1000)
    browser.open(page)
    browser.wait("document.querySelectorAll('#table tbody tr').length === 100")
    browser.devtools("Emulation.setEmulatedMedia", media="print")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert len(browser.texts("#table tbody tr")) == 150
    box = browser.run(
        "const t = document.querySelector('#table'); return [t.scrollWidth, t.scrollHeight - t.clientHeight]"
    )
    assert box[0] <= 704 and box[1] <= 1
    before = (
        "return document.querySelector('#answers').compareDocumentPosition(document.querySelector('#forest'))"
        " & Node.DOCUMENT_POSITION_FOLLOWING"
    )
    assert browser.run(before), "the answers come first, or many rows take them to a later sheet"
    kept = "return [...document.querySelectorAll('nav')].filter((e) => e.offsetHeight).map((e) => e.id)"
    assert browser.run(kept) == [], "a link leads nowhere on paper"
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert len(browser.texts("#table tbody tr")) == 100 and not browser.run(before)
    browser.devtools("Emulation.setEmulatedMedia", media="")


def test_a_row_opens_to_each_of_its_seeds_and_when_it_was_made(opened: Browser) -> None:
    opened.choose("#find", "icl n=4")
    opened.click("#table .more")
    text = opened.texts("tr.detail")[0]
    assert "seed 1: em@10 " in text and "seed 2: em@10 " in text and "result written 20" in text


def test_problems_are_searched_and_stepped_through(opened: Browser) -> None:
    opened.click("[data-set='both']")
    count = int(opened.texts(".sets [aria-pressed=true]")[0].split("(")[1].rstrip(")"))
    assert opened.run("return document.querySelector('#problem-before').disabled")
    first = opened.texts("#problem h3")[0]
    opened.click("#problem-after")
    assert opened.texts("#problem .controls")[0].startswith("Previous2 of ")
    assert opened.texts("#problem h3")[0] != first
    opened.click("#problem-before")
    assert opened.texts("#problem h3")[0] == first
    opened.choose("#explore-find", "guess_ 7")
    shown = opened.texts(".sets [aria-pressed=true]")[0]
    assert int(shown.split("(")[1].rstrip(")")) <= count
    opened.choose("#explore-find", "nothing of this kind")
    assert "There is no such problem." in opened.texts("#problem")[0]


def test_two_completions_are_compared_line_by_line_and_programs_have_colours(
    browser: Browser, synthetic: ModuleType, render: Callable[..., Path], tmp_path: Path
) -> None:
    texts = ("def f(x):\n    return 1  # one\n", "def f(x):\n    y = 'two'\n    return 1  # one\n")
    for number, (method, text) in enumerate(zip(("lora", "ia3"), texts, strict=True)):
        rng = random.Random(number)
        found = list(synthetic.records(rng, 0.0, 3))
        found = [replace(one, completions=(Completion(text, 3), *one.completions[1:])) for one in found]
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, 1), found, rng), found)
    browser.open(render(tmp_path / "runs", tmp_path / "page.html"))
    browser.wait("document.querySelector('#problem h3')")
    browser.run("document.querySelector('.compared').open = true")
    a = browser.run("return document.querySelector('#run-a').selectedOptions[0].textContent")
    sign = "ins" if a.startswith("lora") else "del"
    assert browser.texts(f".diff {sign}") == [f"{'+' if sign == 'ins' else '-'}     y = 'two'"]
    assert len(browser.texts(".diff span")) >= 3
    kinds = {"keyword": "return", "string": "'two'", "comment": "# one", "number": "1"}
    for kind, text in kinds.items():
        assert text in browser.texts(f".halves .code-{kind}"), kind


@pytest.mark.parametrize("values", [{"one": "a\nb\nc", "other": "a\nc"}, {"one": "", "other": "x"}])
def test_a_difference_gives_back_both_texts(opened: Browser, values: dict[str, Any]) -> None:
    lines = opened.run("return differences(arguments[0], arguments[1])", values["one"], values["other"])
    assert "\n".join(line for sign, line in lines if sign != "+") == values["one"]
    assert "\n".join(line for sign, line in lines if sign != "-") == values["other"]
