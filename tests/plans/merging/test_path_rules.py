"""Which rule settles a path: the first that matches; which would have: presets that know the name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.language.merge_rules import PRESETS, PathRule
from plait.plans.language.parsing import parse_plan
from plait.plans.merging.path_rules import file_rules, proposed_rules, rule_for, settled_by

PLAN = """
feature: f
tasks: [{id: A, run: x}]
integration:
  merge:
    - npm
    - {presets: [uv, changelogs]}
    - {paths: [docs/], way: ours}
    - {paths: ["**/*.jsonl"], way: union, key: id}
    - {paths: [gen/**], regenerate: make gen}
    - {paths: ["**"], way: theirs}
"""


def test_the_first_rule_that_matches_wins() -> None:
    rules = file_rules(parse_plan(PLAN).integration.merge)
    named = {
        path: rule.words if (rule := rule_for(path, rules)) else None
        for path in ("package-lock.json", "web/package-lock.json", "docs/CHANGELOG.md", "docs/a.md", "a/b.jsonl")
    }
    assert named == {
        "package-lock.json": "npm: regenerate",
        "web/package-lock.json": "npm: regenerate",
        "docs/CHANGELOG.md": "changelogs: union",
        "docs/a.md": "ours",
        "a/b.jsonl": "union by id",
    }
    generated, rest = rule_for("gen/x.py", rules), rule_for("app.py", rules)
    assert generated is not None
    assert (generated.way, generated.command) == ("regenerate", "make gen")
    assert rest is not None
    assert rest.way == "theirs"


def test_without_rules_nothing_is_settled() -> None:
    assert rule_for("CHANGELOG.md", ()) is None


@pytest.mark.parametrize(
    ("paths", "names", "presets"),
    [
        (["web/package-lock.json", "CHANGES.md", "app.py"], [], ["npm", "changelogs"]),
        ([".beads/issues.jsonl", "log.jsonl"], [], ["beads", "jsonl"]),
        (["src/__snapshots__/a.snap"], [], []),
        (["src/__snapshots__/a.snap"], ["jest.config.js"], ["jest"]),
        (["src/__snapshots__/a.snap"], ["web/vitest.config.ts"], ["vitest"]),
        (["app.py", "changelog.py"], [], []),
    ],
)
def test_a_preset_is_proposed_for_the_files_that_it_knows(paths, names, presets) -> None:
    rules = proposed_rules(paths, names)
    assert [name for rule in rules for name in rule.presets] == presets


PATHS = st.lists(st.sampled_from(["a.py", "go.sum", "x/uv.lock", "NEWS", "Cargo.lock", "b.jsonl", ".gitignore"]))


@given(PATHS)
def test_what_is_proposed_settles_what_it_was_proposed_for_and_nothing_is_proposed_twice(paths) -> None:
    rules = proposed_rules(paths)
    assert proposed_rules([path for path in paths if not settled_by(path, rules)]) == ()
    assert all(proposed_rules([path]) for path in paths if settled_by(path, rules))


def test_every_preset_is_a_rule_that_can_be_written_out() -> None:
    for name, preset in PRESETS.items():
        way = {"regenerate": preset.command} if preset.way == "regenerate" else {"way": preset.way}
        written = PathRule.model_validate({"paths": preset.paths, "key": preset.key, **way})
        (rule,) = file_rules([written])
        (named,) = file_rules([PathRule(presets=(name,))])
        assert (rule.paths, rule.way, rule.command, rule.key) == (named.paths, named.way, named.command, named.key)
