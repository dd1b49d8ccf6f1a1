"""Where a worker keeps its journal: `data_dir/workers/NUMBER`. Fewer workers than before leave some without one."""

from pathlib import Path

NAME = "workers"


def home_of(data_dir: Path, number: int) -> Path:
    """Made where it isn't there."""
    home = data_dir / NAME / str(number)
    for directory in (home.parent, home):
        directory.mkdir(mode=0o700, exist_ok=True)
    return home


def left_behind(data_dir: Path, running: int) -> tuple[Path, ...]:
    """Those whose worker doesn't run any more, by number."""
    found = [path for path in (data_dir / NAME).glob("*") if path.name.isdecimal() and int(path.name) > running]
    return tuple(sorted(found, key=lambda path: int(path.name)))
