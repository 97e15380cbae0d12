"""Completions laid out as instruct models lay them out, each with the program that a reader would take from it."""

from __future__ import annotations

import pytest

from harness.extract import AnswerExtractor

PLAIN = AnswerExtractor(markers=("### Instruction:", "### Response:"))
ONE_LINE = AnswerExtractor(markers=("### Instruction:", "### Response:"), stop=("\n",))

SUM = "def total(xs):\n    result = 0\n    for x in xs:\n        result += x\n    return result"
READ = "n = int(input())\nprint(n * 2)"
LINE = "result = [x for x in xs if x > 0]"
IMPORT = "import re\n\n\ndef words(text):\n    return re.findall(r'\\w+', text)"

BLOCKS = {
    "the command that installs, then the code, then its output": (
        "First install the package:\n\n```bash\npip install numpy\n```\n\nThen:\n\n"
        f"```python\n{SUM}\n```\n\nOutput:\n\n```\n6\n```",
        SUM,
    ),
    "another language first": (
        f"In JavaScript:\n```js\nconst f = x => x;\n```\nand in Python:\n```python\n{SUM}\n```",
        SUM,
    ),
    "an unmarked block of input before the code": (f"For the input\n```\n3 4\n```\nuse\n```python\n{READ}\n```", READ),
    "a second block broken off after its language": (f"So:\n```\n{SUM}\n```\nOr:\n```\npython", SUM),
    "nothing but a block broken off after its language": ("Sure.\n```\npython\n", ""),
    "json and then python3": (f'```json\n{{"a": 1}}\n```\n```python3\n{SUM}\n```', SUM),
    "a test behind the answer": (f"```python\n{SUM}\n```\n\nTest it:\n\n```python\nassert total([1]) == 1\n```", SUM),
    "the first attempt cannot be parsed": (f"```python\ndef total(xs)\n```\nSorry:\n```python\n{SUM}\n```", SUM),
    "pseudocode first": (f"Pseudocode:\n```\nfor each x in xs: add it\n```\nPython:\n```\n{SUM}\n```", SUM),
    "text block first": (f"```text\nsum of the list\n```\n\n```python\n{SUM}\n```", SUM),
    "py3": (f"```py3\n{SUM}\n```", SUM),
    "pycon": ("```pycon\n>>> xs.sort()\n>>> xs\n[1, 2]\n```", "xs.sort()\nxs"),
    "python-repl": ("```python-repl\n>>> xs.sort()\n```", "xs.sort()"),
    "highlighted lines": (f"```python {{1,3-4}}\n{SUM}\n```", SUM),
    "line numbers asked for": (f"```python showLineNumbers\n{SUM}\n```", SUM),
    "a path as the info string": (f"```solution.py\n{SUM}\n```", SUM),
    "a path behind the language": (f"```python solution.py\n{SUM}\n```", SUM),
    "four backticks with a README inside": (
        f"````markdown\n# Usage\n```python\n{LINE}\n```\n````",
        LINE,
    ),
    "a fence nested in a docstring within a block": (
        '```python\ndef f(x):\n    """Double.\n\n    ```python\n    f(1)\n    ```\n    """\n    return 2 * x\n```',
        'def f(x):\n    """Double.\n\n    ```python\n    f(1)\n    ```\n    """\n    return 2 * x',
    ),
    "a fence nested in a docstring, prose around": (
        'Here you go:\n\n```python\ndef f(x):\n    """Double.\n\n    Example:\n    ```\n    f(1)\n    ```\n    """\n'
        "    return 2 * x\n```\n\nIt doubles.",
        'def f(x):\n    """Double.\n\n    Example:\n    ```\n    f(1)\n    ```\n    """\n    return 2 * x',
    ),
    "a string with a fence": ("```python\nprint('```')\n```", "print('```')"),
    "a string that builds a fence": (
        "```python\ntext = f'```python\\n{code}\\n```'\nprint(text)\n```",
        "text = f'```python\\n{code}\\n```'\nprint(text)",
    ),
    "blank lines inside the fence": (f"```python\n\n\n{SUM}\n\n\n```", SUM),
    "closing fence with words behind it": (f"```python\n{SUM}\n``` This is it.", SUM),
    "single quotes as a fence": (f"'''python\n{SUM}\n'''", SUM),
    "double quotes as a fence": (f'"""python\n{SUM}\n"""', SUM),
    "two backticks as a fence": (f"``python\n{SUM}\n``", SUM),
    "HTML": (f'<pre><code class="language-python">\n{SUM}\n</code></pre>', SUM),
    "HTML code alone": (f"<code>\n{SUM}\n</code>", SUM),
    "HTML entities": (
        "<pre><code>def f(a, b):\n    return a &lt; b and b &gt; 0 and a &amp; 1\n</code></pre>",
        "def f(a, b):\n    return a < b and b > 0 and a & 1",
    ),
    "HTML entities in a block": (
        "```python\nif a &lt; b:\n    print(&quot;less&quot;)\n```",
        'if a < b:\n    print("less")',
    ),
    "entities in a string stay": ("```python\nprint('&lt;b&gt;')\n```", "print('&lt;b&gt;')"),
    "LaTeX": (f"\\begin{{lstlisting}}[language=Python]\n{SUM}\n\\end{{lstlisting}}", SUM),
    "minted": (f"\\begin{{minted}}{{python}}\n{SUM}\n\\end{{minted}}", SUM),
    "verbatim code tags": (f"\\begin{{code}}\n{SUM}\n\\end{{code}}", SUM),
    "details": (f"<details>\n<summary>Solution</summary>\n\n```python\n{SUM}\n```\n\n</details>", SUM),
    "a diff": ("```diff\n- print(n)\n+ n = int(input())\n+ print(n * 2)\n```", READ),
    "a diff with context": (
        "```diff\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n n = int(input())\n-print(n)\n+print(n * 2)\n```",
        READ,
    ),
}
SLIPS = {
    "the language behind the fence's line": (f"```\npython\n{SUM}\n```", SUM),
    "the language twice": (f"```python\npython\n{SUM}\n```", SUM),
    "the language without a fence": (f"python\n{SUM}", SUM),
    "a longer fence closed by a shorter": (f"````python\n{SUM}\n```\nDone.", SUM),
    "closed by one backtick": (f"```python\n{SUM}\n`", SUM),
    "closed by a fence with a language": (f"```python\n{SUM}\n```python\n", SUM),
    "escaped fences": (f"\\`\\`\\`python\n{SUM}\n\\`\\`\\`", SUM),
    "a session behind the code": (f"{SUM}\n\nExample:\n>>> total([1, 2])\n3", SUM),
    "a session right behind the code": (f"{SUM}\n>>> total([1, 2])\n3", SUM),
    "lone closing tags": (f"{SUM}\n</code></pre>", SUM),
    "a lone closing command": (f"{SUM}\n\\end{{code}}", SUM),
    "a label in a sentence": (f"The code is: {LINE}", LINE),
    "R Markdown's options": (f"```{{python, echo=FALSE}}\n{SUM}\n```", SUM),
    "a block of output": (f"```python\n{SUM}\n```\n```output\n6\n```", SUM),
}
NOTEBOOKS = {
    "magic lines": (f"```python\n%matplotlib inline\n!pip install numpy\n{READ}\n```", READ),
    "a cell magic": (f"```python\n%%time\n{READ}\n```", READ),
    "cell markers stay": (f"```python\n# %%\n{READ}\n```", f"# %%\n{READ}"),
    "numbered cells": (
        "In [1]: xs = [3, 1]\n\nIn [2]: xs.sort()\n\nIn [3]: xs\nOut[3]: [1, 3]",
        "xs = [3, 1]\nxs.sort()\nxs",
    ),
    "a session of several lines": (
        "```\n>>> def f(x):\n...     return x\n...\n>>> f(1)\n1\n```",
        "def f(x):\n    return x\n\nf(1)",
    ),
    "a session with a traceback": (
        ">>> int('a')\nTraceback (most recent call last):\n"
        "  File \"<stdin>\", line 1, in <module>\nValueError: x\n>>> int('1')\n1",
        "int('a')\nint('1')",
    ),
    "a session behind prose": ("You can try this in the shell:\n\n>>> xs.sort()\n>>> xs\n[1, 2]", "xs.sort()\nxs"),
    "a shell prompt before a file": ("```\n$ cat a.py\n```\n\n```python\n" + READ + "\n```", READ),
    "a shebang": (f"#!/usr/bin/env python3\n{READ}", f"#!/usr/bin/env python3\n{READ}"),
    "a shebang and a coding line in a block": (
        f"```python\n#!/usr/bin/python\n# -*- coding: utf-8 -*-\n{READ}\n```",
        f"#!/usr/bin/python\n# -*- coding: utf-8 -*-\n{READ}",
    ),
}
PROSE = {
    "Here is": (f"Here is a Python function that sums a list:\n\n{SUM}", SUM),
    "Here's, and how it works": (
        f"Here's the solution:\n\n{SUM}\n\nHow it works:\n1. It starts with 0.\n2. It adds each number.\n",
        SUM,
    ),
    "numbered steps before": (
        f"To solve this:\n\n1. Read the number.\n2. Double it.\n3. Print it.\n\n```python\n{READ}\n```",
        READ,
    ),
    "bold heading": (f"**Solution**\n\n{SUM}\n\n**Explanation**\n\nThe loop adds every number.", SUM),
    "hash heading": (f"### Solution\n\n{SUM}\n\n### Explanation\n\nThe loop adds every number.", SUM),
    "hash heading before a block": (f"# Solution\n\n```python\n{SUM}\n```\n", SUM),
    "a list with indented code": (f"- Use a comprehension:\n\n      {LINE}\n\n- It keeps what is positive.", LINE),
    "a quotation": ("> Sort it in place:\n>\n> ```python\n> xs.sort()\n> ```", "xs.sort()"),
    "Python's own comments as explanation": (f"# Here is the solution\n{READ}", f"# Here is the solution\n{READ}"),
    "note behind": (f"{READ}\n\nNote: this assumes that the input is a number.", READ),
    "please behind": (f"{READ}\n\nPlease let me know if you have any questions!", READ),
    "a question behind": (f"{READ}\n\nWould you like me to explain it?", READ),
    "an emoji": (f"Sure! 😊 Here is the code:\n\n{READ}\n\nHope that helps! 🎉", READ),
    "German": (f"Hier ist der Code:\n\n{READ}\n\nDas Programm liest eine Zahl.", READ),
    "Chinese": (f"以下是代码：\n\n```python\n{READ}\n```\n\n这个程序读取一个数字。", READ),
    "Chinese without a fence": (f"以下是代码：\n\n{READ}\n\n这个程序读取一个数字。", READ),
    "a span in a sentence": ("The answer is `xs[::-1]`, which reverses the list.", "xs[::-1]"),
    "a table behind": (f"{READ}\n\n| input | output |\n|---|---|\n| 2 | 4 |", READ),
    "a rule between": (f"---\n\n{READ}\n\n---\n\nThis doubles the number.", READ),
    "cut within the explanation": (f"{SUM}\n\nThis function takes a list `xs` and returns the sum of its elem", SUM),
    "cut within a block": (
        "```python\ndef total(xs):\n    result = 0\n    for x in x",
        "def total(xs):\n    result = 0\n    for x in x",
    ),
    "cut within the fence": ("Here is the code:\n\n``", "Here is the code:\n\n``"),
    "an example call in prose": (f"{SUM}\n\nExample usage:\n\n    total([1, 2])\n\nThis returns 3.", SUM),
}
WRAPPED = {
    "think": (f"<think>\nOkay, the user wants a sum. `sum(xs)`?\n</think>\n\n```python\n{SUM}\n```", SUM),
    "think, indented": (f"  <think>\nx\n  </think>\n{READ}", READ),
    "Gemma 4's channel": (f"<|channel>thought\nadd them\n<channel|>{READ}<turn|>", READ),
    "GLM's box": (f"<think>a</think><|begin_of_box|>{READ}<|end_of_box|>", READ),
    "Granite's tags": (f"<think>Double it.</think><response>{READ}</response>", READ),
    "Granite 3.2's sentences": (
        f"Here is my thought process:\nDouble it.\nHere is my response:\n```python\n{READ}\n```",
        READ,
    ),
    "reasoning with a tag inside a span": (f"<think>\nwrite `</s>`?\n</think>\n{READ}", READ),
    "Nous's tool call": (
        '<tool_call>\n{"name": "python", "arguments": {"code": "print(1 + 1)"}}\n</tool_call>',
        "print(1 + 1)",
    ),
    "Llama's code interpreter": (f"<|python_tag|>{READ}<|eom_id|>", READ),
    "Llama's function tag": (f"<function=solve>\n{READ}\n</function>", READ),
    "execute": (f"<execute>\n{READ}\n</execute>", READ),
    "Claude's answer tags": (f"<answer>\n```python\n{READ}\n```\n</answer>", READ),
    "WizardCoder's prompt repeated": (
        f"### Instruction:\nDouble it.\n\n### Response:\n```python\n{READ}\n```\n\n### Instruction:\nNext",
        READ,
    ),
    "ChatML's words": (f"assistant\n```python\n{READ}\n```<|im_end|>", READ),
    "Llama 3's headers": (f"<|start_header_id|>assistant<|end_header_id|>\n\n{READ}<|eot_id|>", READ),
    "the user's next question in words": (f"{READ}\n\nUser: And how to triple it?\nAssistant: print(n * 3)", READ),
    "Human and Assistant": (f"{READ}\n\nHuman: thanks\n\nAssistant: You are welcome.", READ),
}
SPACES = {
    "tabs": ("```python\nfor x in xs:\n\tprint(x)\n```", "for x in xs:\n\tprint(x)"),
    "tabs before the whole": ("Use:\n\n\tfor x in xs:\n\t\tprint(x)", "for x in xs:\n\tprint(x)"),
    "carriage returns in a list": ("1. Sort:\r\n\r\n   ```python\r\n   xs.sort()\r\n   ```\r\n", "xs.sort()"),
    "lone carriage returns": ("x = 1\rprint(x)", "x = 1\nprint(x)"),
    "non-breaking spaces in a block": ("```python\nfor x in xs:\n\xa0\xa0print(x)\n```", "for x in xs:\n  print(x)"),
    "curly quotes in a string stay": ("print('“hello”')", "print('“hello”')"),
    "ideographic spaces": ("```python\nfor x in xs:\n\u3000\u3000print(x)\n```", "for x in xs:\n  print(x)"),
    "a soft hyphen": ("print(\u00adx)", "print(x)"),
    "form feed": ("import os\n\x0c\nprint(os.name)", "import os\n\x0c\nprint(os.name)"),
    "a trailing backslash": ("x = 1 + \\\n    2", "x = 1 + \\\n    2"),
}
CUT = {
    last: (f"{SUM}\n\n{last}", f"{SUM}\n\n{last}")
    for last in (
        "filename = 'data.",
        'message = "the sum of all the numbers is:',
        'logger.info("Finished processing the file.',
        "names = ['Ada Lovelace wrote the first program.",
        'total(xs, name="what a long name this is!',
        'say(f"the total of {xs} is this one.',
    )
}
"""Programs that the token limit cut inside a text literal that reads like a sentence."""

