"""The page on outcomes keeps its word: its tables are those of the code."""

import re
from pathlib import Path

from plait.plans.agents.outcomes import POLICIES
from plait.plans.agents.readers.by_backend import READERS
from plait.plans.language.backends import BACKENDS

PAGE = (Path(__file__).parents[3] / "docs" / "outcomes.md").read_text(encoding="utf-8")


def test_each_outcome_has_its_line_with_what_is_done() -> None:
    lines = re.findall(r"^\| `([a-z ]+)` \| [^|]+ \| ([^|]+) \| (yes|no) \|$", PAGE, re.MULTILINE)

    assert {outcome: steps for outcome, steps, _cost in lines} == {
        outcome: ", ".join(policy.steps) for outcome, policy in POLICIES.items()
    }
    costly = {outcome for outcome, policy in POLICIES.items() if policy.costs_try and outcome != "done"}
    assert {outcome for outcome, _steps, cost in lines if cost == "yes"} == costly


def test_each_program_has_its_line_with_what_it_tells() -> None:
    lines = re.findall(r"^\| ([a-z]+) \| [^|]+ \| ([^|]+) \| (yes|no) \| (yes|no) \| (yes|no) \|$", PAGE, re.MULTILINE)
    told = {
        name: (tokens.startswith("while it works"), cost == "yes", sessions == "yes", turns == "yes")
        for name, tokens, cost, sessions, turns in lines
    }

    assert told == {
        name: tuple(ability in BACKENDS[name].abilities for ability in ("live usage", "cost", "sessions", "turns"))
        for name in ("claude", "codex", "opencode", "gemini", "aider")
    }
    assert set(told) <= set(READERS)
