#!/usr/bin/env python3
"""Runs a command under a seccomp filter that forbids openat2(2), as older container profiles do: ERRNO COMMAND...

Knows nothing of the server.
"""
import sys

from without_io_uring import JUMP_IF_EQUAL, LOAD, NUMBER, RET_ALLOW, RET_ERRNO, RETURN, run_filtered

OPENAT2 = 437  # the same on all architectures

if __name__ == "__main__":
    run_filtered(sys.argv[2:],
                 (LOAD, 0, 0, NUMBER),
                 (JUMP_IF_EQUAL, 0, 1, OPENAT2),
                 (RETURN, 0, 0, RET_ERRNO | int(sys.argv[1])),
                 (RETURN, 0, 0, RET_ALLOW))
