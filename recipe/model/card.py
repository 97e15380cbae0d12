"""Write the model card from what the other steps left behind.

python -m recipe.model.card MODEL --prepared DATA --stage RUN --stage RUN --check CHECK.json --probes PROBES.json
"""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

CARD = """# The built-in model

A causal language model of Python code with {parameters:,} parameters, trained from scratch for this project, so that
`harness` can do its whole job on a machine without network or GPU. It is a teaching and testing aid, **not** a
model to draw conclusions about code generation from: results made with it are labelled as such everywhere.

| | |
| --- | --- |
| architecture | Llama: hidden 384, 6 layers, 6 heads (3 for keys and values), feed-forward 1,024, tied embeddings, context 1,024 |
| tokenizer | byte-level BPE of its own, 8,192 entries, `<|endoftext|>` ends a document, `<|pad|>` pads; every byte sequence round-trips |
| weights | bfloat16 safetensors, {size:,} bytes |
| sha256 of `model.safetensors` | `{weights}` |
| sha256 of `tokenizer.json` | `{tokenizer}` |
| licence | the project's; data below |
| recipe | `recipe/model/` in the repository, seed {seed} |

It loads with `AutoModelForCausalLM.from_pretrained(folder)` and `AutoTokenizer.from_pretrained(folder)`, offline.

## What it was trained on

{tokens:.2f} billion tokens in {stages} stages on one NVIDIA H100 ({seconds:.0f} seconds of training in all), windows of
1,024 tokens, 65,536 tokens a step, Muon for the hidden matrices (0.012) and AdamW for embeddings and norms (3e-3),
constant learning rate and then a linear fall to zero; the last stage continued from the weights before the first
stage's fall.

| part | distinct tokens | share of a batch, constant rate / fall |
| --- | --- | --- |
| Python source files (below) | {sources:,} | 34 % / 10 % |
| docstring-to-code pairs taken from the same files with `ast` | {docstrings:,} | 8 % / 6 % |
| instruction/code pairs written by this project's generators | {generated:,} | 58 % / 84 % |

The generators (`recipe/model/idioms.py`, `puzzles.py` and the families beside them) unfold {families:,} one-line
idioms and {blocks} small problems, plus compositions of conditions, changes and sums, with random names and literals. Pairs stand
in over twenty layouts (comment above code, docstring above code, questions and answers, doctests, Markdown with fenced
code, a problem statement above the program that reads its input ...), often several of one layout in a row. The
layout that `harness` prompts with (`### Instruction:` / `### Response:`) is **not** among them.

No row of any data set is in the corpus. The generators' families were written from general knowledge of Python after looking at
which kinds of things CoNaLa's *training* split asks for; the first stage ran with an earlier state of the generators than the
last one (fewer single-pair documents, no scripts, no repeated test cases), so running the recipe again gives an equivalent model, not these bytes.

### Sources and their licences, as stated in their metadata

| distribution | version | licence | files | characters |
| --- | --- | --- | --- | --- |
{distributions}

## Losses

Cross-entropy per token, mean of one batch. In the fall more of the batch is generated pairs, which are easier to predict:
losses of the two phases are not comparable.

| stage | step | tokens so far | learning rate | loss |
| --- | --- | --- | --- | --- |
{losses}

Held-out loss after each stage: {held}.

## Contamination check

Test problems looked for: {test_problems} (CoNaLa's 543 test problems in the DocPrompting split, and the test splits of the built-in
sample). A pair counts as a test problem where the normalised instructions are equal, or where at least half of the
problem's runs of eight tokens (instruction and code together) occur in it; such pairs are left out before training.

| part | looked at | found | in the corpus |
| --- | --- | --- | --- |
| generated pairs (drawn again from {seeds} generator seeds) | {pairs:,} pairs | {pairs_dropped} | 0 (stage 2) |
| docstring pairs | {described:,} pairs | {described_dropped} | at most {described_dropped} |
| source files holding half of a test problem's runs | {files:,} files | {files_found} | {files_found} |

What is found in source files is code that many programs contain (a `strftime` format, `os.path.dirname(...)`), without
the instruction.

The filter that the first stage and the docstring pairs went through knew an earlier state of the sample's test splits
(and the same of CoNaLa's): what the present list finds, one generated pair in {rate:,}, may have stayed there. Most of
these are not the same problem: they share the sentences about input and output with it.

What this does not exclude: one-line idioms (`sorted(d, key=d.get)`) are common knowledge of the language; the corpus
holds many that some test problem asks for in other words.

## What it can and cannot do

Measured with `recipe/model/probe.py` at the study's settings (LoRA: r = 16, alpha = 32 on q, k, v, learning rate
3e-4; batch 8, 5 epochs, Adafactor), last checkpoint, one seed:

| problems | zero-shot | LoRA | full fine-tuning (3e-4) |
| --- | --- | --- | --- |
{probes}

- Zero-shot it answers the unknown prompt layout as if it were a Markdown page: its first line is mostly the opening of
  a code fence, so exact match without tuning is 0 for a reason of layout, not only of skill. {fence}
- Tuned, it writes usual one-liners and small functions, copies names and literals from the instruction, and solves
  small programs over one list, number or text. It fails on most things that need two steps of thought, on anything
  rare, and then tends to repeat itself.
- It knows no natural language beyond instructions of this kind, no other programming language, and nothing of the
  world. Code that it writes must only ever be run in a sandbox.
"""


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def losses(stages: list[Path]) -> tuple[str, float, str]:
    """Rows of the loss table, training seconds, and the held-out losses in words."""
    rows, seconds, held = [], 0.0, []
    for number, stage in enumerate(stages, 1):
        result = json.loads((stage / "result.json").read_text())
        seconds += result["seconds"]
        found = result["held_out_loss_sources_pairs"]
        held.append(f"{found[0]:.3f} on source files and {found[1]:.3f} on generated pairs (stage {number})")
        lines = [json.loads(line) for line in (stage / "log.jsonl").read_text().splitlines()]
        rows += [
            f"| {number} | {line['step']} | {line['tokens'] / 1e6:.0f}M | {line['rate']} | {line['loss']:.3f} |"
            for line in [*lines[:1], *lines[4::5]]
        ]
    return "\n".join(rows), seconds, "; ".join(held)


