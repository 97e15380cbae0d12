"""`python -m recipe.sample.report`: how well the tests of the sample tell wrong from right."""

from __future__ import annotations

from recipe.sample.build import apps, finished
from recipe.sample.sharpen import judge, ratio


def main() -> None:
    """Print kill ratio and least kills per split, and every mutant that no test notices."""
    for split, variants in apps().items():
        problems = [finished(variant) for variant in variants]
        verdicts = [judge(made) for made in problems]
        least = min(v.killed for v in verdicts)
        print(f"{split}: {ratio(verdicts):.4f} of the mutants killed, at least {least} a problem")
        for made, verdict in zip(problems, verdicts, strict=True):
            if verdict.killed < 3:
                print(f"  {made.contest.name} kills {verdict.killed}: {made.solution!r}")
            for code in verdict.survivors:
                print(f"  {made.contest.name} survives: {code!r}")


if __name__ == "__main__":
    main()
