"""Validation loss and greedy completions of a saved adapter by transformers and PEFT alone, for `adapters.py`.

Reads a job and prints its result, both JSON; imports nothing of harness.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def loaded(job: dict[str, Any]) -> Any:
    """The base with the adapter on it, or the whole model where that was saved."""
    import peft
    import torch
    import transformers

    options: dict[str, Any] = {"dtype": torch.bfloat16 if torch.cuda.is_available() else torch.float32}
    if job["quantised"]:
        options["quantization_config"] = transformers.BitsAndBytesConfig(**job["quantised"])
    options["device_map"] = "cuda" if torch.cuda.is_available() else "cpu"
    adapter = Path(job["adapter"])
    if not (adapter / "adapter_config.json").is_file():
        return transformers.AutoModelForCausalLM.from_pretrained(adapter, **options).eval()
    model = transformers.AutoModelForCausalLM.from_pretrained(job["base"], **options)
    # What harness does too: bitsandbytes repacks 4-bit weights for AVX512 otherwise, and computes another sum.
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.support_avx512bf16_for_cpu = False
    return peft.PeftModel.from_pretrained(model, adapter).eval()


def main() -> None:
    """One job from stdin."""
    import torch

    job = json.load(sys.stdin)
    model = loaded(job)
    device = next(model.parameters()).device
    summed, count, texts = 0.0, 0, []
    tokenizer = _tokenizer(job["base"])
    with torch.no_grad():
        for tokens, labels in job["validation"]:
            wanted = sum(label != -100 for label in labels)
            ids, goal = (torch.tensor([values], device=device) for values in (tokens, labels))
            loss = model(input_ids=ids, labels=goal, attention_mask=torch.ones_like(ids)).loss
            summed, count = summed + float(loss) * wanted, count + wanted
        for tokens in job["prompts"]:
            ids = torch.tensor([tokens], device=device)
            written = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=job["tokens"],
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )[0].tolist()
            # Behind virtual embeddings some versions return the new tokens alone.
            new = written[len(tokens) :] if written[: len(tokens)] == tokens else written
            texts.append(tokenizer.decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False))
    json.dump({"loss": summed / count, "texts": texts}, sys.stdout)


def _tokenizer(base: str) -> Any:
    import transformers

    return transformers.AutoTokenizer.from_pretrained(base)


if __name__ == "__main__":
    main()
