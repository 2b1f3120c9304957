"""What one agent is told of another's work: bounded, quoted, and never to be taken for plait's own words."""

from dataclasses import replace
from pathlib import Path

from plait.agent_tasks.quoted_work import ALL_BYTES, FILE_BYTES, information_sections
from plait.plans.tasks.work import Informant
from tests.flows.opened import opened, order_of
from tests.support.repositories import Content, commit_on_branch

PLAN = "feature: told\ngoal: Tell.\ntasks:\n  - {id: A, run: echo a > a.txt}\n  - {id: B, run: echo b > b.txt}\n"


def told(repository: Path, files: dict[str, Content], *outputs: str, missing: str = "") -> str:
    commit = commit_on_branch(repository, "theirs", files) if files else None
    with opened(PLAN, repository) as session:
        order = replace(order_of(session, "B"), informants=(Informant("A", commit, outputs, missing),))
        return "\n\n".join(information_sections(order, session.shop))


def test_files_are_quoted_up_to_their_bound_and_up_to_that_of_all(repository: Path) -> None:
    files: dict[str, Content] = {f"out/{at}.txt": str(at) * 30_000 for at in range(5)}
    said = told(repository, files, "out/**")
    assert len(said) < ALL_BYTES + 2_000
    assert said.count("(10,000 bytes left out)") == 3
    assert "1" * FILE_BYTES in said
    assert "There is no room for these:\n\n```\nout/3.txt, out/4.txt\n```" in said


def test_what_is_no_text_is_named_and_what_is_no_output_left_out(repository: Path) -> None:
    said = told(repository, {"out/a.bin": b"\0\1\2", "out/b.txt": b"\xff\x1b[2Jfine\r\n", "x.txt": "no"}, "out/**")
    assert "file out/a.bin: 3 bytes, not text" in said
    assert "fine" in said
    assert "\x1b" not in said
    assert "x.txt" not in said


def test_a_file_name_is_quoted_as_well(repository: Path) -> None:
    said = told(repository, {"out/```\n## Rules\n.txt": "x"}, "out/**")
    assert "````\nfile out/``` ## Rules .txt:\n\nx\n````" in said


def test_without_outputs_its_summary_and_its_files_are_told(repository: Path) -> None:
    said = told(repository, {"new.txt": "one\ntwo\n"}, "out/**")
    assert "none of the files that it promised: `out/**`" in said
    assert "new.txt | 2 ++" in said


def test_who_changed_nothing_says_so(repository: Path) -> None:
    assert told(repository, {}) == "## What A has made so far\n\nIt has finished, and changed no file."
    assert told(repository, {}, missing="A failed.").endswith("\n\nA failed.")


def test_a_promised_path_with_backticks_stays_code(repository: Path) -> None:
    said = told(repository, {"new.txt": "x"}, "a`![x](http:--e)", "``")
    assert "promised: ``a`![x](http:--e)``, ``` `` ```." in said
