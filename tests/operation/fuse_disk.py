"""A file system in user space that keeps its files in another directory and fails on demand: a program of its own.

    fuse_disk.py FILES MOUNTPOINT ORDERS

In the directory ORDERS a file `flush` holds an errno value, which closing a written file then gives; while a file `hold`
is there, closing waits. It has neither O_TMPFILE nor RENAME_NOREPLACE, as libfuse 2 has not. Knows no FTP.
"""
import os
import sys
import time
from pathlib import Path

import fusepy as fuse


class Disk(fuse.Operations):

    def __init__(self, files, orders):
        self.files, self.orders = files, Path(orders)
        self.written = set()

    def at(self, path):
        return self.files + path

    # ---- Names ----

    def getattr(self, path, fh=None):
        facts = os.fstat(fh) if fh else os.lstat(self.at(path))
        return {name: getattr(facts, name) for name in dir(facts)
                if name in ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.at(path))]

    def mkdir(self, path, mode):
        os.mkdir(self.at(path), mode)

    def rmdir(self, path):
        os.rmdir(self.at(path))

    def unlink(self, path):
        os.unlink(self.at(path))

    def rename(self, old, new):
        os.rename(self.at(old), self.at(new))

    def chmod(self, path, mode):
        os.chmod(self.at(path), mode)

    def chown(self, path, uid, gid):
        os.chown(self.at(path), uid, gid)

    def utimens(self, path, times=None):
        os.utime(self.at(path), times)

    # ---- Contents ----

    def create(self, path, mode, fi=None):
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, path, flags):
        return os.open(self.at(path), flags & ~os.O_NONBLOCK)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        self.written.add(fh)
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(self.at(path), length)

    def fsync(self, path, datasync, fh):
        os.fsync(fh)

    def flush(self, path, fh):
        while fh in self.written and (self.orders / "hold").exists():
            time.sleep(0.01)
        order = self.orders / "flush"
        if fh in self.written and order.exists():
            raise fuse.FuseOSError(int(order.read_text()))

    def release(self, path, fh):
        self.written.discard(fh)
        os.close(fh)


if __name__ == "__main__":
    fuse.FUSE(Disk(sys.argv[1], sys.argv[3]), sys.argv[2], foreground=True)
