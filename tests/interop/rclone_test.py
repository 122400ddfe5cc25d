"""rclone: sync both ways, check, listings, digests, times, few connections, TLS.

1.60 sends EPSV, MLSD and MLST, STOR, RETR, REST, and MFMT for the times, each connection for many files.
"""
import hashlib
import json

from interop import material
from interop.client import (Client, Downloads, DownloadsTrees, GoesThroughNoLink, KeepsTimes, LargeTrees, Uploads,
                            UploadsTrees)
from interop.server import PASSWORD, USER, on_both_backends, on_one_backend, wait_until
from interop.tls_test import Secured

OPTIONS = (
    # No substitutes for what some servers cannot have in names: "x " would become "x␠".
    "--ftp-encoding", "Slash,Dot",
    # Else it fetches a large file in four parts, closes three of the data connections early, and as Debian builds it
    # takes the 426 that any server then sends for its own failure.
    "--multi-thread-streams", "0",
    # What would need a retry fails.
    "--retries", "1", "--low-level-retries", "1",
)


class RcloneCase(Client):
    program = "rclone"
    options = ()

    def rclone(self, *arguments, **options):
        password = self.run_client("rclone", "--config", "", "obscure", PASSWORD).strip()
        server = ["--ftp-host", "127.0.0.1", "--ftp-port", self.server.port, "--ftp-user", USER, "--ftp-pass", password]
        words = map(str, [*server, *OPTIONS, *self.options, *arguments])
        return self.run_client("rclone", "--config", "", *words, **options)

    def download_tree(self, remote, local):
        self.rclone("sync", "--transfers", 8, f":ftp:{remote}", local)

    def upload_tree(self, local, remote):
        self.rclone("sync", "--transfers", 8, local, f":ftp:{remote}")


