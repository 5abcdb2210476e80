"""Which journal a workspace's file system can bear. In: a path and the mount table; out: a `Journal`.

Write-ahead logging keeps its index in memory that all processes share, which a network file system does not give, even
where the PRAGMA is taken without a word. There the file gets a rollback journal, full syncing and one host at a time
(core/store/lease.py). The decision is a function of text, so tests feed it mount tables of file systems they lack.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MOUNT_TABLE = Path("/proc/self/mountinfo")

# Prefixes of the type column: nfs covers nfs4, fuse.sshfs is named in full because most other fuse types are local.
_NETWORK = (
    "nfs", "lustre", "gpfs", "beegfs", "cifs", "smb", "ceph", "fuse.ceph", "fuse.sshfs", "fuse.glusterfs",
    "fuse.gcsfuse", "fuse.s3fs", "fuse.rclone", "fuse.juicefs", "fuse.davfs", "davfs", "afs", "auristorfs", "coda",
    "9p", "virtiofs", "ocfs2", "gfs", "orangefs", "pvfs2", "panfs", "wekafs", "fhgfs", "ncpfs", "vboxsf", "prl_fs",
    "fuse.vmhgfs", "vmhgfs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Journal:
    """How the database file is written here."""

    mode: str  # as PRAGMA journal_mode says it
    synchronous: str
    network: str = ""  # the type of the network file system; "" on a local one


LOCAL = Journal("wal", "NORMAL")
# Where write-ahead logging turns out not to work although the file system is not known as a network one.
CAREFUL = Journal("truncate", "FULL")


def journal_for(folder: Path, mount_table: str) -> Journal:
    """The journal for a database in `folder` (absolute, symbolic links resolved)."""
    kind = file_system(folder, mount_table)
    if kind.startswith(_NETWORK):
        return Journal("truncate", "FULL", kind)
    return LOCAL


def file_system(folder: Path, mount_table: str) -> str:
    """The type of the file system that `folder` lies on, "" where the table does not say."""
    best, found = -1, ""
    for line in mount_table.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5 or not after.strip():
            continue
        point = _unescaped(fields[4])
        # The later of two mounts on one point is the one that is seen, hence >=.
        if folder.is_relative_to(point) and len(point) >= best:
            best, found = len(point), after.split()[0]
    return found


def read_mount_table() -> str:
    """This process's mount table, "" where there is none (not Linux)."""
    try:
        return MOUNT_TABLE.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    # The kernel writes blank, tab, newline and backslash as three octal digits.
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
