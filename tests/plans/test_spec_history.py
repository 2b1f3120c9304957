"""What is written into a spec can be taken out again to the byte, and changes nothing that the spec says."""

import re
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from plait.plans.specs.front_matter import HISTORY_HEAD, HISTORY_HEADING, HISTORY_RULE
from plait.plans.specs.spec_folder import SpecFile, read_spec
from plait.plans.specs.spec_history import MOST_ROWS, HistoryRow, SpecRecord, with_record

ROW = HistoryRow(
    run="cart-1120-231502-a3f", when="2026-11-20 23:15 UTC", state="landed", tries=1, commit="0123456789ab", note=""
)
RECORD = SpecRecord(status="landed", branch="feature/cart/agent/qa/A", commit="1234567890" * 4, row=ROW)
FAILED = SpecRecord(
    status="failed", branch=None, commit=None, row=replace(ROW, run="cart-2", state="failed", note="no")
)
PLAIN = b"---\nrole: qa\n---\nDo it.\n"

ENDS = ("\n", "\r\n", "\r")
FRONT = (
    "role: qa",
    "role:   qa   # who",
    "# a comment",
    "",
    "needs: [a,",
    "  b]",
    "title: |",
    "  status: no key",
    "  # no comment",
    "title: 'it''s'",
    'title: "x',
    'y"',
    "status: todo",
    "status: 'todo'   # by hand",
    "status:",
    "status:  # todo",
    "status: in",
    "  work",
    "branch: &a x",
    "commit : 12",
    "'status': x",
    "? role",
    ": qa",
    "...",
    "{role: qa}",
    "issue: 12",
    "prompt: |+",
    "é: ü",
)
BODY = (
    "Do it.",
    "# Title",
    "## Success criteria",
    "- one",
    "  and more",
    "## History",
    HISTORY_HEADING + "  ",
    HISTORY_HEAD,
    HISTORY_RULE,
    "| cart-1 | then | landed | 1 | abc |  |",
    "| cart-1120-231502-a3f | then | failed | 2 | abc | why \\| not |",
    "```",
    "~~~~ text",
    "<!--",
    "    ## History",
    "",
    "  ",
    "---",
    "trailing  ",
    "\u2028 odd \x85",
)


@st.composite
def specs(draw: st.DrawFn) -> bytes:
    """Files that are specs, or nearly: any ends of lines, with and without a mark first and a line end last."""
    indent = draw(st.sampled_from(("", "", " ")))
    front = draw(st.lists(st.sampled_from(FRONT), max_size=5))
    lines = [
        "---",
        *(indent + line for line in ["role: qa", *front]),
        "---",
        *draw(st.lists(st.sampled_from(BODY), max_size=12)),
    ]
    mixed = draw(st.booleans())
    end = draw(st.sampled_from(ENDS))
    text = "".join(line + (draw(st.sampled_from(ENDS)) if mixed else end) for line in lines)
    return (draw(st.sampled_from(("", "\ufeff"))) + text[: draw(st.sampled_from((None, None, -1)))]).encode()


@settings(max_examples=600, deadline=None)
@given(specs(), st.sampled_from((RECORD, FAILED, replace(RECORD, row=None))))
@example(b"---\nrole: qa\n---", RECORD)
@example(b"\xef\xbb\xbf---\r\nrole: qa\r\n---\r\nDo it.", RECORD)
@example(b"---\nrole: qa\n---\nDo it.\n\n\n", RECORD)
@example(b"---\nrole: qa\nstatus:  # todo\n---\nDo it.\n", RECORD)
@example(b"---\nrole: qa\n---\n```\nDo it.\n", RECORD)
def test_a_record_says_nothing_new_and_is_written_once(content: bytes, record: SpecRecord) -> None:
    before = SpecFile("a.md", content)
    after = with_record(before, record)
    if after is None:
        return

    assert read_spec(after).task == read_spec(before).task
    assert read_spec(after).record == {key: value for key, value in record.front.items() if value is not None}
    assert with_record(after, record) == after
    if record.row:
        assert after.content.count(record.row.run.encode()) >= 1