KINDS = {
    "blocks": BLOCKS,
    "slips": SLIPS,
    "notebooks": NOTEBOOKS,
    "prose": PROSE,
    "wrapped": WRAPPED,
    "spaces": SPACES,
    "cut": CUT,
}
CASES = [
    pytest.param(text, answer, id=f"{kind}: {name}")
    for kind, found in KINDS.items()
    for name, (text, answer) in found.items()
]


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_the_program_that_a_reader_would_take_is_found(text: str, answer: str) -> None:
    assert PLAIN.extract(text).text == answer


def test_a_sentence_with_quotes_behind_the_code_is_still_none_of_it() -> None:
    for sentence in (
        "This is all of it (it's short).",
        "I left out one case (we'll see).",
        "It's called total('x') and that's it.",
        'Use the name ("xs") as it is.',
        'Here is "it", don\'t worry.',
    ):
        assert PLAIN.extract(f"{SUM}\n\n{sentence}").text.strip() == SUM


@pytest.mark.parametrize(("text", "answer"), CASES)
def test_what_was_found_is_read_as_itself(text: str, answer: str) -> None:
    assert PLAIN.extract(PLAIN.extract(text).text).text == answer


@pytest.mark.parametrize(("text", "answer"), CASES)
@pytest.mark.parametrize("reader", [PLAIN, ONE_LINE], ids=["any", "one line"])
def test_writing_ends_only_where_nothing_can_change(reader: AnswerExtractor, text: str, answer: str) -> None:
    first = next((end for end in range(len(text)) if reader.is_complete(text[:end])), len(text))
    assert reader.extract(text[:first]).text.strip() == reader.extract(text).text.strip(), text[:first]
