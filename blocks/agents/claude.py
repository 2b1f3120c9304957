"""Claude Code as an agent."""

from typing import ClassVar

from plait.blocks.agents.base import DOCUMENTATION, LOGO
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launches.claude import launch_claude
from plait.plans.agents.launching import Launcher
from plait.plans.language.backends import Backend


class ClaudeCodeAgent(ProgramAgent):
    """
    Claude Code, driven by its stream of events, with nothing of the repository's own settings.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.claude import ClaudeCodeAgent

        agent = ClaudeCodeAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Claude Code Agent"
    _block_type_slug = "plait-claude-code-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "Claude Code as a coding agent, in a HOME of its own."

    backend: ClassVar[Backend] = "claude"
    launcher: ClassVar[Launcher] = staticmethod(launch_claude)
