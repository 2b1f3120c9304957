"""A folder of Markdown specs is a plan: what its parts become, and where its mistakes are shown."""

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.errors import PlanError
from plait.plans.language.crew import merge_crews
from plait.plans.language.documents import plan_text
from plait.plans.language.model import Plan
from plait.plans.language.parsing import check_roles, parse_plan, plan_of
from plait.plans.specs.spec_folder import SpecFile, SpecFolder, feature_of, read_specs, slug_of, task_ids
from plait.plans.tasks.expansion import expand

CART = """\
---
id: CART
role: backend
needs: [model]
duration: 2h
owns: [src/cart/**]
issue: 12
criteria: [it is fast]
status: landed
---
# Cart API

For shoppers.

## Problem statement

There is no cart.

### Detail
```md
## Not a heading
```

## Implementation plan

1. Write it.

## Success criteria

Measured on the test machine.

- [ ] a filled cart has a total
- [x] an empty cart
  costs nothing

## Risks

Few.

## Notes
"""
MODEL = "---\nrole: architect\n---\nDescribe the model.\n"


def folder(place: str = "/home/me/shop/specs", plan: str | None = None, **specs: str | bytes) -> SpecFolder:
    """Specs by name, `.md` added."""
    files = tuple(
        SpecFile(f"{name}.md", textwrap.dedent(text).encode() if isinstance(text, str) else text)
        for name, text in specs.items()
    )
    return SpecFolder(Path(place), files, SpecFile("plan.yaml", textwrap.dedent(plan).encode()) if plan else None)


def plan_from(specs: SpecFolder) -> Plan:
    return plan_of(read_specs(specs, source="specs"), source="specs")


def mistakes_of(specs: SpecFolder) -> list[str]:
    with pytest.raises(PlanError) as refused:
        plan_from(specs)
    return str(refused.value).splitlines()


def test_front_matter_and_sections_become_a_task() -> None:
    plan = plan_from(folder(cart=CART, model=MODEL))

    cart, model = plan.tasks
    assert (plan.feature, plan.goal) == ("shop", "")
    assert (cart.id, cart.title, cart.role, cart.needs[0].task, cart.owns) == (
        "CART",
        "Cart API",
        "backend",
        "model",
        ("src/cart/**",),
    )
    assert cart.criteria == ("it is fast", "a filled cart has a total", "an empty cart costs nothing")
    assert cart.prompt == (
        "For shoppers.\n\n"
        "### Problem statement\n\nThere is no cart.\n\n#### Detail\n```md\n## Not a heading\n```\n\n"
        "### Implementation plan\n\n1. Write it.\n\n"
        "### Success criteria\n\nMeasured on the test machine.\n\n"
        "### Risks\n\nFew.\n\n"
        "### Issue\n\n12"
    )
    assert (model.id, model.title, model.prompt) == ("model", None, "Describe the model.")


def test_a_command_needs_no_text_and_its_text_is_for_people() -> None:
    plan = plan_from(folder(a="---\nrun: make\n---\n", b="---\nrun: make\n---\n# B\n\nWhy we make it.\n"))

    assert [(task.run, task.prompt, task.title) for task in plan.tasks] == [("make", None, None), ("make", None, "B")]


def test_plan_yaml_gives_all_else_and_tasks_of_its_own() -> None:
    plan = plan_from(
        folder(
            plan="""
                feature: shop-cart
                goal: Shoppers fill a cart.
                tasks: [{id: FIRST, run: "true"}]
                integration: {verify: [make test]}
            """,
            model=MODEL.replace("role:", "needs: [FIRST]\nrole:"),
        )
    )

    assert (plan.feature, plan.goal, plan.integration.verify) == (
        "shop-cart",
        "Shoppers fill a cart.",
        ("make test",),
    )
    assert [task.id for task in plan.tasks] == ["FIRST", "model"]


@pytest.mark.parametrize(
    ("place", "feature"),
    [
        ("/x/shop/specs", "shop"),
        ("/x/shop/Tasks", "shop"),
        ("/x/new cart", "new-cart"),
        ("/x/shop", "shop"),
        ("/specs", None),
    ],
)
def test_without_plan_yaml_the_feature_is_called_as_the_folder(place: str, feature: str | None) -> None:
    assert feature_of(Path(place)) == feature


@pytest.mark.parametrize(
    ("name", "slug"),
    [("01 Add cart", "01-Add-cart"), ("ü", None), ("z" * 80, "z" * 64), ("a.b", "a-b"), ("a" * 40, None)],
)
def test_ids_are_made_of_file_names(name: str, slug: str | None) -> None:
    assert slug_of(name) == slug


def test_tasks_are_known_by_file() -> None:
    specs = folder(plan="tasks: [{id: A, run: 'true'}]", cart=CART, model=MODEL)

    assert task_ids(read_specs(specs, source="specs"), specs) == {"CART": "cart.md", "model": "model.md"}


