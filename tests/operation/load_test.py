"""2,000 sessions and 200 transfers at once: one thread, bounded memory, and a NOOP is answered meanwhile."""
import resource
import select
import statistics
import time
from random import Random

from interop.server import LIMIT_S, Server, on_both_backends
from operation.session import Session

SESSIONS = 2000
TRANSFERS = 200
ROUNDS = 16                # in each, every transfer moves at least STEP octets
STEP = 1 << 16
UPLOADED = Random(3).randbytes(STEP)
NOOP_LIMIT_S = 10          # generous: it shows that the server answers, not how fast this machine is
RESIDENT_LIMIT_KIB = 64 << 10
HELPERS = 3                # the two offload threads and that of the log, as config.toml has them by default


@on_both_backends
class Load:

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < SESSIONS * 2:
            self.skipTest(f"the limit of descriptors is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_2000_sessions_and_200_transfers_at_once(self):
        with Server(self.backend) as server:
            with open(server.root / "large", "wb") as file:
                file.truncate(1 << 30)  # none comes to its end by itself
            resident_idle = server.resident_kib()
            sessions = [Session(server) for _ in range(SESSIONS)]
            self.addCleanup(lambda: [session.close() for session in sessions])
            resident_sessions = server.resident_kib()
            latencies = self.move_all_at_once(server, sessions)
            resident_full = server.resident_kib()
            print(f"  resident: {resident_idle >> 10} MiB idle, {resident_sessions >> 10} with {SESSIONS} sessions, "
                  f"{resident_full >> 10} with {TRANSFERS} transfers; NOOP meanwhile: "
                  f"{statistics.median(latencies) * 1000:.1f} ms median, {max(latencies) * 1000:.1f} ms at most")
            self.assertLess(resident_full, RESIDENT_LIMIT_KIB)
            self.assertLess(max(latencies), NOOP_LIMIT_S)
            for session in sessions:
                session.quit()

    def move_all_at_once(self, server, sessions):
        """Half downloads, half uploads; gives the times that NOOPs took between the rounds."""
        downloads = {session.begin("RETR large"): session for session in sessions[0:TRANSFERS:2]}
        uploads = {session.begin(f"STOR new{number}"): session
                   for number, session in enumerate(sessions[1:TRANSFERS:2])}
        latencies = []
        for turn in range(ROUNDS):
            self.move_one_round(downloads, uploads)
            latencies.append(self.time_a_noop(sessions[TRANSFERS + turn]))
        self.assert_one_thread(server)
        for data, session in downloads.items():
            data.close()
            session.expect("426")
        for number, (data, session) in enumerate(uploads.items()):
            data.close()
            session.expect("226")
            self.assertEqual((server.root / f"new{number}").read_bytes(), UPLOADED * ROUNDS)
        return latencies

    def move_one_round(self, downloads, uploads):
        poll = select.poll()
        left = {}
        for data in [*downloads, *uploads]:
            data.setblocking(False)
            poll.register(data, select.POLLIN if data in downloads else select.POLLOUT)
            left[data.fileno()] = [data, STEP]
        while left:
            ready = poll.poll(LIMIT_S * 1000)
            self.assertTrue(ready, f"{len(left)} of {TRANSFERS} transfers stand still")
            for number, _ in ready:
                data, wanted = left[number]
                moved = len(data.recv(wanted)) if data in downloads else data.send(UPLOADED[-wanted:])
                self.assertGreater(moved, 0)
                left[number][1] -= moved
                if moved == wanted:
                    poll.unregister(data)
                    del left[number]

    def time_a_noop(self, session):
        begun = time.monotonic()
        session.expect("200", "NOOP")
        return time.monotonic() - begun

    def assert_one_thread(self, server):
        """Beside the loop only its helpers and the kernel's own io_uring workers."""
        threads = server.thread_names()
        kernel = [name for name in threads if name.startswith(("iou-wrk", "iou-sqp"))]
        self.assertEqual(len(threads) - len(kernel), 1 + HELPERS, threads)