def card(args: argparse.Namespace) -> str:
    """The text of the card."""
    from safetensors import safe_open

    from recipe.model import idioms, puzzles

    weights = args.model / "model.safetensors"
    with safe_open(weights, "np") as file:  # shapes only
        parameters = sum(_size(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    prepared = json.loads((args.prepared / "prepare.json").read_text())
    results = [json.loads((stage / "result.json").read_text()) for stage in args.stage]
    check = json.loads(args.check.read_text())
    probes: dict[str, Any] = json.loads(args.probes.read_text())
    table, seconds, held = losses(args.stage)
    # A later stage starts from the weights before the earlier one's fall: that fall is no part of these weights.
    tokens = sum(r["decay_from"] * r["tokens"] // r["steps"] for r in results[:-1]) + results[-1]["tokens"]
    return CARD.format(
        parameters=parameters,
        size=weights.stat().st_size,
        weights=digest(weights),
        tokenizer=digest(args.model / "tokenizer.json"),
        seed=prepared["seed"],
        tokens=tokens / 1e9,
        stages=len(results),
        seconds=seconds,
        sources=prepared["counts"]["sources"],
        docstrings=prepared["counts"]["docstrings"],
        generated=sum(r["generated_tokens"] for r in results),
        families=len(idioms.families()),
        blocks=len(puzzles.blocks()),
        distributions="\n".join(
            f"| {d['name']} | {d['version']} | {d['licence']} | {d['files']} | {d['characters']:,} |"
            for d in prepared["distributions"]
        ),
        losses=table,
        held=held,
        test_problems=check["test_problems"],
        rate=check["generated"]["pairs"] // max(1, check["generated"]["dropped"]),
        seeds=check["generated"]["seeds"],
        pairs=check["generated"]["pairs"],
        pairs_dropped=check["generated"]["dropped"],
        described=check["docstrings"]["pairs"],
        described_dropped=check["docstrings"]["dropped"],
        files=check["sources"]["files"],
        files_found=check["sources"]["problems_found"],
        probes="\n".join(f"| {name} | {' | '.join(values)} |" for name, values in probes["rows"].items()),
        fence=probes["fence"],
    )


def _size(shape: list[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def main() -> None:
    """Write README.md beside the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--stage", type=Path, action="append", required=True)
    parser.add_argument("--check", type=Path, required=True)
    parser.add_argument("--probes", type=Path, required=True)
    args = parser.parse_args()
    (args.model / "README.md").write_text(card(args), encoding="utf-8")


if __name__ == "__main__":
    main()
