pytest_plugins = ["harness.testing.fixtures"]
