"""The blocks of plait: settings saved in Prefect that open a repository, a crew, a store or an agent.

Prefect imports this package whenever it loads its collections, so it has to stay light.
"""

from prefect.blocks.core import Block

from plait.blocks.agent_crew import AgentCrew
from plait.blocks.agents.base import CodingAgent
from plait.blocks.agents.command import CommandAgent
from plait.blocks.agents.registry import AGENTS
from plait.blocks.agents.scripted import ScriptedAgent
from plait.blocks.repository import FeatureRepository
from plait.blocks.store import FeatureStore

SAVED_BLOCKS: tuple[type[Block], ...] = (FeatureRepository, AgentCrew, FeatureStore, *AGENTS)
"""What a person can make on Prefect's page; `CodingAgent` is what agents derive from."""

__all__ = [
    "SAVED_BLOCKS",
    "AgentCrew",
    "CodingAgent",
    "CommandAgent",
    "FeatureRepository",
    "FeatureStore",
    "ScriptedAgent",
]
