"""The tests that every client passes, each kind in one class; a client's file picks what the client can do.

A client is a class with `program`, `download`, `upload` and the like. Knows no client by name.
"""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from interop import material
from interop.server import Server, shows

CLIENT_LIMIT_S = 600  # for one run of a client, 2,000 files included
RESUME_AT = material.SPARSE_SIZE - material.SPARSE_TAIL


class Client:
    """One server for a class of tests, and an empty local directory for each test.

    In the server's root: the material, and the directory `up`, empty before each test.
    """
    program = None      # what must be installed; None: nothing
    settings = {"limits": {"login_failure_delay_ms": 0}}  # of the server, beside the usual
    place = None        # of the server and of the local directories, without the material; None: the usual one
    cannot = {}         # {key of material.NAMES: why the client cannot name such a file}

    @classmethod
    def setUpClass(cls):
        if cls.program and not shutil.which(cls.program):
            raise unittest.SkipTest(f"{cls.program} is not installed")
        cls.server = Server(cls.backend, cls.settings, place=cls.place)
        cls.addClassCleanup(cls.server.end)
        if cls.place is None:
            material.link_into(cls.server.root)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.local = Path(tempfile.mkdtemp(prefix="millrace-client-", dir=self.place))
        self.addCleanup(shutil.rmtree, self.local)
        self.up = self.server.root / "up"
        self.up.mkdir()
        self.addCleanup(shutil.rmtree, self.up)

    def run_client(self, *command, text=None, expected=(0,)):
        """Runs in the local directory, without anybody's settings; gives what was printed."""
        home = os.environ | {"HOME": str(self.local / ".home"), "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        ended = subprocess.run(command, cwd=self.local, env=home, input=text, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", timeout=CLIENT_LIMIT_S,
                               stdin=subprocess.DEVNULL if text is None else None, start_new_session=True)
        if ended.returncode not in expected:
            self.fail(f"{command} ended with {ended.returncode}:\n{ended.stdout[-4000:]}")
        return ended.stdout

    def assert_same(self, one, other):
        self.assertEqual(material.digest(one), material.digest(other))

    def assert_same_tree(self, one, other):
        """Names, contents and times to the second. Says little: a difference of 20,000 lines helps nobody."""
        got, wanted = material.contents_and_times(one), material.contents_and_times(other)
        wrong = [f"{path}: {got.get(path)}, wanted {wanted.get(path)}"
                 for path in sorted(got.keys() | wanted.keys()) if got.get(path) != wanted.get(path)]
        if wrong:
            self.fail("\n".join([f"{len(wrong)} of {len(wanted)} files differ", *wrong[:5]]))

    def names(self):
        return {kind: name for kind, name in material.NAMES.items() if kind not in self.cannot}


class Downloads:
    """Needs download(remote, local): a path from the root, and a path of this host."""

    def test_downloads_an_empty_file_one_octet_and_300_MiB(self):
        for name in ("empty", "one", "big"):
            with self.subTest(name):
                self.download(name, self.local / name)
                self.assertEqual(material.digest(self.local / name), material.shared_digest(name))

    def test_downloads_awkward_names(self):
        for kind, name in self.names().items():
            with self.subTest(kind):
                self.download(f"names/{name}", self.local / "got")
                self.assert_same(self.local / "got", material.shared() / "names" / name)
                (self.local / "got").unlink()


class Uploads:
    """Needs upload(local, remote)."""

    def test_uploads_an_empty_file_one_octet_and_300_MiB(self):
        for name in ("empty", "one", "big"):
            with self.subTest(name):
                self.upload(material.shared() / name, f"up/{name}")
                self.assertEqual(material.digest(self.up / name), material.shared_digest(name))

    def test_uploads_awkward_names(self):
        for kind, name in self.names().items():
            with self.subTest(kind):
                self.upload(material.shared() / "names" / name, f"up/{name}")
                self.assert_same(self.up / name, material.shared() / "names" / name)


class DownloadsTrees:
    """Needs download_tree(remote, local): what is below one lands below the other."""

    def test_downloads_2000_files_in_nested_directories(self):
        self.download_tree("tree", self.local / "tree")
        self.assertEqual(material.digests(self.local / "tree"), material.digests(material.shared() / "tree"))


class UploadsTrees:
    """Needs upload_tree(local, remote)."""

    def test_uploads_2000_files_in_nested_directories(self):
        self.upload_tree(material.shared() / "tree", "up/tree")
        self.assertEqual(material.digests(self.up / "tree"), material.digests(material.shared() / "tree"))


