"""What the clients transfer: an empty file, one octet, 20 and 300 MiB, 5 GiB sparse, trees, awkward names, times.

Made once a run and hard-linked into each server's root. Knows files and digests only.
"""
import atexit
import functools
import hashlib
import os
import random
import shutil
import tempfile
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30
BIG_SIZE = 300 * MIB
SPARSE_SIZE = 5 * GIB
SPARSE_TAIL = 1 * MIB  # what is transferred of the sparse file: all of it lies beyond 4 GiB
LARGE_TREE = int(os.environ.get("MILLRACE_LARGE_TREE", 20_000))  # files

NAMES = {
    "spaces": "two words and more",
    "blanks at both ends": " between blanks ",
    "quotes": "a \"quoted\" and 'quoted' name",
    "UTF-8": "größe 文件 🎈",
    "a leading dash": "-leading dash",
    "255 octets": "n" * 251 + ".txt",
    "255 octets of UTF-8": "ü" * 125 + "n.txt",
}

SECOND_NS = 1_000_000_000
TIMES = {  # seconds since 1970
    "first year": 100_000,
    "last second of a century": 946_684_799,
    "leap day": 951_827_696,
    "summer": 1_720_526_401,
    "this winter in another zone": 1_767_225_599,
    "behind 2^31": 2_147_483_649,
}


def new_directory():
    """It is removed when the run ends."""
    directory = Path(tempfile.mkdtemp(prefix="millrace-material-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


@functools.cache
def shared():
    """The directory with everything but the trees of many files and times."""
    directory = new_directory()
    octets = random.Random(959)
    (directory / "empty").touch()
    (directory / "one").write_bytes(b"\n")
    make_big(directory / "big", octets)
    (directory / "middling").write_bytes(octets.randbytes(20 * MIB))
    make_sparse(directory / "sparse", octets)
    make_names(directory / "names", octets)
    make_tree(directory / "tree", octets)
    return directory


def make_big(path, octets):
    block = octets.randbytes(MIB)
    with open(path, "wb") as file:
        for turn in range(BIG_SIZE // MIB):  # each MiB differs: an octet in the wrong place shows
            file.write(block[turn * 997:] + block[:turn * 997])


def make_sparse(path, octets):
    with open(path, "wb") as file:
        file.truncate(SPARSE_SIZE)
        for place in (0, 4 * GIB - MIB // 2, SPARSE_SIZE - SPARSE_TAIL):
            file.seek(place)
            file.write(octets.randbytes(MIB))


def make_names(directory, octets):
    directory.mkdir()
    for name in NAMES.values():
        (directory / name).write_bytes(octets.randbytes(1000) + name.encode())


def make_tree(directory, octets):
    """2,000 small files in nested directories."""
    for number in range(2000):
        place = directory / f"first {number % 10}" / f"second-{number // 10 % 10}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"file {number}.bin").write_bytes(octets.randbytes(number % 97 * 50))


@functools.cache
def large_tree():
    """Small files, 100 in a directory, of as many times; UTF-8 in every name."""
    tree = new_directory() / "große Ordner"
    for number in range(LARGE_TREE):
        place = tree / f"höher {number // 1000}" / f"第 {number // 100 % 10}"
        if number % 100 == 0:
            place.mkdir(parents=True)
        file = place / f"файл {number}.txt"
        file.write_bytes(f"{number}\n".encode() * (number % 20))
        set_time(file, 1_000_000_000 + number * 50_021)  # from 2001 to 2033
    return tree


@functools.cache
def timed_tree():
    """A file for each time that a client might take for another."""
    tree = new_directory() / "Zeiten ü"
    (tree / "below").mkdir(parents=True)
    for place, (name, time) in enumerate(TIMES.items()):
        file = tree / ("below" if place % 2 else ".") / f"{name} 時.txt"
        file.write_text(name)
        set_time(file, time)
    return tree


def set_time(path, seconds):
    """With a fraction, which must not count."""
    os.utime(path, ns=(seconds * SECOND_NS, seconds * SECOND_NS + 987_654_321))


def link_into(root):
    """Everything below `root`, without copying."""
    shutil.copytree(shared(), root, copy_function=os.link, dirs_exist_ok=True)


@functools.cache
def shared_digest(name):
    return digest(shared() / name)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(directory):
    """{path below the directory: digest} of all files."""
    return {str(path.relative_to(directory)): digest(path) for path in Path(directory).rglob("*") if path.is_file()}


def contents_and_times(directory):
    """{path below the directory: (octets, seconds)} of all files."""
    return {str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns // SECOND_NS)
            for path in Path(directory).rglob("*") if path.is_file()}


def piece_digest(path, first, length):
    with open(path, "rb") as file:
        file.seek(first)
        return hashlib.sha256(file.read(length)).hexdigest()


def make_hole(path, size):
    """A file of that size without data: what an interrupted transfer would have left."""
    with open(path, "wb") as file:
        file.truncate(size)
