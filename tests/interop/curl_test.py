"""curl: passive and active, IPv4 and IPv6, resume, ranges, append, times, many files on one connection."""
import time
from urllib.parse import quote

from interop import material
from interop.client import (Client, Downloads, DownloadsTrees, KeepsTimes, LargeTrees, ResumesUploads, Uploads,
                            UploadsTrees)
from interop.server import PASSWORD, USER, ipv6_there, on_both_backends, on_one_backend, shows, wait_until

DATA_CONNECTIONS = {
    "PASV": ["--disable-epsv"],
    "EPSV": [],
    "PORT": ["--ftp-port", "-", "--disable-eprt"],
    "EPRT": ["--ftp-port", "-", "--eprt"],
}


class CurlCase(Client):
    program = "curl"

    def url(self, path, host="127.0.0.1"):
        return f"ftp://{USER}:{PASSWORD}@{host}:{self.server.port}/{quote(path)}"

    def curl(self, *arguments, **options):
        return self.run_client("curl", "--silent", "--show-error", "--disable", *map(str, arguments), **options)

    def download_tree(self, remote, local):
        self.run_config("", (f'url = "{self.url(f"{remote}/{file}")}"\noutput = "{local / file}"\n'
                             for file in files_below(self.server.root / remote)))

    def upload_tree(self, local, remote):
        """The times by a command of curl's user, who has no option for them: each file is an operation of its own."""
        self.run_config("next\n", (f'ftp-create-dirs\nupload-file = "{local / file}"\n'
                                   f'url = "{self.url(f"{remote}/{file}")}"\n'
                                   f'quote = "-MFMT {time_value(local / file)} /{remote}/{file}"\n'
                                   for file in files_below(local)))

    def run_config(self, between, entries):
        """All of them in one run, on a few control connections that are used again and again.

        On one alone curl 7.88 now and then rests for a second before it opens a passive data connection.
        """
        (self.local / "config").write_text(between.join(entries))
        self.curl("--parallel", "--parallel-max", 8, "--create-dirs", "--remote-time", "--config",
                  self.local / "config")


def files_below(directory):
    return [path.relative_to(directory) for path in directory.rglob("*") if path.is_file()]


