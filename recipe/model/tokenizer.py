"""Train the built-in model's tokenizer: byte-level BPE, 8,192 entries, every byte sequence round-trips.

Pieces that a merge may not cross: a word with at most one leading space, dot or underscore (so `.split` and `_name` are
one piece, and a name keeps its spelling after any bracket or quote), a single digit, a run of punctuation, white space.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY = 8_192
CONTEXT = 1_024
EOS = "<|endoftext|>"
PAD = "<|pad|>"
PIECES = r"[ _.]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}_.]+|[_.]+| [_.]+|\s*[\r\n]+|\s+(?!\S)|\s"


def train(texts: Iterable[str]) -> Tokenizer:
    """The tokenizer trained on *texts*.  The same texts in the same order give the same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer=trainer)
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write *tokenizer* so that `AutoTokenizer.from_pretrained(folder)` loads it."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        bos_token=EOS,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )
    fast.save_pretrained(folder)
