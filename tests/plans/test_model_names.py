"""Names of models: short ones that a program knows, and full ones, which nobody lists."""

import pytest

from plait.plans.language.backends import Backend
from plait.plans.language.model_names import model_problem


@pytest.mark.parametrize(
    "model", ["haiku", "opus[1m]", "claude-opus-4-8", "eu.anthropic.claude-v1:0", "glm-4.6", "a/b"]
)
def test_short_names_that_claude_knows_and_all_that_look_full_pass(model: str) -> None:
    assert model_problem("claude", model) == ""


def test_a_short_name_that_claude_does_not_know_is_refused_with_the_nearest() -> None:
    assert model_problem("claude", "sonet") == "its model 'sonet' is none that claude knows: did you mean 'sonnet'?"
    assert "it knows sonnet, opus" in model_problem("claude", "gpt")


@pytest.mark.parametrize("backend", ["codex", "aider", "command", "scripted"])
def test_other_programs_get_what_they_are_given(backend: Backend) -> None:
    assert model_problem(backend, "whatever") == ""


def test_opencode_wants_a_provider() -> None:
    assert model_problem("opencode", "anthropic/claude-opus-4-8") == ""
    assert "provider/model, such as anthropic/opus" in model_problem("opencode", "opus")
