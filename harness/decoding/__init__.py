"""Decoding: from prompts to completions.

Terms of this package. A *request* is one prompt, for which W *candidates* (completions) are decoded. A *running batch*
holds B requests, and so B * W *rows*; a finished request leaves it and a waiting one takes its index (continuous
batching). *Prefill* is the forward pass over a prompt; each later step decodes one token per row. A *slot* is the
column of the KV cache that holds one decoded token.

- `generate`: the entry; it decides between the two and chooses the batch size
- `scheduler`, `running_batch`, `host_state`: continuous batching
- `static_batch`: what other models use
- `together`, `stacked_adapters`: several adapters of one base in one running batch
- `beam_search`, `sampler`: which token each row takes next
- `slot_cache`, `attention`: the KV cache of a running batch, and attention over it
- `support`, `adapter_support`: whether a model can use them, and adapters share a batch
- `prefill`, `cache`, `inputs`: prompts into the cache, and as tensors
- `sampling`, `completions`: tokens from logits, tokens to text
- `capture`: a step as a CUDA graph
"""
