"""Who stays outside of a sandbox that works: those of whom nobody knows what they need."""

import pytest

from plait.plans.language.backends import BACKENDS, Backend
from plait.plans.language.sandboxing import default_level, left_outside


@pytest.mark.parametrize(
    ("backend", "has_door", "variables", "says"),
    [
        ("claude", False, ["ANTHROPIC_API_KEY"], ""),
        ("codex", False, [], ""),
        ("gemini", False, [], ""),
        ("opencode", True, [], ""),
        ("aider", True, ["OPENAI_BASE_URL"], ""),
        ("claude", False, ["ANTHROPIC_BASE_URL"], "ANTHROPIC_BASE_URL leads it to another provider"),
        ("opencode", False, [], "nobody knows which provider opencode asks"),
        ("command", True, [], "nobody knows what its command needs of this machine"),
        ("scripted", False, [], "nobody knows what its command needs of this machine"),
        ("model", True, [], "model cannot be put into one"),
    ],
)
def test_auto_leaves_outside_whose_needs_are_not_known(
    backend: Backend, has_door: bool, variables: list[str], says: str
) -> None:
    assert left_outside(backend, has_door=has_door, variables=variables) == says


def test_no_backend_requires_a_sandbox_by_itself() -> None:
    assert {default_level(backend) for backend in BACKENDS} == {"auto", "off"}
