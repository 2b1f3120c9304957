"""The console script: a Ctrl-C in the time that the imports take is as quiet as any other one."""

import sys


def main() -> None:
    """Run the command that the arguments name."""
    try:
        from plait.flows.commands.app import run_command

        status = run_command()
    except KeyboardInterrupt:
        sys.stderr.write("\ncancelled\n")
        status = 130  # as ExitCode.CANCELLED, which is not imported yet
    sys.exit(status)
