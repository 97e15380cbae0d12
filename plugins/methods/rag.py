"""Retrieval-augmented generation: the training examples whose instructions are nearest to the problem's.

The study (section 4.3) embeds the instructions alone with GTE-small and shows up to 16 examples for CoNaLa, up to 4 for
CodeAlpacaPy. `retriever` is any sentence-transformers model (a hub id or a folder), or `bm25`, which needs no weights.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import hookimpl
from harness.disk import file_errors
from harness.errors import ModelError
from harness.modeling.examples import ExamplePool
from harness.plugin import PREAMBLE, Method, PromptingMethod, option
from harness.records import Problem, digest

GTE = "thenlper/gte-small"
BM25 = "bm25"


def on_this_machine() -> str:
    """The study's embedder when its weights are on this machine, else BM25: a default never starts a download."""
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    hub = _expanded(os.environ.get("HF_HUB_CACHE", f"{home}/hub"))
    return GTE if (hub / f"models--{GTE.replace('/', '--')}" / "snapshots").is_dir() else BM25


def _expanded(name: str) -> Path:
    # As huggingface_hub does: for a user without a home `~` stays, where pathlib raises an error.
    return Path(os.path.expanduser(name))  # noqa: PTH111


@dataclass(frozen=True)
class RagConfig:
    """The options of retrieval."""

    n: int = option(4, "examples in each prompt; the default is the most that the study used on every task", least=0)
    retriever: str = field(
        default_factory=on_this_machine,
        metadata={"help": f"{BM25}, or a sentence-transformers model; {GTE} (the study's) if it is here"},
    )
    train: bool = option(False, "with a tuning method: put examples into its training prompts too")


class Rag(PromptingMethod):
    """The training examples with the most similar instructions before each problem."""

    name = "rag"
    display_name = "RAG"
    reference = "Weyssow et al., arXiv:2308.10462, section 4.3"
    Config = RagConfig
    preamble = PREAMBLE

    def prompts_training(self, config: RagConfig) -> bool:
        """As the option says."""
        return config.train

    def examples(
        self, problems: Sequence[Problem], pool: ExamplePool, config: RagConfig
    ) -> Sequence[Sequence[Problem]]:
        """The n nearest of the pool, the nearest first; never the problem itself or a near-duplicate of it."""
        print(f"note: rag finds its examples with {config.retriever}", file=sys.stderr)
        find = _bm25 if config.retriever == BM25 else _embedded
        chosen = []
        for problem, scores in zip(problems, find(problems, pool, config.retriever), strict=True):
            leaks = pool.leaks(problem)
            order = sorted((i for i in range(len(scores)) if i not in leaks), key=lambda i: (-scores[i], i))
            chosen.append([pool.problems[i] for i in order[: config.n]])
        return chosen


def _bm25(problems: Sequence[Problem], pool: ExamplePool, _: str) -> list[list[float]]:
    """For each problem the BM25 score of every instruction in the pool."""
    import bm25s

    def tokens(texts: Sequence[str]) -> Any:
        return bm25s.tokenize(list(texts), stopwords=[], return_ids=False, show_progress=False)

    index = bm25s.BM25()
    index.index(tokens([p.instruction for p in pool.problems]), show_progress=False)
    return [index.get_scores(query).tolist() for query in tokens([p.instruction for p in problems])]


def _embedded(problems: Sequence[Problem], pool: ExamplePool, name: str) -> list[list[float]]:
    """For each problem the cosine similarity of its instruction to every instruction in the pool.

    Raises:
        ModelError: the embedding model cannot be loaded.
    """
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(str(_expanded(name)) if _expanded(name).is_dir() else name)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise ModelError(f"--set rag.retriever={name}: cannot be loaded: {why}; {BM25} needs no weights") from None
    queries = _embed(model, [p.instruction for p in problems])
    scores: list[list[float]] = (queries @ _index(model, pool).T).tolist()
    return scores


def _index(model: Any, pool: ExamplePool) -> Any:
    """The embeddings of the pool's instructions: kept in the pool's cache under a digest of weights and texts."""
    import numpy

    from harness.modeling.base import weights_digest

    texts = [p.instruction for p in pool.problems]
    if pool.cache is None:
        return _embed(model, texts)
    path = Path(pool.cache) / f"rag-{digest([weights_digest(model), texts])[:24]}.npy"
    if not path.is_file():
        with file_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.npy")
        embeddings = _embed(model, texts)
        with file_errors(path):
            try:
                numpy.save(part, embeddings)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
    return numpy.load(path)


def _embed(model: Any, texts: Sequence[str]) -> Any:
    return model.encode(list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False)


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [Rag()]
