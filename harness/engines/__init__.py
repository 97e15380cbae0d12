"""What makes runs and executes candidates beside this process: a Ray cluster (`--engine ray`).

    choice      the option `--engine`
    cluster     connecting to a cluster or starting one on this machine; its nodes, and what a task asks of them
    parcels     files as pieces of bytes with digests, since nodes need not share a file system
    scratch     folders that are deleted with their process
    node        what runs on a node
    runs        an executor of runs (`harness.evaluation.executor`)
    bench       where candidates are executed (`harness.evaluation.judge`)

Ray is imported by `cluster` alone, where the engine is asked for.
"""
