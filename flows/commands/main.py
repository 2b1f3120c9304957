"""The console script: a Ctrl-C in the time that the imports take is as quiet as any other one."""

import gc
import sys


def main() -> None:
    """Run the command that the arguments name."""
    # A collector that looks at what is just being imported finds nothing, again and again: 5 % of `plait check`.
    gc.set_threshold(50_000, 20, 50)
    try:
        from plait.flows.commands.app import run_command

        status = run_command()
    except KeyboardInterrupt:
        sys.stderr.write("\ncancelled\n")
        status = 130  # as ExitCode.CANCELLED, which is not imported yet
    sys.exit(status)
