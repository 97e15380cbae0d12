"""What the server that fresh processes are forked from imports, once; nothing is called here but the preparation."""

from harness.modeling.quirks import prepare_process

prepare_process()

import peft  # noqa: E402, F401
import torch  # noqa: E402, F401
import transformers  # noqa: E402, F401