def test_mistakes_of_all_files_are_shown_at_once_with_their_places() -> None:
    shown = mistakes_of(
        folder(
            a="---\nrole: backend\nneeds: [b, nobody]\nretrys: 2\n---\nDo it.\n",
            b="---\nrole: backend\nduration: soon\nneeds:\n  - &x a\n---\n# " + "long " * 60 + "\n\nDo it.\n",
            c="---\nrole: qa\n---\n\n# C\n",
            d="---\nrole: qa\n",
            e="# E\n\nDo it.\n",
            f=b"---\nrole: qa\n---\n\xff\n",
            g="---\nrole: [\n---\nDo it.\n",
            h="---\n- role\n---\nDo it.\n",
            i="---\nrole: qa\nprompt: x\nissue: see there\n---\nDo it.\n",
            j="---\nid: B\nrole: qa\nneeds: [g]\n---\nDo it.\n",
            k="---\nrole: qa\n---\n## Success criteria\n- x\n- \x01\n",
            plan="feature: x\nbase: 'a b'\ntasks: {a: b}\n",
        )
    )

    places = [line.split(": ")[0] for line in shown]
    assert places == [
        "specs/a.md:3:9",
        "specs/a.md:3:12",
        "specs/a.md:4:1",
        "specs/b.md:3:11",
        "specs/b.md:5:5",
        "specs/b.md:7:3",
        "specs/c.md:1:1",
        "specs/d.md:1:1",
        "specs/e.md:1:1",
        "specs/f.md:4:1",
        "specs/g.md:3:1",
        "specs/h.md:2:1",
        "specs/i.md:3:1",
        "specs/i.md:4:8",
        "specs/j.md:2:5",
        "specs/k.md:6:3",
        "specs/plan.yaml:2:7",
        "specs/plan.yaml:3:8",
    ], "\n".join(shown)
    said = dict(zip(places, shown, strict=True))
    assert "needs[1]: unknown task 'nobody'" in said["specs/a.md:3:12"]
    assert "did you mean 'retries'?" in said["specs/a.md:4:1"]
    assert "says nothing of what is to be done" in said["specs/c.md:1:1"]
    assert "has no end" in said["specs/d.md:1:1"]
    assert "has no front matter" in said["specs/e.md:1:1"]
    assert "already the id of specs/b.md" in said["specs/j.md:2:5"]


def test_circles_and_roles_are_shown_in_their_files() -> None:
    circle = mistakes_of(folder(a="---\nrun: x\nneeds: [b]\n---\n", b="---\nrun: x\nneeds: [a]\n---\n"))
    specs = folder(plan="crew: {qa: {slots: 1}}", a="---\nrole: bakend\n---\nx\n")
    document = read_specs(specs, source="specs")
    plan = plan_of(document, source="specs")
    (problem,) = check_roles(plan, merge_crews(plan.crew), places=document.places)

    assert circle == ["specs/a.md:3:9: needs[0]: the needs go in a circle: a -> b -> a (each needs the next)"]
    assert problem.at("specs").startswith("specs/a.md:2:7: role: unknown role 'bakend'")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"", "is empty"),
        (b"---\nrole: qa\n---\n" + b"x" * 300_000, "is larger than 256 KiB"),
        (b"\x00\x01\x7fELF", "may not be in a plan"),
        (b"---\nrole: qa\nowns: &a [x]\nverify: [*a, *a]\n---\nx\n", "the anchor '&a' is refused"),
        (b"---\nrole: " + b"[" * 50 + b"\n---\nx\n", "is nested deeper than 20"),
        (b"---\nrole: !!python/object:os.system x\n---\nx\n", "is refused"),
        (b"---\nrole: qa\n...\nrole: qa\n---\nx\n", "did not find expected <document start>"),
    ],
)
def test_a_hostile_file_is_one_clear_mistake_and_says_which_it_is(bad: bytes, said: str) -> None:
    shown = mistakes_of(folder(bad=bad, good=MODEL.replace("role:", "needs: [bad]\nrole:")))

    assert said in shown[0]
    assert all(line.startswith("specs/bad.md:") for line in shown), shown


def test_a_folder_without_tasks_says_so() -> None:
    assert "holds no task" in mistakes_of(folder())[0]


def test_line_ends_marks_and_boxes_do_not_change_what_is_asked() -> None:
    def hashes(text: bytes) -> list[str]:
        plan = plan_from(folder(cart=text, model=MODEL))
        return [task.spec_hash for task in expand(plan, merge_crews(plan.crew)).tasks]

    text = CART.encode()
    same = (
        b"\xef\xbb\xbf" + text,
        text.replace(b"\n", b"\r\n"),
        text.replace(b"\n", b"\r"),
        text.rstrip(b"\n"),
        text.replace(b"[ ]", b"[x]"),
        text.replace(b"status: landed", b"status: failed\nbranch: x\ncommit: y"),
    )

    assert [hashes(one) for one in same] == [hashes(text)] * len(same)
    assert hashes(text.replace(b"Few", b"Many")) != hashes(text)


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), max_size=60)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        words | st.sampled_from(["# T", "## Goals", "- x", "```", "  ", "a: b", "---", "&a *b", "no"]), max_size=12
    )
)
def test_the_text_on_the_page_says_the_same_plan(lines: list[str]) -> None:
    specs = folder(a="---\nrole: qa\n---\nx\n" + "\n".join(lines))
    try:
        document = read_specs(specs, source="specs")
        plan = plan_of(document, source="specs")
    except PlanError:
        return

    assert parse_plan(plan_text(document)) == plan
