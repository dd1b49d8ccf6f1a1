"""Processes that a process started, as the kernel tells."""

from pathlib import Path


def children(pid: int) -> list[int]:
    """Process ids, the oldest first."""
    return sorted(int(each) for task in Path(f"/proc/{pid}/task").glob("*") for each in _of(task))


def alive(pid: int) -> bool:
    """Whether it still runs; a corpse that nobody has collected doesn't."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _of(task: Path) -> list[str]:
    return (task / "children").read_text().split()
