"""The page and the report: boards as one self-contained HTML file, and the study's tables and figures beside ours."""