@on_both_backends
class Rclone(RcloneCase, Downloads, Uploads, DownloadsTrees, UploadsTrees, KeepsTimes, GoesThroughNoLink):
    def delete_tree(self, remote):
        self.rclone("purge", f":ftp:{remote}")

    def download(self, remote, local):
        self.rclone("copyto", f":ftp:{remote}", local)

    def upload(self, local, remote):
        self.rclone("copyto", local, f":ftp:{remote}")

    def test_copies_awkward_names_both_ways_at_once(self):
        names = material.shared() / "names"
        self.rclone("copy", names, ":ftp:up/names")
        self.rclone("copy", ":ftp:up/names", self.local / "names")
        self.assert_same_tree(self.up / "names", names)
        self.assert_same_tree(self.local / "names", names)

    def test_syncs_only_what_changed_and_removes_what_is_gone(self):
        there = self.local / "there"
        (there / "größe 文件").mkdir(parents=True)
        for name in ("kept", "changed", "gone", "größe 文件/deep"):
            (there / name).write_text(name)
            material.set_time(there / name, 951_827_696)
        self.rclone("sync", there, ":ftp:up")
        self.assert_same_tree(self.up, there)
        (there / "changed").write_text("CHANGED")
        (there / "gone").unlink()
        log_before = len(self.server.log())
        self.rclone("sync", there, ":ftp:up")
        self.assert_same_tree(self.up, there)
        wait_until(lambda: '"/up/changed"' in self.server.log()[log_before:], "what has changed is in the log")
        self.assertNotIn('"/up/kept"', self.server.log()[log_before:])
        (self.up / "größe 文件" / "deep").write_text("changed there")
        (self.up / "kept").unlink()
        self.rclone("sync", ":ftp:up", there)
        self.assert_same_tree(there, self.up)

    def test_checks(self):
        (self.local / "there").mkdir()
        for place in (self.up, self.local / "there"):
            for name in ("größe", "文件"):
                (place / name).write_text(name)
        self.assertIn(" 0 differences found", self.rclone("check", self.local / "there", ":ftp:up"))
        (self.up / "größe").write_text("more than before")
        (self.up / "added").touch()
        told = self.rclone("check", self.local / "there", ":ftp:up", expected=(1,))
        self.assertIn(" 2 differences found", told)
        (self.up / "added").unlink()
        (self.up / "größe").write_text("gRöße")  # sizes agree: the contents tell
        self.assertIn(" 0 differences found", self.rclone("check", self.local / "there", ":ftp:up"))
        self.assertIn(" 1 differences found",
                      self.rclone("check", "--download", self.local / "there", ":ftp:up", expected=(1,)))

    def test_lists(self):
        tree = material.timed_tree()
        self.upload_tree(tree, "up")
        files = {str(path.relative_to(tree)): path for path in tree.rglob("*") if path.is_file()}
        listed = self.rclone("lsf", "--recursive", ":ftp:up")
        self.assertEqual(set(listed.splitlines()), {*files, "below/"})
        entries = {entry["Path"]: entry for entry in json.loads(self.rclone("lsjson", "--recursive", ":ftp:up"))}
        self.assertEqual({path: entry["Size"] for path, entry in entries.items() if not entry["IsDir"]},
                         {path: file.stat().st_size for path, file in files.items()})
        self.assertEqual(entries["leap day 時.txt"]["ModTime"][:19], "2000-02-29T12:34:56")
        self.assertTrue(entries["below"]["IsDir"])

    def test_digests_what_it_downloads(self):
        """Its FTP backend knows no digests of servers, so that it reads the files: --download."""
        told = self.rclone("hashsum", "--download", "SHA-256", ":ftp:names")
        wanted = material.digests(material.shared() / "names")
        self.assertEqual(set(told.splitlines()), {f"{digest}  {name}" for name, digest in wanted.items()})

    def test_moves_reads_appends_and_removes(self):
        self.rclone("rcat", ":ftp:up/größe/file", text="one line\n")
        self.assertEqual((self.up / "größe" / "file").read_text(), "one line\n")
        self.rclone("moveto", ":ftp:up/größe/file", ":ftp:up/größe/文件")
        self.assertEqual(self.rclone("cat", "--offset", 4, ":ftp:up/größe/文件"), "line\n")
        self.rclone("mkdir", ":ftp:up/größe/more")
        self.rclone("purge", ":ftp:up/größe")
        self.assertEqual(list(self.up.iterdir()), [])

    def test_sets_the_time_of_what_is_there(self):
        (self.up / "größe").touch()
        self.rclone("touch", "--no-create", "--timestamp", "1999-12-31T23:59:59", ":ftp:up/größe")
        self.assertEqual((self.up / "größe").stat().st_mtime_ns, 946_684_799 * material.SECOND_NS)


@on_both_backends
class RcloneOnFewConnections(RcloneCase):
    """A fifth connection would be refused."""
    settings = {"limits": {"sessions_per_address": 4}}
    options = ("--ftp-concurrency", "4", "--transfers", "2", "--checkers", "1")

    def test_syncs_both_ways(self):
        self.rclone("sync", material.shared() / "tree" / "first 1", ":ftp:up/tree")
        self.rclone("sync", ":ftp:up/tree", self.local / "tree")
        self.assert_same_tree(self.local / "tree", material.shared() / "tree" / "first 1")


@on_both_backends
class RcloneTls(RcloneCase, Secured):
    options = ("--ftp-explicit-tls", "--ftp-no-check-certificate")
    tls = {"require": "data"}

    def test_syncs_both_ways(self):
        self.rclone("sync", material.shared() / "tree" / "first 1", ":ftp:up/tree")
        self.rclone("sync", ":ftp:up/tree", self.local / "tree")
        self.assert_same_tree(self.local / "tree", material.shared() / "tree" / "first 1")


@on_one_backend
class RcloneLarge(LargeTrees, RcloneCase):
    def there_and_back(self, tree):
        super().there_and_back(tree)
        self.assertIn(" 0 differences found", self.rclone("check", tree, f":ftp:up/{tree.name}"))
