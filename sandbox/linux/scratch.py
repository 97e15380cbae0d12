"""The scratch folder of a jail: `/tmp`, emptied between candidates."""

from __future__ import annotations

import os
import stat

_ATTEMPTS = 3


class Scratch:
    """`/tmp` as process 1 holds it: by a descriptor, which is what it is emptied by."""

    def __init__(self) -> None:
        self.descriptor = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.device = os.fstat(self.descriptor).st_dev
        self.empty = self._state()

    def _state(self) -> tuple[int, int, int]:
        now = os.fstatvfs(self.descriptor)
        return now.f_bfree, now.f_ffree, os.fstat(self.descriptor).st_mode

    def untouched(self) -> bool:
        """Whether it has what it had when it was empty."""
        return self._state() == self.empty

    def clean(self) -> bool:
        """Empties the folder if it was touched; whether it is empty now."""
        for _ in range(_ATTEMPTS):
            if self.untouched():
                return True
            try:
                self._wipe()
            except OSError:  # whatever a candidate has left there: what is not gone is tried again
                continue
        # space may come back a moment after the last file, where a descriptor of it was on its way through a socket
        return not os.listdir(self.descriptor)  # noqa: PTH208

    def stamp(self) -> None:
        """Sets the folder's times, which a candidate can set too, to now."""
        os.utime(self.descriptor)

    def _wipe(self) -> None:
        """Empties `/tmp`. R2: only by descriptors, only on its own device, never through a link.

        Folders inside folders are moved to the top first, so that depth costs neither descriptors nor stack.
        """
        os.fchmod(self.descriptor, stat.S_IMODE(self.empty[2]))
        while names := os.listdir(self.descriptor):  # noqa: PTH208
            prefix = os.urandom(16).hex()  # no name that a candidate could have used
            folders = [name for name in names if stat.S_ISDIR(os.lstat(name, dir_fd=self.descriptor).st_mode)]
            for name in set(names) - set(folders):
                os.unlink(name, dir_fd=self.descriptor)
            for name in folders:
                prefix = self._flatten(name, prefix)

    def _flatten(self, name: str, prefix: str) -> str:
        """Removes one folder, after moving the folders in it to the top; returns the prefix for further names."""
        os.chmod(name, 0o700, dir_fd=self.descriptor)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(name, flags, dir_fd=self.descriptor)
        try:
            if os.fstat(folder).st_dev != self.device:
                os._exit(72)
            for inner in os.listdir(folder):  # noqa: PTH208
                if stat.S_ISDIR(os.lstat(inner, dir_fd=folder).st_mode):
                    os.chmod(inner, 0o700, dir_fd=folder)
                    prefix = f"{int(prefix, 16) + 1:032x}"
                    os.rename(inner, prefix, src_dir_fd=folder, dst_dir_fd=self.descriptor)
                else:
                    os.unlink(inner, dir_fd=folder)
        finally:
            os.close(folder)
        os.rmdir(name, dir_fd=self.descriptor)
        return prefix
