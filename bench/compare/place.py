"""Where the comparison happens: a network and files of its own, where the kernel lets us, and who runs on which core.

As root everything is in private namespaces: a loopback with the congestion control that is asked for, the
files on a tmpfs, a user `ftp` that Pure-FTPd wants in /etc/passwd. The machine around sees nothing of it, and
all of it ends with the process. Otherwise the run takes what is there, and says so.
"""
import contextlib
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
OUTPUT = REPOSITORY / "build/bench"
ADDRESS = "127.0.0.1"

FILE_OCTETS = 4096
MANY = 10_000
SMALL_FILES = 10_000
COLD_FILES = 4
COLD_OCTETS = 512 << 20  # each
BLOCK_CGROUPS = Path("/sys/fs/cgroup/blkio"), Path("/sys/fs/cgroup")  # of version 1, of version 2

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)


class Place:
    """Where servers listen and what they serve."""

    def __init__(self, congestion, tree=None):
        self.notes = []
        OUTPUT.mkdir(parents=True, exist_ok=True)
        call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what a server leaves behind is ours to end
        self.private = self.try_namespaces()
        self.set_congestion(congestion)
        self.port = 2121 if self.private else free_port()
        self.passive_ports = (10000, 29999)  # below the ephemeral ports
        self.root = self.make_root(tree)
        self.server_cpus, self.client_cpus = divide_cpus()
        if self.server_cpus == self.client_cpus:
            self.notes.append("Only one core: server and client share it.")
        if self.private:
            self.add_user_ftp()
        self.certificate = make_certificate()

    # ---- Namespaces ----

    def try_namespaces(self):
        try:
            call("unshare", CLONE_NEWNS | CLONE_NEWNET)
            call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            loopback_up()
        except OSError as error:
            self.notes.append(f"No namespaces of our own ({error.strerror}): measured on the machine's loopback and "
                              "files, beside whatever else uses them. As root it would be different.")
            return False
        return True

    def set_congestion(self, wanted):
        setting = Path("/proc/sys/net/ipv4/tcp_congestion_control")
        if self.private:
            try:
                setting.write_text(wanted)
            except OSError as error:
                self.notes.append(f"Congestion control {wanted} is not to be had: {error.strerror}.")
        self.congestion = setting.read_text().strip()
        if self.congestion != wanted and not self.private:
            self.notes.append(f"The machine's congestion control was kept; asked for was {wanted}.")

    def add_user_ftp(self):
        """Pure-FTPd serves anonymous users from the home of a system user `ftp`."""
        others = [line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith("ftp:")]
        ours = f"ftp:x:64999:65534:bench:{self.root}:/usr/sbin/nologin"
        passwd = OUTPUT / "passwd"
        passwd.write_text("\n".join([*others, ours, ""]))
        call("mount", os.fsencode(passwd), b"/etc/passwd", None, MS_BIND, None)

    # ---- Files ----

    def make_root(self, tree):
        if tree:
            self.files = Path(tree).resolve()
            self.files.mkdir(parents=True, exist_ok=True)
            self.files_are = f"{self.files} (page cache)"
        elif self.private:
            self.files = OUTPUT / "files"
            self.files.mkdir(exist_ok=True)
            call("mount", b"tmpfs", os.fsencode(self.files), b"tmpfs", 0, b"size=75%,mode=0755")
            self.files_are = "tmpfs"
        else:
            self.files = Path(tempfile.mkdtemp(prefix="millrace-bench-", dir="/dev/shm"))
            self.files_are = "tmpfs (/dev/shm)"
        return self.files / "millrace-bench-files"

    def fill(self):
        """/big, /small/0 to 9999, /many/* and /up, once a run; all read once, so that all is cached."""
        self.big_octets = (1 << 30) if available_octets() > (6 << 30) else (256 << 20)
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(mode=0o755)
        block = os.urandom(1 << 20)
        with open(self.root / "big", "wb") as big:
            for _ in range(self.big_octets >> 20):
                big.write(block)
        with open(self.root / "big", "rb") as big:
            while big.read(1 << 20):
                pass
        (self.root / "small").mkdir()
        for number in range(SMALL_FILES):
            (self.root / f"small/{number}").write_bytes(block[number:number + FILE_OCTETS])
        (self.root / "many").mkdir()
        for number in range(MANY):
            (self.root / f"many/a-file-with-a-name-of-usual-length-{number:05}.tar.gz").write_bytes(b"x")
        self.fill_disk(block)
        self.empty_uploads()

    def fill_disk(self, block):
        """/disk: what is to be on a disk, also where the rest is in memory."""
        disk = self.root / "disk"
        disk.mkdir()
        if self.private:
            beside = OUTPUT / "disk"
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(mode=0o755)
            call("mount", os.fsencode(beside), os.fsencode(disk), None, MS_BIND, None)
        for number in range(COLD_FILES):
            with open(disk / str(number), "wb") as cold:
                for _ in range(COLD_OCTETS >> 20):
                    cold.write(block)
                os.fsync(cold.fileno())

    def empty_uploads(self):
        for uploads in self.root / "up", self.root / "disk/up":
            shutil.rmtree(uploads, ignore_errors=True)
            uploads.mkdir()
            uploads.chmod(0o777)

    def drop_cached(self):
        """What the kernel keeps in memory of /disk."""
        for number in range(COLD_FILES):
            with open(self.root / f"disk/{number}", "rb") as cold:
                os.posix_fadvise(cold.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    @contextlib.contextmanager
    def read_limit(self, pids, octets_per_s):
        """Within it the processes, and their children to come, read no more from the disk of /disk."""
        if not octets_per_s:
            yield
            return
        device = whole_device(os.stat(self.root / "disk").st_dev)
        group = next((path for path in BLOCK_CGROUPS if (path / "cgroup.procs").exists()), None)
        if group is None:
            raise RuntimeError("there is no control group that could hold reading up")
        held = group / f"millrace-bench-{os.getpid()}"
        held.mkdir()
        try:
            old = held / "blkio.throttle.read_bps_device"
            if old.exists():
                old.write_text(f"{device} {octets_per_s}")
            else:
                (held / "io.max").write_text(f"{device} rbps={octets_per_s}")
            for pid in pids:
                (held / "cgroup.procs").write_text(str(pid))
            yield
        finally:
            for pid in (held / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (group / "cgroup.procs").write_text(pid)
            held.rmdir()

    def remove(self):
        """The private tmpfs goes by itself; elsewhere what fill() made is removed."""
        if self.private:
            shutil.rmtree(OUTPUT / "disk", ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)
        if self.files.parent == Path("/dev/shm"):
            self.files.rmdir()


def whole_device(number):
    """MAJOR:MINOR of the disk of a partition, or of what is a disk itself."""
    own = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    return ((own.parent if (own / "partition").exists() else own) / "dev").read_text().strip()


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def loopback_up():
    read_flags, write_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, read_flags, request))[1]
        fcntl.ioctl(any_socket, write_flags, struct.pack("16sH14s", b"lo", flags | up, b""))


def make_certificate():
    """Key and certificate of this run, in one file; what servers commonly have today."""
    certificate, key = OUTPUT / "certificate.pem", OUTPUT / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", f"/CN={ADDRESS}", "-days", "30", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True, stdin=subprocess.DEVNULL)
    certificate.write_text(key.read_text() + certificate.read_text())
    certificate.chmod(0o600)
    key.unlink()
    return certificate


def free_port():
    with socket.socket() as probe:
        for port in range(9021, 9999):
            try:
                probe.bind((ADDRESS, port))
                return port
            except OSError:
                continue
    raise OSError("no free port from 9021 to 9998")


def available_octets():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def divide_cpus():
    """One core for the server, at most four others for the client."""
    cpus = sorted(os.sched_getaffinity(0))
    return ({cpus[0]}, {cpus[0]}) if len(cpus) == 1 else ({cpus[1]}, set([cpus[0], *cpus[2:]][:4]))
