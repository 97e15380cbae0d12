"""Limits that fit the machine."""

from harness.records import Limits, StdinTests
from harness.sandbox import calibrate

SQUARE = StdinTests((("7\n", "49"),))


def test_limits_never_shrink():
    found = calibrate()
    assert found.limits.cpu_seconds >= Limits().cpu_seconds
    assert found.slowness > 0
    assert found.load > 0.5


def test_a_slow_reference_widens_both_limits():
    slow = "n = int(input())\nfor _ in range(10**6): n * n\nprint(n * n)"
    found = calibrate([(slow, SQUARE), ("1/0", SQUARE)], Limits(cpu_seconds=0.01, wall_seconds=0.02))
    assert found.limits.cpu_seconds >= round(4 * found.slowest_reference, 1) > 0
    assert found.limits.wall_seconds >= 2 * found.limits.cpu_seconds
    assert (found.references, found.failed) == (2, 1)
