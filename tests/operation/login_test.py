"""Passwords: the passwd command, and every kind of crypt(3) hash."""
import subprocess
import unittest

from interop.server import LIMIT_S, OPTIMISED, PASSWORD, PASSWORD_HASH, Server, on_both_backends
from operation.session import Session

# All of "demo".
HASHES = {
    "yescrypt": "$y$j75$saltsaltsalt$8LNpzU.9cAYrA5/fuJe41ceTVXFhUyh0RQnX7RNutJ7",
    "sha512": PASSWORD_HASH,
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuukpT6/rAWFFcbBfEblfGqmNEecvFUNVy",
    "md5": "$1$millrace$WIuoWN2ZJ.6QNxArCUh771",
}


def users_with(hashes, server_root):
    return [{"name": name, "password": password_hash, "root": server_root} for name, password_hash in hashes.items()]


def passwd(text):
    return subprocess.run([OPTIMISED, "passwd"], input=text, capture_output=True, text=True, timeout=LIMIT_S)


@on_both_backends
class Passwords:

    def test_each_kind_of_hash_lets_its_password_in_and_no_other(self):
        settings = {"user": users_with(HASHES, "/"), "limits": {"login_failure_delay_ms": 0}}
        with Server(self.backend, settings) as server:
            for kind in HASHES:
                with self.subTest(kind), Session(server, user=None) as session:
                    session.expect("331", f"USER {kind}")
                    session.expect("530", f"PASS {PASSWORD}x")
                    session.expect("331", f"USER {kind}")
                    session.expect("230", f"PASS {PASSWORD}")

    def test_the_hash_of_the_passwd_command_lets_its_password_in(self):
        made = passwd("correct horse\n")
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        with Server(self.backend, {"user": users_with({"new": made.stdout.strip()}, "/")}) as server:
            Session(server, "new", "correct horse").quit()

    def test_a_wrong_password_is_answered_late_and_holds_up_nobody(self):
        with Server(self.backend, {"limits": {"login_failure_delay_ms": 60000}}) as server:
            with Session(server, user=None) as guesser, Session(server) as other:
                guesser.expect("331", "USER demo")
                guesser.send("PASS wrong")
                other.expect("200", "NOOP")
                guesser.control.settimeout(0.2)
                with self.assertRaises(TimeoutError):
                    guesser.control.recv(1)


class PasswdCommand(unittest.TestCase):

    def test_no_password_is_no_hash(self):
        for text in ("", "\n"):
            made = passwd(text)
            self.assertEqual((made.returncode, made.stdout), (1, ""))
            self.assertIn("passwd:", made.stderr)
