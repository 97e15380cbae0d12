"""Static batches, for models without continuous batching: a batch is decoded until its longest candidate is finished.

Beam search is that of transformers' `generate`. So is sampling where a model has no plain KV cache; elsewhere the loop
of `sampling` drops finished rows from the batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.compat import cache_keyword, prefix_as_cache
from harness.decoding.cache import clear_recurrent_states, forward, mask_and_positions, new_cache, padding_shifts_prefix
from harness.decoding.completions import TOO_LARGE, completions_of, eos_token_ids, is_beam_search, token_limit
from harness.decoding.inputs import model_inputs, trained_prefix, unwrapped_model
from harness.decoding.sampling import LogitsFunction, sample, seeded_logits_processor
from harness.errors import ModelError
from harness.extract import AnswerExtractor
from harness.extract.stopping import AnswerStoppingCriteria
from harness.modeling import memory
from harness.modeling.base import Base, has_trained_prefix
from harness.modeling.kv_cache import has_plain_kv_cache
from harness.modeling.prompts import Prompt
from harness.records import Completion, Sampling

if TYPE_CHECKING:
    import torch


def static_batches(base: Base, prompts: Sequence[Prompt], sampling: Sampling, size: int) -> Iterator[list[Prompt]]:
    """Prompts with the same token limit and similar lengths, longest first; the same for every attempt at a run.

    For a model that does not allow padding, prompts of exactly the same length.
    """
    can_pad = _can_pad(base)
    groups: dict[tuple[int, int], list[Prompt]] = {}
    for prompt in prompts:
        key = (token_limit(base, prompt, sampling), 0 if can_pad else -len(prompt.tokens))
        groups.setdefault(key, []).append(prompt)
    for key in sorted(groups):
        ordered = sorted(groups[key], key=lambda p: (-len(p.tokens), p.id))
        yield from (ordered[i : i + size] for i in range(0, len(ordered), size))


def _can_pad(base: Base) -> bool:
    """Whether prompts of different lengths can be in one batch."""
    if base.seq2seq:
        return True
    model = unwrapped_model(base)
    return has_plain_kv_cache(model) and not (has_trained_prefix(base.model) and padding_shifts_prefix(model))


class StaticBatchDecoder:
    """Decodes one batch at a time, from its first token to the last of its longest candidate."""

    def __init__(
        self,
        base: Base,
        extractors: Mapping[str, AnswerExtractor],
        sampling: Sampling,
        seed: int,
        on_batch_reduced: Callable[[int], None],
        process_logits: LogitsFunction | None,
        on_step: Callable[[Sequence[tuple[int, int]]], None],
    ) -> None:
        self._base, self._extractors, self._sampling, self._seed = base, extractors, sampling, seed
        self._on_batch_reduced, self._process_logits, self._on_step = on_batch_reduced, process_logits, on_step

    def run(self, prompts: list[Prompt]) -> Iterator[tuple[Prompt, tuple[Completion, ...]]]:
        """The completions of one batch; when memory runs out, those of its halves."""
        completions = None
        try:
            completions = self._decode(prompts)
        except RuntimeError as error:
            if not memory.is_out_of_memory(error):
                raise
        if completions is not None:
            yield from zip(prompts, completions, strict=True)
            return
        if len(prompts) == 1:
            raise ModelError(TOO_LARGE.format(prompts[0].id))
        memory.release()
        half = (len(prompts) + 1) // 2
        self._on_batch_reduced(half)
        yield from self.run(prompts[:half])
        yield from self.run(prompts[half:])

    def _decode(self, prompts: list[Prompt]) -> list[tuple[Completion, ...]]:
        import torch

        base, sampling = self._base, self._sampling
        limit = token_limit(base, prompts[0], sampling)
        with torch.inference_mode():
            if sampling.temperature > 0 and not base.seq2seq and has_plain_kv_cache(unwrapped_model(base)):
                rows, logprobs = self._by_sampling_loop(prompts, limit), None
            else:
                rows, logprobs = self._by_transformers(prompts, limit)
        n = sampling.candidates
        completions = []
        for i, prompt in enumerate(prompts):
            part = slice(i * n, (i + 1) * n)
            scores = None if logprobs is None else logprobs[part]
            extractor = self._extractors[prompt.id]
            completions.append(completions_of(base, rows[part], scores, extractor, sampling, limit))
        return completions

    def _criteria(self, prompts: Sequence[Prompt]) -> AnswerStoppingCriteria:
        return AnswerStoppingCriteria(self._base.tokenizer, [self._extractors[prompt.id] for prompt in prompts])

    def _by_sampling_loop(self, prompts: list[Prompt], limit: int) -> list[list[int]]:
        import torch

        base, sampling = self._base, self._sampling
        end_tokens = torch.tensor(sorted(eos_token_ids(base)), device=base.device)
        criteria = self._criteria(prompts)

        def stop(rows: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
            self._on_step(())
            complete = criteria((rows // sampling.candidates).tolist(), tokens)
            return torch.isin(tokens[:, -1], end_tokens) | complete

        inputs, prefix = model_inputs(base, prompts), trained_prefix(base, prompts)
        ids = [prompt.id for prompt in prompts]
        return sample(
            unwrapped_model(base), inputs, prefix, ids, sampling, self._seed, limit, stop, self._process_logits
        )

    def _by_transformers(self, prompts: list[Prompt], limit: int) -> tuple[list[list[int]], list[float] | None]:
        """By transformers' `generate`: beam search, and sampling without a plain KV cache."""
        base, sampling = self._base, self._sampling
        inputs = model_inputs(base, prompts)
        start = 1  # behind the decoder's start token, or the last token of the prompt
        if not base.seq2seq and has_plain_kv_cache(unwrapped_model(base)):
            inputs = _prefill(base, prompts, inputs, sampling.candidates)
        elif not base.seq2seq:
            start = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
        options = _generate_options(base, sampling, limit)
        options["stopping_criteria"] = [self._stopping_criterion(prompts, start)]
        if processors := self._logits_processors(prompts, limit):
            options["logits_processor"] = processors
        model = base.model if base.seq2seq else unwrapped_model(base)
        beams = is_beam_search(sampling)
        try:
            if clear_recurrent_states(model) and beams:
                raise ValueError(f"the beam search of {type(model).__name__} mixes up its beams' states")
            with prefix_as_cache(model) if base.seq2seq else contextlib.nullcontext():
                output = model.generate(**inputs, **options)
        except (ValueError, NotImplementedError) as error:
            words = " ".join(str(error).split())[:200]
            remedy = "sample in place of beam search, with --temperature 0.8" if beams else "use another model"
            raise ModelError(f"--model {base.spec.id}: transformers cannot write with it: {words}; {remedy}") from None
        scores = getattr(output, "sequences_scores", None)
        rows: list[list[int]] = output.sequences[:, start:].tolist()
        return rows, None if scores is None else scores.tolist()

    def _stopping_criterion(self, prompts: Sequence[Prompt], start: int) -> Callable[..., torch.Tensor]:
        """For `generate`: which rows hold a complete answer from token `start` on; each problem has as many rows."""
        criteria = self._criteria(prompts)

        def is_complete(tokens: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
            self._on_step(())
            rows_per_problem = len(tokens) // len(prompts)
            return criteria([row // rows_per_problem for row in range(len(tokens))], tokens[:, start:])

        return is_complete

    def _logits_processors(self, prompts: Sequence[Prompt], limit: int) -> list[Any]:
        """What `generate` applies to logits."""
        sampling, process_logits = self._sampling, self._process_logits
        if sampling.temperature > 0:
            ids = [prompt.id for prompt in prompts]
            return [seeded_logits_processor(ids, sampling, self._seed, limit, process_logits)]
        if process_logits is None:
            return []

        def processor(_tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            return process_logits(scores).log_softmax(dim=-1)

        return [processor]


def _prefill(base: Base, prompts: list[Prompt], inputs: dict[str, Any], beams: int) -> dict[str, Any]:
    """The inputs of `generate` behind the prompts: all but the last token of each is prefilled here, once."""
    import torch

    model = unwrapped_model(base)
    cache = new_cache(model, trained_prefix(base, prompts))
    mask, positions = mask_and_positions(cache, inputs["attention_mask"])
    tokens = {name: value[:, :-1] for name, value in inputs.items() if name != "attention_mask"}
    if positions.shape[1] > 1:
        forward(model, tokens, mask[:, :-1], positions[:, :-1], cache)
    cache.batch_repeat_interleave(beams)
    last = torch.tensor([prompt.tokens[-1:] for prompt in prompts], device=base.device)
    return {"input_ids": last, "attention_mask": mask, **cache_keyword(model, cache)}


def _generate_options(base: Base, sampling: Sampling, limit: int) -> dict[str, Any]:
    options: dict[str, Any] = {
        "max_new_tokens": limit,
        "num_return_sequences": sampling.candidates,
        "pad_token_id": base.tokenizer.pad_token_id,
        "return_dict_in_generate": True,
        "use_cache": True,
    }
    if sampling.temperature > 0:
        # The token is that of `seeded_logits_processor`, which excludes all others.
        options |= {"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
    else:
        beams = sampling.candidates
        options |= {"do_sample": False, "num_beams": beams, "temperature": None, "top_p": None, "top_k": None}
        options |= {"output_scores": True} if beams > 1 else {}
    if base.chat is not None:
        options |= {"eos_token_id": sorted(eos_token_ids(base))}
    return options
