"""How a test in the style of pytest ends itself."""


class Skipped(BaseException):
    """The test skipped itself."""


class Failed(BaseException):
    """`pytest.fail`."""
