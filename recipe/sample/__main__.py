"""`python -m recipe.sample` writes the built-in sample."""

from recipe.sample.build import main

main()