plain_fronts = st.lists(
    st.sampled_from(["# a comment", "", "needs: [a,\n  b]", "title: |\n  status: no key", "issue: 12"]), unique=True
)
plain_bodies = st.lists(
    st.sampled_from([*(line for line in BODY if "|" not in line and "`" not in line and "~" not in line)]), max_size=8
)


@settings(max_examples=400, deadline=None)
@given(plain_fronts, plain_bodies, st.sampled_from(ENDS), st.sampled_from(("", "\ufeff")), st.booleans())
def test_what_was_written_can_be_taken_out_to_the_byte(
    front: list[str], body: list[str], end: str, mark: str, ended: bool
) -> None:
    text = mark + "\n".join(["---", "role: qa", *front, "---", "Do it.", *body]) + ("\n" if ended else "")
    original = text.replace("\n", end).encode()

    once = with_record(SpecFile("a.md", original), RECORD)
    assert once is not None
    twice = with_record(once, FAILED)
    assert twice is not None

    for written in (once, twice):
        assert _without(written.content, end) == original


def _without(content: bytes, end: str) -> bytes:
    """Cut out again what is known to stand there."""
    text = content.decode()
    for key in ("status", "branch", "commit"):
        text = re.sub(rf"(?<=[\r\n]){key}: [^\r\n]*{end}(?=(?:(?!---)[^\r\n]*{end})*---)", "", text, count=1)
    at = text.rindex(f"{HISTORY_HEADING}{end}{end}{HISTORY_HEAD}")
    table = text[at:]
    assert table.replace(end, "\n").rstrip("\n").split("\n")[3] == HISTORY_RULE
    return text[: at - len(end) * (1 if table.endswith(end) else 2)].encode()


def written(content: bytes, record: SpecRecord) -> str:
    file = with_record(SpecFile("a.md", content), record)
    assert file is not None
    return file.content.decode()


def test_the_newest_run_is_last_and_a_run_has_one_row() -> None:
    second = replace(FAILED, row=replace(ROW, run="cart-2", state="failed", tries=3, note="a|b <i> `c` [d](e)\nf"))
    text = written(written(written(PLAIN, RECORD).encode(), second).encode(), second)

    rows = text[text.index(HISTORY_RULE) :].splitlines()[1:]
    assert rows == [
        "| cart-1120-231502-a3f | 2026-11-20 23:15 UTC | landed | 1 | 0123456789ab |  |",
        "| cart-2 | 2026-11-20 23:15 UTC | failed | 3 | 0123456789ab | a\\|b \\<i> \\`c\\` \\[d](e) f |",
    ]
    assert text.startswith("---\nrole: qa\nstatus: failed\n---\n")


def test_rows_are_added_where_the_table_is_and_text_below_it_stays() -> None:
    below = written(PLAIN, RECORD).encode() + b"\n## Notes\n\nAdded later.\n"

    text = written(below, FAILED)

    assert text.endswith("| no |\n\n## Notes\n\nAdded later.\n")
    assert text.count(HISTORY_HEADING) == 1


def test_the_history_does_not_grow_without_end() -> None:
    content = PLAIN
    for number in range(MOST_ROWS + 3):
        content = written(content, replace(RECORD, row=replace(ROW, run=f"run-{number}"))).encode()

    rows = content.decode().split(HISTORY_RULE)[1].split()
    assert rows.count("landed") == MOST_ROWS
    assert "run-2" not in rows
    assert rows.index("run-3") < rows.index(f"run-{MOST_ROWS + 2}")


def test_values_are_replaced_in_their_lines_and_comments_stay() -> None:
    text = written(b"---\nstatus :  'todo'  # mine\nrole: qa\n---\nDo it.\n", RECORD)

    assert text.startswith(
        "---\nstatus :  landed  # mine\nrole: qa\nbranch: feature/cart/agent/qa/A\ncommit: '1234567890"
    )


def test_what_cannot_be_written_into_is_left_alone() -> None:
    for content in (
        b"---\nrole: qa\n---\n```\nan open block\n",
        b"---\n{role: qa}\n---\nDo it.\n",
        b"---\nrole: qa\nstatus: |\n  todo\n---\nDo it.\n",
        b"Do it.\n",
        b"\xff",
    ):
        assert with_record(SpecFile("a.md", content), RECORD) is None