def time_value(path):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(path.stat().st_mtime_ns // material.SECOND_NS))


@on_both_backends
class Curl(CurlCase, Downloads, Uploads, DownloadsTrees, UploadsTrees, ResumesUploads, KeepsTimes):
    def download(self, remote, local):
        self.curl("--output", local, self.url(remote))

    def upload(self, local, remote):
        self.curl("--upload-file", local, self.url(remote))

    def resume_download(self, remote, local):
        self.curl("--continue-at", "-", "--output", local, self.url(remote))

    def resume_upload(self, local, remote):
        self.curl("--continue-at", "-", "--upload-file", local, self.url(remote))

    @shows("TY-05", "TY-12")
    def test_transfers_both_ways_on_each_kind_of_data_connection(self):
        for kind, options in DATA_CONNECTIONS.items():
            for host in ["127.0.0.1"] + (["[::1]"] if ipv6_there() else []):
                if kind in ("PASV", "PORT") and host == "[::1]":
                    continue  # these have no form for IPv6
                with self.subTest(f"{kind} {host}"):
                    self.check_both_ways(kind, options, host)

    def check_both_ways(self, kind, options, host):
        for name in ("empty", "one", "middling"):
            dialogue = self.curl("--verbose", *options, "--output", self.local / name, self.url(name, host))
            self.assertIn(f"> {kind}", dialogue)
            self.assertEqual(material.digest(self.local / name), material.shared_digest(name))
            self.curl(*options, "--upload-file", self.local / name, self.url(f"up/{name}", host))
            self.assertEqual(material.digest(self.up / name), material.shared_digest(name))

    def test_fetches_ranges(self):
        four_gib = 4 * material.GIB
        for file, first, length in (("big", 0, 1), ("big", 1000, 12345), ("big", material.BIG_SIZE - 7, 7),
                                    ("sparse", four_gib - 1000, 2000), ("sparse", four_gib + 1, 1000),
                                    ("sparse", material.SPARSE_SIZE - 1000, 1000)):
            with self.subTest(f"{file} {first}+{length}"):
                self.curl("--range", f"{first}-{first + length - 1}", "--output", self.local / "got", self.url(file))
                self.assertEqual(material.digest(self.local / "got"),
                                 material.piece_digest(material.shared() / file, first, length))

    def test_fetches_the_last_octets(self):
        self.curl("--range", "-1000", "--output", self.local / "got", self.url("big"))
        self.assertEqual(material.digest(self.local / "got"),
                         material.piece_digest(material.shared() / "big", material.BIG_SIZE - 1000, 1000))

    def test_resumes_an_upload_after_a_given_number_of_octets(self):
        source = (material.shared() / "names" / material.NAMES["spaces"]).read_bytes()
        (self.local / "source").write_bytes(source)
        (self.up / "target").write_bytes(source[:400])
        self.curl("--continue-at", "400", "--upload-file", self.local / "source", self.url("up/target"))
        self.assertEqual((self.up / "target").read_bytes(), source)

    @shows("SV-06")
    def test_appends(self):
        for text in ("one\n", "two\n"):
            (self.local / "part").write_text(text)
            self.curl("--append", "--upload-file", self.local / "part", self.url("up/target"))
        self.assertEqual((self.up / "target").read_text(), "one\ntwo\n")

    @shows("TY-11")
    def test_transfers_text_with_lines_of_the_network(self):
        (self.server.root / "up" / "text").write_bytes(b"one\ntwo\n")
        log_before = len(self.server.log())
        self.curl("--output", self.local / "text", self.url("up/text") + ";type=a")
        self.assertEqual((self.local / "text").read_bytes(), b"one\ntwo\n")
        self.curl("--upload-file", self.local / "text", self.url("up/back") + ";type=a")
        self.assertEqual((self.up / "back").read_bytes(), b"one\ntwo\n")
        wait_until(lambda: self.server.log()[log_before:].count("octets=10 complete") == 2,
                   "each line end is two octets on the way, both times")

    def test_lists_by_LIST_NLST_and_MLSD(self):
        names = set(material.NAMES.values())
        self.assertEqual(set(self.curl("--list-only", self.url("names/")).splitlines()), names)
        by_list = self.curl(self.url("names/"))
        self.assertTrue(all(f" {name}" in by_list for name in names), by_list)
        by_mlsd = self.curl("--request", "MLSD", self.url("names/")).splitlines()
        self.assertLessEqual(names, {line.partition("; ")[2] for line in by_mlsd})

    def test_lists_by_wildcards(self):
        for name in ("größe.txt", "文件.txt", "größe.bin"):
            (self.up / name).touch()
        by_nlst = self.curl("--list-only", "--request", "NLST *.txt", self.url("up/"))
        self.assertEqual(set(by_nlst.splitlines()), {"größe.txt", "文件.txt"})
        by_list = self.curl("--request", "LIST gr*", self.url("up/")).splitlines()
        self.assertEqual({line.split()[-1] for line in by_list}, {"größe.txt", "größe.bin"})

    def test_fetches_all_that_a_pattern_names(self):
        for name in ("größe1", "größe2", "文件1", "文件2"):
            (self.up / name).write_text(name)
        pattern = self.url("up/") + "{größe,文件}[1-2]"
        self.curl("--output", self.local / "#1#2", pattern)
        self.assertEqual({path.name: path.read_text() for path in self.local.iterdir() if path.is_file()},
                         {name: name for name in ("größe1", "größe2", "文件1", "文件2")})

    def test_tells_size_and_time_without_a_transfer(self):
        head = self.curl("--head", self.url("big"))
        self.assertIn(f"Content-Length: {material.BIG_SIZE}", head)
        self.assertIn("Last-Modified: ", head)
        (self.up / "leap day").touch()
        material.set_time(self.up / "leap day", material.TIMES["leap day"])
        self.assertIn("Last-Modified: Tue, 29 Feb 2000 12:34:56 GMT", self.curl("--head", self.url("up/leap day")))

    def test_renames_and_deletes_by_quoted_commands(self):
        (self.up / "old").touch()
        self.curl("--quote", "RNFR up/old", "--quote", "RNTO up/new", "--output", self.local / "one", self.url("one"))
        self.assertTrue((self.up / "new").exists())
        self.curl("--quote", "DELE up/new", "--output", self.local / "one", self.url("one"))
        self.assertFalse((self.up / "new").exists())

    def test_reports_a_missing_file_and_a_wrong_password(self):
        self.curl("--output", self.local / "got", self.url("missing"), expected=(78,))
        url = self.url("one").replace(f":{PASSWORD}@", ":wrong@")
        self.assertIn("530", self.curl("--output", self.local / "got", url, expected=(67,)))


@on_one_backend
class CurlLarge(LargeTrees, CurlCase):
    pass
