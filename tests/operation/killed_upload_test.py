"""A server that is killed while it receives: nothing of an unseen upload is left where files can be without names."""
import os

from interop.server import LIMIT_S, Server, on_both_backends, wait_until
from operation.session import Session


@on_both_backends
class KilledUpload:

    def test_an_unseen_upload_leaves_nothing_when_the_server_is_killed(self):
        for publish in ("atomic", "durable"):
            with self.subTest(publish):
                server = Server(self.backend, {"uploads": {"publish": publish}}, binary=self.binary)
                self.addCleanup(server.end)
                try:
                    os.close(os.open(server.root, os.O_TMPFILE | os.O_WRONLY))
                except OSError as error:
                    self.skipTest(f"no files without names here: {error.strerror}")
                (server.root / "old").write_bytes(b"old")
                sessions = [Session(server) for _ in range(2)]
                uploads = [session.begin(f"STOR {name}") for session, name in zip(sessions, ("old", "new"))]
                for data in uploads:
                    data.sendall(bytes(1 << 20))
                wait_until(lambda: any("(deleted)" in target for target in server.open_files()), "the uploads are open")
                self.assertEqual(os.listdir(server.root), ["old"])
                server.process.kill()
                server.process.wait(LIMIT_S)
                for one in (*uploads, *sessions):
                    one.close()
                self.assertEqual(os.listdir(server.root), ["old"])
                self.assertEqual((server.root / "old").read_bytes(), b"old")
