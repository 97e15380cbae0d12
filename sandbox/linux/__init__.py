"""The layers of isolation that Linux gives, and the attempts that prove them."""
