#!/usr/bin/env python3
"""Runs a command where there is no IPv6, as with the kernel's ipv6.disable=1: COMMAND ARGUMENT...

A seccomp filter answers socket(AF_INET6) with EAFNOSUPPORT. Knows nothing of the server.
"""
import errno
import os
import socket
import sys

from without_io_uring import (FIRST_ARGUMENT, JUMP_IF_EQUAL, LOAD, NUMBER, RET_ALLOW, RET_ERRNO, RETURN, run_filtered)

SOCKET_NUMBERS = {"x86_64": 41}  # 198 where the table of system calls is the common one

if __name__ == "__main__":
    run_filtered(sys.argv[1:],
                 (LOAD, 0, 0, NUMBER),
                 (JUMP_IF_EQUAL, 0, 3, SOCKET_NUMBERS.get(os.uname().machine, 198)),
                 (LOAD, 0, 0, FIRST_ARGUMENT),
                 (JUMP_IF_EQUAL, 0, 1, socket.AF_INET6),
                 (RETURN, 0, 0, RET_ERRNO | errno.EAFNOSUPPORT),
                 (RETURN, 0, 0, RET_ALLOW))
