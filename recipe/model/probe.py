"""What tuning gets out of a checkpoint: EM@10, or problems solved, after zero-shot, LoRA or full tuning.

    python -m recipe.model.probe MODEL --train FILE --eval FILE --method lora|ft|zero [--rate 3e-4]

A plain loop at the study's settings (batch 8, 5 epochs, Adafactor, linear schedule), apart from `harness` so that it
can run where only torch, transformers and peft are installed.  Files are in the shapes of the three tasks.
"""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

TEMPLATE = "### Instruction:\n{}\n### Response:\n"
LONGEST = 900


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The problems of a file as instruction, code and (for programs) tests."""
    text = path.read_text(encoding="utf-8")
    raw = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
    rows = []
    for row in raw:
        if "nl" in row:
            rows.append({"ask": row["nl"], "code": row["cmd"], "line": True})
        elif "question" in row:
            starter = row.get("starter_code") or ""
            tests = json.loads(row["input_output"])
            form = "Use Call-Based format" if tests.get("fn_name") else "Use Standard Input format"
            ask = row["question"].strip() + (f"\n{starter.rstrip()}" if starter else "") + f"\n{form}"
            rows.append({"ask": ask, "code": json.loads(row["solutions"])[0], "tests": tests})
        else:
            ask = row["instruction"] + (f"\n{row['input']}" if row.get("input") else "")
            rows.append({"ask": ask, "code": row["output"]})
    return rows


def tune(model: Any, tokenizer: Any, rows: list[dict[str, Any]], args: argparse.Namespace) -> float:
    """Tune *model* in place; returns the mean loss of the last epoch."""
    import torch
    from transformers.optimization import Adafactor, get_linear_schedule_with_warmup

    rng = random.Random(0)
    data = []
    for row in rows:
        ask = tokenizer(TEMPLATE.format(row["ask"]))["input_ids"]
        code = [*tokenizer(row["code"])["input_ids"], tokenizer.eos_token_id]
        if len(ask) + len(code) <= LONGEST:
            data.append((ask, code))
    steps = args.epochs * (len(data) // 8)
    optimiser = Adafactor(
        [p for p in model.parameters() if p.requires_grad], lr=args.rate, scale_parameter=False, relative_step=False
    )
    schedule = get_linear_schedule_with_warmup(optimiser, round(0.05 * steps), steps)
    model.train()
    losses: list[Any] = []
    for _ in range(args.epochs):
        rng.shuffle(data)
        losses = []
        for start in range(0, len(data) - 7, 8):
            batch = data[start : start + 8]
            width = max(len(a) + len(c) for a, c in batch)
            ids = torch.full((8, width), tokenizer.pad_token_id)
            labels = torch.full((8, width), -100)
            mask = torch.zeros(8, width, dtype=torch.long)
            for i, (a, c) in enumerate(batch):
                ids[i, : len(a) + len(c)] = torch.tensor(a + c)
                labels[i, len(a) : len(a) + len(c)] = torch.tensor(c)
                mask[i, : len(a) + len(c)] = 1
            loss = model(
                input_ids=ids.to(model.device), attention_mask=mask.to(model.device), labels=labels.to(model.device)
            ).loss
            loss.backward()
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def complete(model: Any, tokenizer: Any, rows: list[dict[str, Any]], args: argparse.Namespace) -> list[list[str]]:
    """Ten completions of each problem: beams, or samples for problems with tests."""
    import torch

    model.eval()
    tokenizer.padding_side = "left"
    programs = "tests" in rows[0]
    how: dict[str, Any] = (
        {"do_sample": True, "temperature": 0.6, "top_p": 0.95} if programs else {"num_beams": 10, "do_sample": False}
    )
    found = []
    for start in range(0, len(rows), args.batch):
        part = rows[start : start + args.batch]
        enc = tokenizer(
            [TEMPLATE.format(r["ask"]) for r in part], return_tensors="pt", padding=True, return_token_type_ids=False
        ).to(model.device)
        with torch.no_grad():
            out = model.generate(
                **enc,
                max_new_tokens=256 if programs else 128 if "line" not in rows[0] else 64,
                num_return_sequences=10,
                pad_token_id=tokenizer.pad_token_id,
                **how,
            )
        texts = tokenizer.batch_decode(out[:, enc["input_ids"].shape[1] :], skip_special_tokens=True)
        found += [texts[i * 10 : i * 10 + 10] for i in range(len(part))]
    return [[t.split("\n")[0] if "line" in r else t for t in texts] for texts, r in zip(found, rows, strict=True)]


def passes(code: str, tests: dict[str, Any]) -> bool:
    """Whether a program passes all tests of a problem (run only on a machine that may be lost)."""
    name = tests.get("fn_name")
    if name:
        code += f"\nimport json as _j\n_a = _j.loads(input())\n_f = Solution().{name} if 'Solution' in globals() else {name}\nprint(_j.dumps(_f(*_a)))\n"
    for given, expected in zip(tests["inputs"], tests["outputs"], strict=True):
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", code],
                input=json.dumps(given) if name else given,
                capture_output=True,
                text=True,
                timeout=4,
                check=False,
            )
        except (subprocess.TimeoutExpired, ValueError):
            return False
        if done.returncode:
            return False
        if not name and done.stdout.split() != expected.split():
            return False
        if name and json.loads(done.stdout.splitlines()[-1]) not in (
            expected,
            expected[0] if isinstance(expected, list) and expected else expected,
        ):
            return False
    return True


def score(rows: list[dict[str, Any]], texts: list[list[str]]) -> dict[str, float]:
    """Percentages: exact match of the first and of any of ten, or programs that pass their tests."""
    if "tests" in rows[0]:
        with ThreadPoolExecutor(14) as pool:
            flat = list(
                pool.map(
                    lambda job: passes(*job), [(t, r["tests"]) for r, ts in zip(rows, texts, strict=True) for t in ts]
                )
            )
        groups = [flat[i : i + 10] for i in range(0, len(flat), 10)]
        return {"pass@1": 100 * sum(flat) / len(flat), "pass@10": 100 * sum(map(any, groups)) / len(groups)}
    first = sum(ts[0].strip() == r["code"].strip() for r, ts in zip(rows, texts, strict=True))
    any_of = sum(any(t.strip() == r["code"].strip() for t in ts) for r, ts in zip(rows, texts, strict=True))
    return {"em@1": 100 * first / len(rows), "em@10": 100 * any_of / len(rows)}


def main() -> None:
    """Tune, complete, score; one JSON line, and some completions in a file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--method", choices=["zero", "lora", "ft"], required=True)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--show", type=Path)
    args = parser.parse_args()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model: Any = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).to(device)
    train, held = rows_of(args.train), rows_of(args.eval)
    loss = None
    if args.method == "lora":
        import peft

        model = peft.get_peft_model(
            model,
            peft.LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=["q_proj", "k_proj", "v_proj"]),
        )
    if args.method != "zero":
        loss = tune(model, tokenizer, train, args)
    texts = complete(model, tokenizer, held, args)
    result = {
        "method": args.method,
        "rate": args.rate,
        "eval": str(args.eval)[-40:],
        "rows": len(held),
        "loss": loss,
        **score(held, texts),
    }
    print(json.dumps(result), flush=True)
    if args.show:
        args.show.write_text(json.dumps([[r["ask"], r["code"], t] for r, t in zip(held, texts, strict=True)], indent=0))


if __name__ == "__main__":
    main()
