"""Reading Python text that may not be Python: comments, syntax trees, data-flow, multisets."""
