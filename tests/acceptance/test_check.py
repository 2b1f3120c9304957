"""`plait check` as a process: what it finds, how it says it, its exit codes, and how fast it is."""

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files

CREW = "crew: {backend: {slots: 2, backend: command, command: [git]}}\n"
CLEAN = f"""\
feature: x
tasks:
  - {{id: A, role: backend, owns: [src/a.py], prompt: Write the first part.}}
  - {{id: B, role: backend, owns: [src/b.py], prompt: Write the second part.}}
integration: {{verify: [make test]}}
{CREW}"""
DOUBTFUL = CLEAN.replace("src/b.py", "src/a.py")
HOPELESS = CLEAN.replace(", command: [git]", "")
CIRCLE = "feature: x\ntasks:\n  - {id: A, run: x, needs: [B]}\n  - {id: B, run: x, needs: [A]}\n"


def test_a_finding_is_one_line_with_its_place_and_a_hint(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = write_plan(DOUBTFUL)

    ended = plait("check", str(plan), cwd=tmp_path)

    lines = ended.stdout.splitlines()
    assert ended.status == 0
    assert lines[0] == f"{plan}:4:35: PLAN103 A and B may both change src/a.py"
    assert lines[1].startswith("  hint: ")
    assert lines[2] == f"{plan}: 2 tasks for backend; 1 warning"
    assert ended.stderr == ""


def test_a_mistake_is_told_with_its_code_too(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = write_plan(CIRCLE)

    ended = plait("check", str(plan), cwd=tmp_path)

    lines = ended.stderr.splitlines()
    assert lines[0].startswith(f"error: {plan}:3:29: PLAN005 tasks[0].needs[0]: the needs go in a circle: A -> B -> A")
    assert lines[1] == "  hint: `plait check --explain PLAN005` says why, and what to do"


def test_what_plait_decides_by_itself_is_a_note_and_no_warning(tmp_path: Path, write_plan: WritePlan) -> None:
    contract = CLEAN.replace("tasks:", "contracts: [{id: api, files: [api.yaml]}]\ntasks:")
    plan = write_plan(contract.replace("owns: [src/b.py]", "needs: [{contract: api}], owns: [src/b.py]"))

    ended = plait("check", str(plan), cwd=tmp_path)

    assert ended.status == 0
    assert ended.stderr.startswith("note: contract-api writes the contract api")


def test_what_a_preset_would_run_here_is_a_note(repository: Path, write_plan: WritePlan) -> None:
    commit_files(repository, {"go.mod": "module shop\n"})
    plan = write_plan(CLEAN.replace("[make test]", "{preset: auto}"))

    checked = plait("check", str(plan), cwd=repository)
    dry = plait("run", str(plan), "--dry-run", "--json", cwd=repository)

    told = "integration.verify: preset auto runs syntax: go vet ./... · tests: go test ./..."
    assert (checked.status, checked.stderr) == (0, f"note: {told}\n")
    assert json.loads(dry.stdout)["presets"] == [told]


@pytest.mark.parametrize(
    ("text", "arguments", "status"),
    [
        (CLEAN, [], 0),
        (CLEAN, ["--strict"], 0),
        (DOUBTFUL, [], 0),
        (DOUBTFUL, ["--strict"], 1),
        (DOUBTFUL, ["--strict", "--json"], 1),
        (DOUBTFUL, ["--strict", "--ignore", "PLAN103"], 0),
        (DOUBTFUL, ["--strict", "--ignore", "PLAN4,PLAN1"], 0),
        (DOUBTFUL, ["--strict", "--select", "PLAN2", "--select", "PLAN3"], 0),
        (HOPELESS, [], 2),
        (CIRCLE, [], 2),
        (CIRCLE, ["--format", "sarif"], 2),
        (CLEAN, ["--select", "F401"], 2),
        (CLEAN, ["--json", "--format", "sarif"], 2),
        (CLEAN, ["--format", "xml"], 2),
    ],
)
def test_the_exit_code_says_how_it_went(
    tmp_path: Path, write_plan: WritePlan, text: str, arguments: list[str], status: int
) -> None:
    ended = plait("check", str(write_plan(text)), *arguments, cwd=tmp_path)
    assert ended.status == status, ended.stderr
    assert "Traceback" not in ended.stderr


def test_json_has_the_findings_and_what_is_silenced(tmp_path: Path, write_plan: WritePlan) -> None:
    silence = "lint: {ignore: [{code: PLAN103, tasks: [A, B], reason: both only append}]}\n"
    found = plait("check", str(write_plan(DOUBTFUL)), "--json", cwd=tmp_path).data
    quiet = plait("check", str(write_plan(DOUBTFUL + silence)), "--format", "json", "--strict", cwd=tmp_path).data

    (finding,) = found["findings"]
    assert found["ok"] is True
    assert (finding["code"], finding["name"], finding["severity"]) == ("PLAN103", "overlapping-owns", "warning")
    assert (finding["line"], finding["column"], finding["path"]) == (4, 35, "tasks[1].owns[0]")
    assert finding["tasks"] == ["A", "B"]
    assert quiet["findings"] == []
    assert [one["reason"] for one in quiet["silenced"]] == ["both only append"]


def test_mistakes_have_codes_in_json_and_sarif(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = str(write_plan(CIRCLE))
    (problem,) = plait("check", plan, "--json", cwd=tmp_path).data["problems"]
    (result,) = plait("check", plan, "--format", "sarif", cwd=tmp_path).data["runs"][0]["results"]

    assert problem["code"] == result["ruleId"] == "PLAN005"
    assert "A -> B -> A" in problem["message"]
    assert "A -> B -> A" in result["message"]["text"]
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_sarif_is_one_log_of_all_findings(tmp_path: Path, write_plan: WritePlan) -> None:
    (tmp_path / ".git").mkdir()  # or files would be named from a repository that happens to be around the tests
    write_plan(DOUBTFUL)

    log = plait("check", "plan.yaml", "--format", "sarif", cwd=tmp_path).data

    (result,) = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert log["version"] == "2.1.0"
    assert result["ruleId"] == "PLAN103"
    assert place["artifactLocation"] == {"uri": "plan.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 4, "startColumn": 35, "endLine": 4, "endColumn": 43}
    assert result["partialFingerprints"]["primaryLocationLineHash"]


def test_sarif_names_files_from_the_root_of_the_repository(repository: Path) -> None:
    plans = repository / "plans"
    plans.mkdir()
    (plans / "plan.yaml").write_text(DOUBTFUL)

    (run,) = plait("check", "plan.yaml", "--format", "sarif", cwd=plans).data["runs"]

    address = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert address == {"uri": "plans/plan.yaml", "uriBaseId": "%SRCROOT%"}
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{repository.as_uri()}/"


def test_sarif_of_a_folder_of_specs_and_of_standard_input_names_what_there_is(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "api.md").write_text("---\nid: API\nrole: backend\n---\n\n## Problem statement\n\nThere is no API yet.\n")

    folder = plait("check", "specs", "--format", "sarif", cwd=tmp_path).data["runs"][0]["results"]
    piped = plait("check", "-", "--format", "sarif", cwd=tmp_path, stdin=DOUBTFUL).data["runs"][0]["results"]

    addresses = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in folder}
    assert addresses == {"specs", "specs/api.md"}
    assert piped[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "-"
    assert piped[0]["partialFingerprints"]


def test_a_role_that_is_nearly_another_is_found_although_nobody_named_a_crew(
    tmp_path: Path, write_plan: WritePlan
) -> None:
    plan = write_plan(CLEAN.replace("id: B, role: backend", "id: B, role: backnd").replace(CREW, ""))

    ended = plait("check", str(plan), "--strict", cwd=tmp_path)

    assert ended.status == 1
    assert ended.stdout.startswith(f"{plan}:4:13: PLAN601 no crew has the role backnd, and backend is nearly the same")


def test_an_approved_contract_is_taken_without_a_word(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = CLEAN.replace("tasks:", "contracts: [{id: api, files: [api.yaml], status: approved}]\ntasks:")
    ended = plait(
        "check",
        str(write_plan(plan.replace("role: backend,", "role: backend, needs: [{contract: api}],"))),
        cwd=tmp_path,
    )

    assert (ended.status, ended.stderr) == (0, "")


def test_keys_that_are_not_carried_out_yet_are_told_once_each(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = CLEAN.replace("role: backend,", "role: backend, locks: [a],")
    ended = plait("check", str(write_plan(plan)), cwd=tmp_path)

    assert ended.stderr.splitlines() == ["warning: not carried out yet: tasks[0].locks, and likewise 1 more"]


def test_the_rules_explain_themselves(tmp_path: Path) -> None:
    page = plait("check", "--rules", cwd=tmp_path)
    one = plait("check", "--explain", "PLAN103", cwd=tmp_path)
    none = plait("check", "--explain", "PLAN999", cwd=tmp_path)
    nothing = plait("check", cwd=tmp_path)

    assert page.stdout.startswith("# What `plait check` finds")
    assert one.stdout.startswith("PLAN103 overlapping-owns (warning)")
    assert "Why: " in one.stdout
    assert (none.status, nothing.status) == (2, 2)
    assert "there is no rule 'PLAN999'" in none.stderr
    assert "which plan?" in nothing.stderr


def test_a_dry_run_says_how_much_lint_found_and_where_to_read_it(repository: Path, write_plan: WritePlan) -> None:
    doubtful = plait("run", str(write_plan(DOUBTFUL)), "--dry-run", "--json", cwd=repository)
    clean = plait("run", str(write_plan(CLEAN)), "--dry-run", cwd=repository)

    assert json.loads(doubtful.stdout)["dry_run"] is True
    assert "lint: 1 warning in " in doubtful.stderr
    assert "plait check" in doubtful.stderr
    assert "lint:" not in clean.stderr


def test_counts_of_agents_are_taken_beside_a_crew_file_and_wrong_roles_refused(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("feature: x\ntasks:\n  - {id: A, role: backend, prompt: build it}\n")

    refused = plait("check", str(plan), "--crew", "bakend=3", cwd=tmp_path)

    assert plait("check", str(plan), "--crew", "backend=3", cwd=tmp_path).status == 0
    assert refused.status == 2
    assert "no task has the role 'bakend'" in refused.stderr
    assert "backend" in refused.stderr.split("hint")[1]


MISTAKEN = """\
feature: x
crew:
  dev: {backend: command, command: [no-such-agent-here, -p]}
  ops: {backend: command, command: [./agent.sh]}
  doc: {backend: command, command: [tools/write.sh]}
  qa: {backend: scripted, script: absent.yaml}
  sec: {backend: scripted, script: odd.yaml}
  web: {backend: command, command: [git, "{model}"]}
  own: {backend: command, command: [./made.sh], setup: [make made.sh]}
tasks:
  - {id: DEV, role: dev, owns: [dev], prompt: Write the first part.}
  - {id: OPS, role: ops, owns: [ops], prompt: Write the second part.}
  - {id: DOC, role: doc, owns: [doc], prompt: Write the third part.}
  - {id: QA, role: qa, owns: [qa], prompt: Write the fourth part.}
  - {id: SEC, role: sec, owns: [sec], prompt: Write the fifth part.}
  - {id: WEB, role: web, owns: [web], prompt: Write the sixth part.}
  - {id: OWN, role: own, owns: [own], prompt: Write the seventh part.}
integration: {verify: [make test]}
"""


def test_agents_that_nobody_could_start_are_found_all_at_once_with_their_places(
    repository: Path, write_plan: WritePlan
) -> None:
    commit_files(repository, {"tools/write.sh": "true\n"})
    plan = write_plan(MISTAKEN)
    odd = plan.with_name("odd.yaml")
    odd.write_text("tasks:\n  SEC: [{steps: [{wirte: {path: sec, text: x}}]}]\n", encoding="utf-8")

    ended = plait("check", str(plan), "--json", "--select", "PLAN0", cwd=repository)
    refused = plait("run", str(plan), cwd=repository)

    findings = {(finding["line"], finding["code"]): finding["message"] for finding in ended.data["findings"]}
    assert ended.status == refused.status == 2
    assert findings[3, "PLAN010"] == "the program of the role dev was not found: no-such-agent-here"
    assert findings[4, "PLAN010"] == "the program of the role ops is not in the repository: ./agent.sh"
    assert findings[5, "PLAN010"] == "the program of the role doc is not executable: tools/write.sh"
    assert findings[6, "PLAN011"].startswith("the script of the role qa cannot be read")
    assert findings[2, "PLAN011"] == "unknown key 'wirte'"
    assert findings[8, "PLAN009"] == "the role web has no agent: its command wants {model}, but the role names none"
    assert len(findings) == 6
    for message in findings.values():
        assert message in refused.stderr


def test_what_is_missing_on_this_machine_alone_can_be_left_out(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = str(write_plan(CLEAN.replace("[git]", "[no-such-agent-here]")))

    assert plait("check", plan, cwd=tmp_path).status == 2
    assert plait("check", plan, "--ignore", "PLAN010", cwd=tmp_path).status == 0
    assert plait("run", plan, "--repo", str(tmp_path), cwd=tmp_path).status in (2, 3)


def test_the_program_in_a_shells_line_is_looked_for_as_any_agents_is(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = CLEAN.replace("[git]", '[sh, -c, "cd . && X=1 no-such-agent-here -p < in"]')
    made = plan.replace("crew: {", "crew: {setup: [make agent], ")

    missing = plait("check", str(write_plan(plan)), cwd=tmp_path)

    assert missing.status == 2
    assert "PLAN010 the program of the role backend was not found: no-such-agent-here" in missing.stdout
    assert plait("check", str(write_plan(made)), cwd=tmp_path).status == 0


def test_programs_of_checks_that_are_not_here_are_told_and_are_no_mistake_of_the_plan(
    tmp_path: Path, write_plan: WritePlan
) -> None:
    plan = CLEAN.replace("integration: {verify: [", "integration: {verify: [no-such-checker -q, ")
    assert plan != CLEAN

    ended = plait("check", str(write_plan(plan)), cwd=tmp_path)

    assert ended.status == 0, ended.stdout
    assert (
        "note: no-such-checker is not on the PATH: `no-such-checker -q` of integration.verify needs it, and a run here "
        "would be refused" in ended.stderr
    )


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ('[cat, "{prompt}"]', "unknown placeholder {prompt}: there are {prompt_file}, {task}, {model}, {directory}"),
        ('[cat, "--file={prompt_file}"]', "{prompt_file} must be an argument of its own"),
        (
            '[cat, "--file={prompt}"]',
            "unknown placeholder {prompt} in '--file={prompt}'; did you mean '{prompt_file}'?",
        ),
        ('["{task}"]', "the program must be named"),
    ],
)
def test_a_command_that_no_run_could_use_is_a_mistake_of_plan_and_crew_file_alike(
    tmp_path: Path, write_plan: WritePlan, command: str, told: str
) -> None:
    plan = write_plan(CLEAN.replace("[git]", command))
    crew = write_plan(f"backend: {{backend: command, command: {command}}}\n", "crew.yaml")

    inside = plait("check", str(plan), cwd=tmp_path)
    beside = plait("check", str(write_plan(CLEAN.replace(CREW, ""), "p.yaml")), "--crew", str(crew), cwd=tmp_path)

    assert inside.status == beside.status == 2
    assert f"{plan}:6:" in inside.stderr
    assert told in inside.stderr
    assert f"{crew}:1:" in beside.stderr
    assert told in beside.stderr


def test_a_program_that_a_crew_file_names_is_told_at_its_place_there(tmp_path: Path, write_plan: WritePlan) -> None:
    crew = write_plan("backend: {backend: command, command: [no-such-agent-here]}\n", "crew.yaml")
    plan = write_plan(CLEAN.replace(CREW, ""))

    ended = plait("check", str(plan), "--crew", str(crew), cwd=tmp_path)

    assert ended.status == 2
    assert ended.stdout.startswith(f"{crew}:1:38: PLAN010 the program of the role backend was not found")


def test_a_plan_without_a_crew_is_told_that_nobody_would_carry_it_out(tmp_path: Path) -> None:
    plait("new", "cart", cwd=tmp_path)

    ended = plait("check", "plan.yaml", cwd=tmp_path)

    assert ended.status == 0
    assert "yet, and a run is refused without a crew" in ended.stderr
    assert "command: [claude, -p" in ended.stderr
