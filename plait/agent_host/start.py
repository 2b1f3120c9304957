"""Starts the agent host: run as `python -I start.py ORDER`, in the checkout, under plait's shim.

`-I`: neither the checkout that it works in nor a variable of its environment decides which modules it imports. The
order, which says where they are, is deleted as soon as it is read: it may hold the token of the model door.
"""

import json
import os
import sys


def main(path: str) -> int:
    """Carry out one order."""
    with open(path, "rb") as file:  # noqa: PTH123  (pathlib is imported with the rest, from where the order says)
        text = file.read()
    os.unlink(path)  # noqa: PTH108
    sys.path[:] = json.loads(text)["import_path"]
    from plait.agent_host.hosting import host  # noqa: PLC0415

    return host(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
