"""No path leads out of the user's root: dots, absolute names, symbolic links."""
import os

from interop.server import Server, on_both_backends, shows
from operation.session import Session

SECRET = b"outside of the root\n"


@on_both_backends
class Root:

    def setUp(self):
        self.server = self.enterContext(Server(self.backend))
        self.outside = self.server.directory / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_bytes(SECRET)
        root = self.server.root
        os.symlink(self.outside, root / "absolute")
        os.symlink("../outside", root / "relative")
        os.symlink("../outside/secret", root / "file")
        os.symlink("/proc/self/root", root / "magic")
        (root / "inner").mkdir()
        (root / "inner" / "open").write_bytes(b"inside\n")
        os.symlink("inner/open", root / "link within")
        self.session = self.enterContext(Session(self.server))

    @shows("SE-11")
    def test_dots_stay_below_the_root(self):
        for path in ("../outside/secret", "/../outside/secret", "inner/../../outside/secret", "../../../../etc/passwd"):
            for verb in ("RETR", "SIZE", "MDTM", "MLST", "DELE", "RNFR"):
                with self.subTest(f"{verb} {path}"):
                    self.assert_refused(f"{verb} {path}")

    def test_links_do_not_lead_out_of_the_root(self):
        for way in ("absolute", "relative", "magic"):
            for command in (f"CWD {way}", f"RETR {way}/secret", f"STOR {way}/new", f"APPE {way}/secret",
                            f"DELE {way}/secret", f"MKD {way}/new", f"RMD {way}/new", f"SIZE {way}/secret",
                            f"MDTM {way}/secret", f"MLST {way}/secret", f"MLSD {way}", f"LIST {way}/", f"STAT {way}/"):
                with self.subTest(command):
                    self.assert_refused(command)
        self.assert_refused("RETR file")
        self.assert_refused("STOR file")
        self.session.expect("350", "RNFR inner/open")
        self.session.expect("5", "RNTO relative/open")
        self.assertEqual(sorted(os.listdir(self.outside)), ["secret"])
        self.assertEqual((self.outside / "secret").read_bytes(), SECRET)

    def test_a_link_within_the_root_is_followed(self):
        self.assertEqual(self.session.retrieve("link within"), b"inside\n")

    def assert_refused(self, command):
        needs_data = command.split()[0] in ("RETR", "STOR", "APPE", "LIST", "MLSD")
        data = self.session.open_data() if needs_data else None
        try:
            self.session.expect("550 553 501", command)
        finally:
            if data:
                data.close()
