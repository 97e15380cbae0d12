"""What the text of a test says without being run. No candidate's text is read here."""
