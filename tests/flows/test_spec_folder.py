"""Folders of specs as they lie on a disk: in order, and hostile."""

import os
from pathlib import Path

import pytest

from plait.flows.inputs.given_files import read_spec_folder
from plait.flows.inputs.parameters import brief_from_parameters
from plait.flows.inputs.requests import read_brief, read_crew_file, read_plan_file
from plait.plans.errors import CallError, PlanError
from plait.plans.language.parsing import parse_plan
from plait.plans.specs.spec_folder import SpecFolder
from tests.support.repositories import write_file

SPEC = "---\nrole: qa\n---\nDo it.\n"


def mistakes_of(folder: Path) -> list[str]:
    with pytest.raises(PlanError) as refused:
        read_brief(read_plan_file(folder), source="specs", crew=None, folder=folder.parent)
    return str(refused.value).splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_file(tmp_path / "shop" / "specs" / "a.md", SPEC)
    return tmp_path / "shop" / "specs"


def test_specs_are_read_in_the_order_that_people_count_in(folder: Path) -> None:
    for name in ("10-last.md", "2-first.MD", "README.md", "_template.md", ".hidden.md", "notes.txt", "sub/b.md"):
        write_file(folder / name, SPEC)

    read = read_plan_file(folder)

    assert isinstance(read, SpecFolder)
    assert [file.name for file in read.specs] == ["2-first.MD", "10-last.md", "a.md"]


def test_a_folder_makes_a_brief_like_any_plan(folder: Path) -> None:
    write_file(folder / "plan.yml", "feature: cart\n")

    brief = read_brief(read_plan_file(folder), source="specs", crew=None, folder=folder.parent)

    assert (brief.plan.feature, brief.folder) == ("cart", folder)
    assert brief.specs == {"a": folder / "a.md"}
    assert parse_plan(brief.text) == brief.plan


def test_each_hostile_file_is_one_mistake(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text(SPEC)
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "gone.md").symlink_to(tmp_path / "gone.md")
    (folder / "dir.md").mkdir()
    os.mkfifo(folder / "pipe.md")
    with (folder / "huge.md").open("wb") as huge:
        huge.truncate(10_000_000_000)
    write_file(folder / "b.md", SPEC.replace("role", "id: A\nrole"))
    write_file(folder / "line\nbreak.md", SPEC)
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.md"))).write_text(SPEC)
    write_file(folder / "plan.yaml", "feature: x\n")
    write_file(folder / "plan.yml", "feature: y\n")

    shown = mistakes_of(folder)

    assert {line.split("/")[1].split(":")[0]: line.partition(": ")[2] for line in shown} == {
        "link.md": "is a symbolic link (copy the file here: a link may lead out of the folder)",
        "gone.md": "is a symbolic link (copy the file here: a link may lead out of the folder)",
        "dir.md": "is not a plain file",
        "pipe.md": "is not a plain file",
        "huge.md": "is larger than 256 KiB",
        "b.md": "id: 'A' is already the id of specs/a.md as 'a': only their case differs",
        "'line\\nbreak.md'": "has characters in its name that cannot be shown (rename it)",
        "'\\udcff.md'": "has characters in its name that cannot be shown (rename it)",
        "plan.yml": "stands beside plan.yaml: which one is the plan?",
    }
    assert all(line.isprintable() for line in shown)


def test_ten_thousand_files_are_one_mistake(folder: Path) -> None:
    for number in range(10_000):
        (folder / f"{number}.md").touch()

    assert mistakes_of(folder) == [f"{folder}: holds more than 2,000 specs"]


def test_much_text_in_many_files_is_one_mistake(folder: Path) -> None:
    for number in range(30):
        (folder / f"{number}.md").write_bytes(b"x" * 250_000)

    assert mistakes_of(folder) == [f"{folder}: holds more than 4 MiB of specs"]


def test_a_folder_is_no_crew_and_one_that_is_not_there_is_no_plan(folder: Path) -> None:
    with pytest.raises(CallError, match="is a directory"):
        read_crew_file(folder)
    with pytest.raises(CallError, match="there is no file"):
        read_plan_file(folder / "gone")
    with pytest.raises(CallError, match="cannot read"):
        read_spec_folder(folder / "gone")


def test_the_form_on_the_page_takes_a_folder_of_the_repository_and_no_other(folder: Path, tmp_path: Path) -> None:
    shop = folder.parent
    (shop / "link").symlink_to(tmp_path / "elsewhere")
    write_file(tmp_path / "elsewhere" / "a.md", SPEC)

    place, brief = brief_from_parameters("specs/", str(shop), "", given=None)

    assert (place, brief.plan.feature, brief.specs) == (shop, "shop", {"a": folder / "a.md"})
    for path in ("link", "../elsewhere"):
        with pytest.raises(CallError, match="outside the repository"):
            brief_from_parameters(path, str(shop), "", given=None)


def test_the_example_is_a_plan() -> None:
    example = Path(__file__).parents[2] / "examples" / "specs"

    brief = read_brief(read_plan_file(example), source="specs", crew=None, folder=example.parent)

    assert (brief.plan.feature, list(brief.specs)) == ("discounts", ["1-rules", "2-prices"])
    assert brief.plan.tasks[1].criteria
