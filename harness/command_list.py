"""The built-in commands, in the order of `harness --help`; here, so that help and plugins import no command."""

COMMANDS = {
    "eval": ("eval", "Adapt a model to a task, let it write, judge and score."),
    "score": ("score", "Judge and score completions made elsewhere, or add a metric to a run."),
    "study": ("study", "A grid of runs: run it, continue it, report it."),
    "plan": ("plan", "What a method would train on a model, from its configuration alone."),
    "leaderboard": ("leaderboard", "Rows of finished runs, ranked: table, markdown, csv, json, latex or a page."),
    "compare": ("compare", "Is one run better than another? A paired test on the same problems."),
    "verify": ("verify", "Are a run's numbers what its records give?"),
    "show": ("show", "A run, or a plugin with its options."),
    "runs": ("runs", "Every run of a folder: its state, size and age."),
    "clean": ("clean", "Delete what no run needs any more."),
    "plugins": ("plugins", "Every method, task and metric, and who offers it."),
    "plugin": ("plugin", "Write a plugin of your own, and check it."),
    "sandbox": ("sandbox", "Try the sandbox's promises on this machine."),
    "docs": ("docs", "The manual, page by page."),
    "doctor": ("doctor", "What this machine has, and what is missing for what."),
}
"""By name the module below `harness.commands` and a line of help."""
