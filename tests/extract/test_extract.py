"""The answer in a completion: whatever stands around the code, the same code is read."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.extract import AnswerExtractor, code, cut

PLAIN = AnswerExtractor(markers=("### Instruction:", "### Response:"))
ONE_LINE = AnswerExtractor(markers=("### Instruction:", "### Response:"), stop=("\n",))

X = "x = sorted(xs)"
TWO = "a, b = map(int, input().split())\nprint(a + b)"
DEF = "def f(x):\n    return x + 1"

BARE = {
    "code": (X, X),
    "blank lines around": (f"\n\n{X}\n\n", X),
    "a body keeps its indentation": ("    return x\n", "    return x"),
    "byte order mark": (f"\ufeff{X}", X),
    "carriage returns": (TWO.replace("\n", "\r\n"), TWO),
    "non-breaking spaces as indentation": ("def f(x):\n\xa0\xa0\xa0\xa0return x + 1", DEF),
    "a non-breaking space in a string stays": ("x = 'a\xa0b'", "x = 'a\xa0b'"),
    "zero-width space": (f"\u200b{X}", X),
    "fences in a docstring": (
        f'def f(x):\n    """Add.\n\n    ```\n    f(1)\n    ```\n    """\n{DEF[9:]}',
        f'def f(x):\n    """Add.\n\n    ```\n    f(1)\n    ```\n    """\n{DEF[9:]}',
    ),
    "a program cut by the token limit": ("def f(x):\n    for i in ran", "def f(x):\n    for i in ran"),
    "a program with an error keeps all its lines": (f"{TWO}\nprint(", f"{TWO}\nprint("),
    "a label before it": (f"Answer: {X}", X),
    "a bold label before it": (f"**Answer:**\n{X}", X),
    "a name": ("xs", "xs"),
    "nothing": ("", ""),
    "blank": (" \n\n ", ""),
    "a refusal": ("I cannot help with that.", "I cannot help with that."),
}
FENCED = {
    "python": (f"```python\n{X}\n```", X),
    "prose around": (f"Sure! Here is the code:\n\n```python\n{X}\n```\n\nThis sorts the list.", X),
    "unmarked": (f"```\n{X}\n```", X),
    "unclosed": (f"```py\n{X}", X),
    "lone closing fence": (f"{TWO}\n```\n\nThis prints the sum.", TWO),
    "lone closing fence at the end": (f"{TWO}\n```", TWO),
    "lone closing fence, then an example": (f"{DEF}\n```\nUsage:\n```python\nprint(f(1))\n```", DEF),
    "prose before a lone closing fence": (f"Here it is:\n\n{DEF}\n```\nIt adds one to x.", DEF),
    "words before the fence on its line": (f"Sure! ```python\n{TWO}\n```\nDone.", TWO),
    "closing fence behind code": (f"```python\n{X}```", X),
    "tildes": (f"~~~python\n{X}\n~~~", X),
    "longer fence around a shorter one": ("````python\nx = '''\n```\n'''\n````", "x = '''\n```\n'''"),
    "tildes around backticks": ("~~~~{.python}\nx = '''\n```\n'''\n~~~~", "x = '''\n```\n'''"),
    "python3.11": (f"```python3.11\n{X}\n```", X),
    "{.python}": (f"```{{.python}}\n{X}\n```", X),
    "{python}": (f"``` {{python}}\n{X}\n```", X),
    "title": (f'```python title="main.py"\n{X}\n```', X),
    "capital": (f"```Python\n{X}\n```", X),
    "ipython": (f"```ipython\n{X}\n```", X),
    "code-cell": (f"```{{code-cell}} ipython3\n{X}\n```", X),
    "file name": (f"```python:main.py\n{X}\n```", X),
    "carriage returns": (f"```python\r\n{X}\r\n```\r\n", X),
    "in a list": (f"1. Do this:\n   ```python\n   a = 1\n   {X}\n   ```\n2. Done", f"a = 1\n{X}"),
    "in a list, not indented": (f"1. Do this:\n   ```python\n{X}\n```\n2. Done", X),
    "in a bullet": (f"- ```python\n  {X}\n  ```", X),
    "in a quotation": (f"> ```python\n> {X}\n> ```", X),
    "indented by four": (f"Use this:\n\n    ```python\n    {X}\n    ```", X),
    "a body in a block": ("```python\n    return x\n```", "    return x"),
    "code on the fence's line": (f"```python {X}\n```", X),
    "one line": (f"```python {X}```", X),
    "one line without a language": (f"```{X}```", X),
    "shell first": (f"```bash\npip install numpy\n```\n\n```python\n{X}\n```", X),
    "python over unmarked": (f"```\nxs = [3, 1]\n```\n\n```python\n{X}\n```", X),
    "the first that parses": (f"```\n$ python x.py\n```\n```\n{X}\n```", X),
    "the first python block that parses": (f"```python\nsorted(xs\n```\nBetter:\n```python\n{X}\n```", X),
    "an example's output behind bare code": (f"{DEF}\n\nOutput:\n```\n3\n```", DEF),
    "another language alone is what was written": ("```javascript\nlet x = 1\n```", "let x = 1"),
    "closing fence forgotten between two": (f"```python\n{DEF}\n```python\nprint(f(1))\n```", DEF),
    "session": ("```python\n>>> x = sorted(xs)\n>>> x\n[1, 2]\n```", f"{X}\nx"),
    "empty block, then the code": (f"```python\n```\n\n```python\n{X}\n```", X),
    "windows line ends and tildes": (f"Hi,\r\n\r\n~~~ py\r\n{X}\r\n~~~", X),
}
PROSE = {
    "before": (f"Sure, here is the code:\n\n{DEF}", DEF),
    "after": (f"{DEF}\n\nThis function returns x plus one.", DEF),
    "both, indented": (f"Use this:\n\n    {X}\n\nThis sorts the list.", X),
    "explanation cut by the token limit": (f"{DEF}\n\nExplanation:\nThe function takes a num", DEF),
    "a list of remarks": (f"{TWO}\n\n- The first line reads the input.\n- The second line prints the sum.", TWO),
    "a separator": (f"{TWO}\n---\nThat is all there is to it.", TWO),
    "one word": (f"Certainly!\n\n{TWO}", TWO),
    "inline code": ("You can use `xs.sort(reverse=True)` for this.", "xs.sort(reverse=True)"),
    "inline code alone": ("`xs`", "xs"),
    "inline code with a language": ("`python xs.sort()`", "xs.sort()"),
    "session": (">>> x = sorted(xs)\n>>> for y in x:\n...     print(y)\n1\n2", f"{X}\nfor y in x:\n    print(y)"),
    "numbered prompts": ("In [1]: x = sorted(xs)\nIn [2]: x\nOut[2]: [1]", f"{X}\nx"),
    "else is no prose": ("if a:\n    b()\nelse:\n    c(", "if a:\n    b()\nelse:\n    c("),
}
REASONING = {
    "closed": (f"<think>\nmaybe\n```python\nprint(0)\n```\nno\n</think>\n\n```python\n{TWO}\n```", TWO),
    "before bare code": (f"<think>\nadd\n</think>\n\n{TWO}", TWO),
    "opened in the prompt": (f"Let me see, print(0)?\n</think>\n{TWO}", TWO),
    "twice": (f"<think>a</think>\n<think>b</think>\n{TWO}", TWO),
    "never ended": ("<think>\n```python\nprint(0)\n```\nhm", ""),
    "thinking": (f"<thinking>\nx\n</thinking>\n{TWO}", TWO),
    "reasoning, answer": (f"<reasoning>\nx\n</reasoning>\n<answer>\n{TWO}\n</answer>", TWO),
    "Mistral": (f"[THINK]x = 0[/THINK]{TWO}", TWO),
    "channels": (
        f"<|channel|>analysis<|message|>print(0)<|end|><|start|>assistant<|channel|>final<|message|>{TWO}<|return|>",
        TWO,
    ),
    "only the channel of analysis": ("<|channel|>analysis<|message|>print(0)", ""),
    "begin_of_thought": (
        f"<|begin_of_thought|>\nx\n<|end_of_thought|>\n<|begin_of_solution|>\n{TWO}\n<|end_of_solution|>",
        TWO,
    ),
    "START_THINKING": (f"<|START_THINKING|>x<|END_THINKING|><|START_RESPONSE|>{TWO}<|END_RESPONSE|>", TWO),
    "Code Llama's tags": (f"[PYTHON]\n{TWO}\n[/PYTHON]\n[TESTS]\nassert True\n[/TESTS]", TWO),
    "tags of a later example": (f"{TWO}\n\n[question] And now?\n[python]\nprint(0)\n", TWO),
    "a tag in a string is no reasoning": ("print('</think>')", "print('</think>')"),
}
TURNS = {
    marker: (f"{TWO}{marker}", TWO)
    for marker in (
        "<|endoftext|>",
        "<|eot_id|>",
        "</s>",
        "<eos>",
        "<|im_end|>\n<|im_start|>user\nthanks",
        "<end_of_turn>\n<start_of_turn>user\nthanks",
        "<｜end▁of▁sentence｜>",
        "<|end|><|user|>thanks",
        "<|END_OF_TURN_TOKEN|>",
        "\n[INST] next [/INST]",
        "<|file_sep|>",
        "<file_sep>import os",
        "\n\n### Instruction:\nAnother\n### Response:\nprint(5)",
        "\n###Instruction: Another",
        "\n### Response:\nprint(5)",
    )
} | {
    "a repeated header": (f"### Response:\n{TWO}", TWO),
    "a repeated prompt": (f"### Instruction:\nAdd.\n### Response:\n{TWO}", TWO),
    "leading special tokens": (f"<pad><s>{TWO}", TWO),
    "a marker in a string": ("print('</s>')", "print('</s>')"),
    "a marker in a string, and one behind it": ("print('<|im_end|>')<|im_end|>", "print('<|im_end|>')"),
    "a fence in the next turn": (f"{X}<|im_end|>\n<|im_start|>assistant\n```python\ny = 2\n```", X),
    "a fence, then a turn": (f"```python\n{TWO}\n```<|im_end|>\n<|im_start|>user", TWO),
    "a next turn that the token limit cut": (f"{TWO}\n\n### Instruction", TWO),
    "a next turn cut in its first word": (f"{TWO}\n### Ins", TWO),
    "an end marker that the token limit cut": (f"{X}<|im_en", X),
    "a comment at the end that begins no turn": (f"{TWO}\n### Done", f"{TWO}\n### Done"),
    "an operator at the end": (f"{X}\nx <", f"{X}\nx <"),
    "a turn inside an open block": (f"```python\n{TWO}<|endoftext|>more", TWO),
}
KINDS = {"bare": BARE, "fenced": FENCED, "prose": PROSE, "reasoning": REASONING, "turns": TURNS}
CASES = [
    pytest.param(text, answer, id=f"{kind}: {name}")
    for kind, found in KINDS.items()
    for name, (text, answer) in found.items()
]


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_the_answer_is_found(text: str, answer: str) -> None:
    assert PLAIN.extract(text).text == answer


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_an_answer_is_read_as_itself(text: str, answer: str) -> None:
    assert PLAIN.extract(PLAIN.extract(text).text).text == answer


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (X, "bare"),
        (f"```python\n{X}\n```", "fenced"),
        (f"<think>hm</think>```python\n{X}\n```", "after reasoning, fenced"),
        (f"{X}\n### Instruction:\nmore", "cut at a turn, bare"),
        (f"Here you are:\n{X}", "prose around code"),
        ("You can use `xs.sort()`.", "inline"),
        (f"[PYTHON]\n{X}\n[/PYTHON]", "wrapped, bare"),
        (">>> x", "bare, interpreter session"),
    ],
)
def test_the_rule_is_told(text: str, rule: str) -> None:
    assert PLAIN.extract(text).rule == rule


WRAPPINGS = {
    "bare": "{}",
    "fenced": "```python\n{}\n```",
    "fenced in prose": "Here is the code:\n\n```python\n{}\n```\n\nIt does what you asked for.",
    "after reasoning": "<think>\nprint(0)?\n</think>\n\n{}",
    "reasoning and a fence": "<think>\nprint(0)?\n</think>\n\n```py\n{}\n```",
    "with the next turn": "{}\n\n### Instruction:\nMore.\n### Response:\nprint(0)",
    "with the template's next turn": "{}<|im_end|>\n<|im_start|>user\nMore.",
}
names = st.sampled_from(["a", "xs", "value"])
statements = st.one_of(
    st.builds("{} = {}".format, names, st.one_of(st.integers().map(repr), st.text(max_size=8).map(repr))),
    st.builds("print({}, {})".format, names, names),
    st.builds("for {} in {}:\n    print({})".format, names, names, names),
    st.builds("def f({}):\n    return {}".format, names, names),
    st.builds("{}.sort(key=lambda y: y[{}])".format, names, st.integers(0, 9)),
)


@given(st.lists(statements, min_size=1, max_size=4).map("\n".join))
def test_wrapping_changes_no_answer(program: str) -> None:
    ast.parse(program)
    for name, wrapping in WRAPPINGS.items():
        text = wrapping.replace("{}", program)
        assert PLAIN.extract(text).text == program, name
        assert ONE_LINE.extract(text).text == program.split("\n", maxsplit=1)[0], name


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    for reader in (PLAIN, ONE_LINE):
        answer = reader.extract(text).text
        assert not any(line.startswith("### Instruction:") for line in answer.split("\n"))
        reader.is_complete(text)


@given(
    st.lists(
        st.sampled_from(["```", "```python", "x = 1", "Here:", "", "<think>", "</think>", "  ", "~~~"]), max_size=9
    )
)
def test_any_order_of_fences_is_read(lines: list[str]) -> None:
    answer = PLAIN.extract("\n".join(lines)).text
    assert len(answer) <= len("\n".join(lines))


def test_stops_that_shape_an_answer_hold_in_a_block_and_others_do_not() -> None:
    body = "import math\n\ndef f(x):\n    return x"
    assert AnswerExtractor(stop=("\ndef",)).extract(f"```python\n{body}\n```").text == body
    assert AnswerExtractor(stop=("\ndef",)).extract("    return x\n\ndef g(): pass").text == "    return x"
    assert AnswerExtractor(stop=("\n",)).extract(f"```python\n{body}\n```").text == "def f(x):"


def test_an_import_before_it_is_no_answer_of_one_line() -> None:
    for imports in ("import os\n", "import os\n\n# send\n", "from os import kill, getpid\nimport signal\n"):
        for fence in ("```python\n", ""):
            text = f"{fence}{imports}os.kill(os.getpid(), signal.SIGUSR1)\n"
            assert ONE_LINE.extract(text).text == "os.kill(os.getpid(), signal.SIGUSR1)"
            assert not ONE_LINE.is_complete(f"{fence}{imports}")
            assert ONE_LINE.is_complete(text)
    assert ONE_LINE.extract("```python\nimport os\n```").text == "import os"
    assert ONE_LINE.extract("```python\nimport os; os.getpid()\nx\n```").text == "import os; os.getpid()"


def test_a_leading_blank_is_no_stop() -> None:
    assert ONE_LINE.extract(f"\n{X}\nmore").text == X
    assert AnswerExtractor(stop=("\n\n",)).extract(f"\n\n{TWO}\n\nmore").text == TWO


def test_a_comment_is_no_answer_of_one_line_where_code_follows() -> None:
    assert ONE_LINE.extract(f"```python\n# sort\n\n{X}\n```").text == X
    assert ONE_LINE.extract(f"# sort\n{X}\n").text == X
    assert ONE_LINE.extract("# sort").text == "# sort"
    assert PLAIN.extract(f"# sort\n{X}\n").text == f"# sort\n{X}"


def test_the_block_that_defines_the_entry_point_answers_after_what_it_builds_on() -> None:
    text = "```python\nimport math\n```\n```python\ny = 3\n```\n```python\ndef area(r):\n    return math.pi * r\n```"
    assert (
        AnswerExtractor(entry_point="area").extract(text).text == "import math\n\ndef area(r):\n    return math.pi * r"
    )


def test_a_task_says_which_blocks_are_its_own() -> None:
    text = "```python\nrun(query)\n```\n```sql\nSELECT 1\n```"
    assert AnswerExtractor(languages=("sql",)).extract(text).text == "SELECT 1"


@pytest.mark.parametrize(
    ("reader", "text", "whole"),
    [
        (PLAIN, TWO, False),
        (PLAIN, f"```python\n{TWO}\n```\n", True),
        (PLAIN, f"```python\n{TWO}\n", False),
        (PLAIN, "```python tit", False),
        (PLAIN, "print('</s>", False),
        (PLAIN, "### Instruction:\nAdd.\n", False),
        (PLAIN, "```bash\npip install x\n```\n", False),
        (PLAIN, f"{TWO}\n### Instruction:", True),
        (PLAIN, "### Response:\n", False),
        (PLAIN, f"<think>\n{TWO}\n### Instruction:", False),
        (PLAIN, f"<think>\n```python\n{TWO}\n```", False),
        (PLAIN, f"<think>\nx\n</think>\n```python\n{TWO}\n```\n", True),
        (PLAIN, "def f(x):\n    '''Add.\n    ```python\n    f(1)\n    ```\n", False),
        (ONE_LINE, "\n", False),
        (ONE_LINE, "\n\n", False),
        (ONE_LINE, X, False),
        (ONE_LINE, f"{X}\n", True),
        (ONE_LINE, f"\n{X}\n", True),
        (ONE_LINE, "sorted(xs\n", True),
        (ONE_LINE, "Here is the code:\n", False),
        (ONE_LINE, "Sure\n", False),
        (ONE_LINE, "```python\n", False),
        (ONE_LINE, "Sure:\n```python\n\n", False),
        (ONE_LINE, f"Sure:\n```python\n{X}\n", True),
        (ONE_LINE, f"```python\n{DEF}", True),
        (ONE_LINE, "```python\n# sort\n", False),
        (ONE_LINE, f"```python\n# sort\n{X}\n", True),
        (ONE_LINE, "# sort\n", False),
        (ONE_LINE, "```python\nsorted(xs\n", False),
        (ONE_LINE, f"<think>\n{X}\n", False),
        (AnswerExtractor(stop=("\ndef",)), "    return x\n\ndef", True),
        (AnswerExtractor(stop=("\ndef",)), "```python\nimport math\n\ndef", False),
        (AnswerExtractor(entry_point="f"), "```python\nimport math\n```", False),
        (AnswerExtractor(entry_point="f"), f"```python\n{DEF}\n```\n", True),
    ],
)
def test_writing_ends_where_the_answer_is_whole(reader: AnswerExtractor, text: str, whole: bool) -> None:
    assert reader.is_complete(text) is whole


@pytest.mark.parametrize(("text", "answer"), CASES)
@pytest.mark.parametrize("reader", [PLAIN, ONE_LINE], ids=["any", "one line"])
def test_what_would_have_followed_a_whole_answer_changes_nothing(
    reader: AnswerExtractor, text: str, answer: str
) -> None:
    for end in range(len(text)):
        if reader.is_complete(text[:end]):
            assert reader.extract(text[:end]).text.strip() == reader.extract(text).text.strip(), text[:end]
            return


def test_a_stop_string_is_no_regular_expression() -> None:
    assert cut("a<b>c<|endoftext|>d", ("<|endoftext|>",)) == "a<b>c"


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_what_is_kept_holds_no_stop_string(text: str, stop: list[str]) -> None:
    kept = cut(text, tuple(stop))
    assert text.startswith(kept)
    assert not any(s in kept for s in stop)


def test_code_is_what_a_reader_without_a_layout_finds() -> None:
    assert code(f"Sure:\n```python\n{X}\n```\nDone.") == X
