#!/usr/bin/env python3
"""Runs a command under a seccomp filter that forbids io_uring, as containers do: ERRNO COMMAND ARGUMENT...

Knows prctl(2) and classic BPF. Knows nothing of the server.
"""
import ctypes
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, JUMP_IF_GREATER_OR_EQUAL, JUMP_IF_GREATER, RETURN = 0x20, 0x15, 0x35, 0x25, 0x06
NUMBER, FIRST_ARGUMENT = 0, 16  # where seccomp_data has the system call, and the low half of its first argument
FIRST, LAST = 425, 427  # io_uring_setup, io_uring_enter, io_uring_register: the same on all architectures


def main(errno, *command):
    run_filtered(command,
                 (LOAD, 0, 0, NUMBER),
                 (JUMP_IF_GREATER_OR_EQUAL, 0, 2, FIRST),
                 (JUMP_IF_GREATER, 1, 0, LAST),
                 (RETURN, 0, 0, RET_ERRNO | int(errno)),
                 (RETURN, 0, 0, RET_ALLOW))


def run_filtered(command, *instructions):
    """Becomes the command, under a filter of these instructions of classic BPF."""
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    text = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(text)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header), 0, 0)):
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
