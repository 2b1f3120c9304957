"""What git remembers of contracts: a ref for each version, so that an approval outlives the run that asked for it."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from plait.plans.errors import CallError
from plait.plans.names import check_slug
from plait.plans.paths import matches
from plait.plans.tasks.planned_contracts import PlannedContract, Record, newest
from plait.workspace.control import Control
from plait.workspace.errors import RefMoved
from plait.workspace.git import ZERO
from plait.workspace.trailers import body_of, message_with_trailers, read_trailers

_RECORDS = "refs/plait/contracts/"
_OBJECT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def read_records(control: Control, feature: str) -> dict[str, tuple[Record, ...]]:
    """The records of all contracts of a feature, by contract, oldest version first."""
    records: dict[str, list[Record]] = {}
    for ref, oid in control.target.refs(f"{_RECORDS}{feature}/").items():
        record = _read(control, oid)
        if record is not None and ref == _ref(feature, record):
            records.setdefault(record.contract, []).append(record)
    return {name: tuple(sorted(of, key=lambda record: record.version)) for name, of in records.items()}


def write_record(control: Control, feature: str, record: Record, *, run: str, date: str) -> Record:
    """Put a record in the place of the one that `record.oid` names, or of none, and give it with its own `oid`.

    Raises:
        RefMoved: there is another by now.
    """
    trailers = {
        "Plait-Feature": feature,
        "Plait-Contract": record.contract,
        "Plait-Version": str(record.version),
        "Plait-Status": record.status,
        "Plait-Content": record.content,
        "Plait-Commit": record.commit,
        **({"Plait-Owner": record.owner} if record.owner else {}),
        **({"Plait-By": record.by} if record.by else {}),
        "Plait-Run": run,
    }
    subject = f"The contract {record.contract} v{record.version} is {record.status}"
    message = message_with_trailers(subject, record.reason, trailers)
    tree = control.store.tree_of(record.commit)
    # The contract's commit is its parent: the record alone keeps it from the garbage collection.
    oid = control.store.commit_tree(tree, (record.commit,), message, date=date)
    control.move_ref(_ref(feature, record), oid, record.oid or ZERO, reason=f"plait: {subject}")
    return replace(record, oid=oid)


def forget_records(control: Control, feature: str, *, run: str) -> None:
    """Let a feature begin without agreements; what there was is kept below `refs/plait/old/<run>/`."""
    for ref, oid in control.target.refs(f"{_RECORDS}{feature}/").items():
        kept = ref.removeprefix(f"{_RECORDS}{feature}/")
        control.target.set_ref(f"refs/plait/old/{run}/contracts/{kept}", oid, reason="plait: starting over")
        control.target.delete_ref(ref)


def answer(control: Control, feature: str, contract: str, *, by: str, rejected: str | None, date: str) -> Record:
    """A person approves the draft that waits, or rejects it with a reason.

    Raises:
        CallError: nothing of that name waits for a person, or it has changed meanwhile.
    """
    records = read_records(control, feature)
    last = newest(records.get(contract, ()))
    if last is None:
        waiting = [name for name, of in records.items() if of[-1].status == "draft"]
        raise CallError(
            f"no contract {contract} of {feature} has been written yet",
            hint=f"these wait: {', '.join(waiting)}" if waiting else "see `plait contracts`",
        )
    if last.status != "draft":
        how = f" by {last.by}" if last.by else ""
        raise CallError(f"the contract {last.contract} v{last.version} is already {last.status}{how}")
    given = replace(last, status="approved" if rejected is None else "rejected", by=by, reason=rejected or "")
    try:
        return write_record(control, feature, given, run="by hand", date=date)
    except RefMoved:
        raise CallError(f"the contract {contract} has changed meanwhile", hint="look at it again") from None


def contract_content(control: Control, tree: str, contract: PlannedContract) -> str:
    """A hash of the files and the mock that a commit or tree has of a contract."""
    entries = [entry for entry in _entries(control, tree) if matches(entry[1], (*contract.files, *contract.mock))]
    return hashlib.sha256(json.dumps(entries).encode("ascii")).hexdigest()


def missing_of(control: Control, tree: str, contract: PlannedContract) -> tuple[str, ...]:
    """Files and mocks that the contract promises and a commit or tree does not have."""
    return missing_patterns(control, tree, (*contract.files, *contract.mock))


def missing_patterns(control: Control, tree: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """Those of some patterns that no file of a commit or tree matches."""
    paths = [path for _, path in _entries(control, tree)] if patterns else []
    return tuple(pattern for pattern in patterns if not any(matches(path, (pattern,)) for path in paths))


def require_on_base(control: Control, base: str, contracts: Iterable[PlannedContract]) -> None:
    """Refuse a plan that takes contracts as written which the base does not have.

    Raises:
        CallError: files of them are missing.
    """
    for contract in contracts:
        missing = missing_of(control, base, contract) if contract.owner is None else ()
        if missing:
            raise CallError(
                f"the contract {contract.id} is approved and has no owner, but the base has no file {missing[0]}",
                hint="commit it to the base, or take its status away: then a task writes it",
            )


def _entries(control: Control, tree: str) -> list[tuple[str, str]]:
    """Mode and object name, and the path, of each file."""
    listed = control.store.ask("ls-tree", "-r", "-z", "--full-tree", tree).records
    return [(facts, path) for facts, _, path in (record.partition("\t") for record in listed)]


def _read(control: Control, oid: str) -> Record | None:
    """The record that an object is; nothing when it is none of ours: its words end in commands and on pages."""
    content = control.store.run("cat-file", "commit", oid).stdout.decode("utf-8", "replace")
    trailers = read_trailers(content)
    try:
        version, status, words = int(trailers["Plait-Version"]), trailers["Plait-Status"], "".join(trailers.values())
        if status not in ("draft", "approved", "rejected") or not words.isprintable():
            return None
        if not _OBJECT.fullmatch(trailers["Plait-Commit"]):
            return None
        return Record(
            contract=check_slug(trailers["Plait-Contract"]),
            version=version,
            status=status,  # type: ignore[arg-type]  # one of the three, as was just seen
            commit=trailers["Plait-Commit"],
            content=trailers["Plait-Content"],
            by=trailers.get("Plait-By", ""),
            owner=trailers.get("Plait-Owner", ""),
            reason=body_of(content),
            oid=oid,
        )
    except (KeyError, ValueError):
        return None


def _ref(feature: str, record: Record) -> str:
    return f"{_RECORDS}{feature}/{record.contract}/v{record.version}"
