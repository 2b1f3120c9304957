"""Runs every benchmark, one process each: `python -m benchmarks [NAME…]`."""

import subprocess
import sys

ALL = (
    "starting",
    "schedule",
    "dispatch",
    "search",
    "pipelining",
    "whole_way",
    "overhead",
    "checkout",
    "merging",
    "agents",
    "door",
)


def main() -> int:
    """Run the named benchmarks, or all; a failing one does not keep the others from running."""
    names = sys.argv[1:] or list(ALL)
    failed = [
        name for name in names if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    ]
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
