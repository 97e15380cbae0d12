"""The recipe of the built-in model: corpus, tokenizer, training, model card. See README.md beside this file."""
