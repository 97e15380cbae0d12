"""Rows of finished runs: boards, ranks, tables, paired comparison."""
