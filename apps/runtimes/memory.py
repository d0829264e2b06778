"""How much memory there is for models: of the machine, or of the container where that is less."""

from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Return the bytes that can be taken without swapping; None where the system does not tell."""
    found = [each for each in (_meminfo("MemAvailable"), _of_container()) if each is not None]
    return min(found) if found else None


def _meminfo(name: str) -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def _of_container() -> int | None:
    """Return what control group v2 leaves; files that were read count as used there but are given back."""
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    if limit is None or used is None:
        return None
    return max(0, limit - used + _file_pages())


def _file_pages() -> int:
    try:
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    except (OSError, ValueError, IndexError):
        return 0


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max": no limit
        return None