class ThereAndBack:
    """Needs upload_tree and download_tree that set the times of files; the last names of both paths are the same."""

    def there_and_back(self, tree):
        self.upload_tree(tree, f"up/{tree.name}")
        self.assert_same_tree(self.up / tree.name, tree)
        self.download_tree(f"up/{tree.name}", self.local / tree.name)
        self.assert_same_tree(self.local / tree.name, tree)


class KeepsTimes(ThereAndBack):
    def test_times_go_up_and_come_back_to_the_second(self):
        self.there_and_back(material.timed_tree())


class LargeTrees(ThereAndBack):
    """In memory, if this host has a place for it: ext4 is slow in making files where many were removed. Stands before
    the client in the list of bases."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

    def test_a_large_tree_goes_up_and_comes_back_with_its_times(self):
        self.there_and_back(material.large_tree())


class ResumesDownloads:
    """Needs resume_download(remote, local): goes on where the local file ends."""

    def test_resumes_a_download(self):
        with open(material.shared() / "big", "rb") as whole:
            (self.local / "big").write_bytes(whole.read(material.BIG_SIZE // 3))
        self.resume_download("big", self.local / "big")
        self.assertEqual(material.digest(self.local / "big"), material.shared_digest("big"))

    @shows("RS-03", "RS-08")
    def test_resumes_a_download_beyond_4_GiB(self):
        material.make_hole(self.local / "sparse", RESUME_AT)
        self.resume_download("sparse", self.local / "sparse")
        self.assert_same_tail(self.local / "sparse")

    def assert_same_tail(self, path):
        self.assertEqual(path.stat().st_size, material.SPARSE_SIZE)
        self.assertEqual(material.piece_digest(path, RESUME_AT, material.SPARSE_TAIL),
                         material.piece_digest(material.shared() / "sparse", RESUME_AT, material.SPARSE_TAIL))
        self.assertLess(path.stat().st_blocks * 512, 64 * material.MIB, "only the tail was moved")


class ResumesUploads(ResumesDownloads):
    """Needs resume_upload(local, remote) as well: goes on where the remote file ends."""

    def test_resumes_an_upload(self):
        with open(material.shared() / "big", "rb") as whole:
            (self.up / "big").write_bytes(whole.read(material.BIG_SIZE // 3))
        self.resume_upload(material.shared() / "big", "up/big")
        self.assertEqual(material.digest(self.up / "big"), material.shared_digest("big"))

    @shows("RS-04", "RS-08")
    def test_resumes_an_upload_beyond_4_GiB(self):
        material.make_hole(self.up / "sparse", RESUME_AT)
        self.resume_upload(material.shared() / "sparse", "up/sparse")
        self.assert_same_tail(self.up / "sparse")


class GoesThroughNoLink:
    """Recursive deletion removes links and leaves what they lead to. Needs delete_tree(remote)."""

    def make_links(self):
        """up/work, with links of each kind; what must stay is in up/kept."""
        kept, work = self.up / "kept", self.up / "work"
        (kept / "below").mkdir(parents=True)
        for file in (kept / "file", kept / "below" / "deep"):
            file.write_text("precious")
        (work / "inner").mkdir(parents=True)
        (work / "own").write_text("own")
        links = {"dir": "../kept", "self": ".", "above": "..", "file": "../kept/file", "gone": "nowhere",
                 "out": "/etc", "loop": "loop", "inner/dir": "../../kept"}
        for name, target in links.items():
            (work / name).symlink_to(target)
        return kept, work

    def test_deletes_a_tree_and_leaves_what_is_behind_its_links(self):
        kept, work = self.make_links()
        self.delete_tree("up/work")
        self.assertFalse(os.path.lexists(work))
        self.assertEqual((kept / "file").read_text(), "precious")
        self.assertEqual((kept / "below" / "deep").read_text(), "precious")


class FetchesLinks(GoesThroughNoLink):
    """A tree with links to itself has an end. Needs download_tree(remote, local)."""

    def test_fetches_a_tree_with_links_to_itself(self):
        _, work = self.make_links()
        for name in ("gone", "out", "loop"):  # nobody can fetch what these lead to
            (work / name).unlink()
        self.download_tree("up/work", self.local / "copy")
        self.assertEqual((self.local / "copy" / "own").read_text(), "own")
        for name in ("self", "above", "inner/dir"):
            entered = self.local / "copy" / name
            self.assertTrue(entered.is_symlink() or not entered.is_dir(), name)
