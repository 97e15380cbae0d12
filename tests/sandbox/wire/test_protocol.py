"""How the supervisor and the guest talk."""

import os
import resource
import socket

import pytest

from harness.sandbox.wire import protocol


def test_descriptors_arrive_in_their_order_however_many_there_are():
    one, other = socket.socketpair()
    files = [os.memfd_create(str(number)) for number in range(protocol.DESCRIPTORS_AT_ONCE + 5)]
    for number, file in enumerate(files):
        os.write(file, b"%d" % number)
    protocol.send(one, {"op": "x"}, files)
    assert protocol.receive(other) == {"op": "x"}
    found = protocol.receive_descriptors(other, len(files))
    assert [os.pread(file, 9, 0) for file in found] == [b"%d" % number for number in range(len(files))]


def test_who_may_not_have_so_many_descriptors_is_told_instead_of_waiting_for_the_rest():
    one, other = socket.socketpair()
    protocol.send_descriptors(one, [0] * 50)
    few = len(os.listdir("/proc/self/fd")) + 20  # noqa: PTH208
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
    with pytest.raises(protocol.Closed):
        protocol.receive_descriptors(other, 50)
