"""The order of steps: compile a plan, dispatch its tasks, integrate, report; and the command line."""
