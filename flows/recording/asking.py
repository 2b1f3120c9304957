"""Asks on the Prefect page what only a person can say: what waits for that, its text, and where to answer."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from plait.agent_tasks.quoted_work import quoted_work
from plait.agent_tasks.workshop import Workshop
from plait.flows.recording.artifacts import artifact_key, publish_question
from plait.flows.running.watching import Watcher
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.reviews import ReviewRecord
from plait.plans.tasks.work import Informant
from plait.plans.wording import approve_command, fenced, in_code, land_command, markdown
from plait.workspace.errors import GitFailed
from plait.workspace.review_diffs import reviewed_changes

ANSWERS = "answer-contract/answer-contract"
"""The deployment that an answer is given by."""

LANDS = "land-feature/land-feature"
"""The deployment that brings a feature onto base."""

_LOG = logging.getLogger("plait")


@dataclass(slots=True)
class Asking(Watcher):
    """Puts each draft that waits for a person on the page once, and what came of it when it was answered."""

    shop: Workshop
    is_shown: bool = True
    """Not where nobody can look, as beside a server that dies with the run."""

    def asked(self, draft: Record) -> None:
        """Ask what has not been asked yet."""
        if self.is_shown:
            self._publish(draft.contract, "\n\n".join(self._question(draft)))

    def asked_to_land(self, outcome: BaseOutcome) -> None:
        """Ask whether a finished feature is to go onto base."""
        if self.is_shown:
            text = "\n\n".join(self._landing(outcome))
            publish_question(artifact_key(self.shop.feature, "landing"), text, description=f"{outcome.feature} on base")

    def _landing(self, outcome: BaseOutcome) -> Iterator[str]:
        feature, deployment = self.shop.feature, _deployment(LANDS)
        yield f"# {feature} waits for you to land it on {markdown(outcome.base)}"
        yield "All of its tasks are on its own branch, tested together. It is tested again with base as that is then."
        if deployment is not None:
            given = {"repository": str(self.shop.control.common_dir), "feature": feature}
            yield f"**[Land it]({_form(deployment, given)})**"
        else:
            yield f"The deployment `{LANDS}` is not on this server: `plait deploy` puts it there."
        yield f"Or on the worker's machine: `{land_command(feature)}`, with `--dry-run` to see what would happen."

    def answered(self, contract: str, record: Record | None) -> None:
        """Say what came of it."""
        if self.is_shown and record is not None and record.by:
            words = f"The contract `{contract}` v{record.version} was {record.status} by {markdown(record.by)}."
            self._publish(contract, words)

    def asked_of_work(self, record: ReviewRecord) -> None:
        """Ask whether work is good that its reviewer has not approved."""
        if self.is_shown:
            self._publish_work(record.task, "\n\n".join(self._work(record)))

    def work_answered(self, task: str, says: str) -> None:
        """Say what came of that."""
        if self.is_shown:
            self._publish_work(task, f"The work of {in_code(task)}: {markdown(says)}.")

    def _publish_work(self, task: str, text: str) -> None:
        key = artifact_key(self.shop.feature, f"review-{task}")
        publish_question(key, text, description=f"The work of {task} of {self.shop.feature}")

    def _work(self, record: ReviewRecord) -> Iterator[str]:
        feature, task = self.shop.feature, record.task
        yield f"# The work of {in_code(task)} of {feature} waits for you"
        yield f"Nobody has approved it (`{record.commit[:10]}`), and what needs it waits."
        links = self._links(task)
        if links:
            yield " · ".join(f"**[{words}]({url})**" for words, url in links)
        else:
            yield f"The deployment `{ANSWERS}` is not on this server: `plait deploy` puts it there."
        yield f"Or on the worker's machine: `{approve_command(feature, task)}`, with `--reject 'REASON'`."
        yield f"## Why\n\n{fenced(record.reason)}"
        try:
            made = reviewed_changes(self.shop.control, record.commit, task, approved=record.approved or None)
        except GitFailed as problem:
            yield f"What it has changed cannot be shown: {markdown(str(problem))}"
            return
        yield f"## What it has changed\n\n{fenced(made.text)}"

    def _publish(self, contract: str, text: str) -> None:
        key = artifact_key(self.shop.feature, f"contract-{contract}")
        publish_question(key, text, description=f"The contract {contract} of {self.shop.feature}")

    def _question(self, draft: Record) -> Iterator[str]:
        feature, name = self.shop.feature, draft.contract
        yield f"# The contract {name} v{draft.version} of {feature} waits for you"
        owner, commit = in_code(draft.owner), draft.commit[:10]
        yield f"{owner} has written it (`{commit}`). What rests on it starts once it is approved."
        links = self._links(draft.contract)
        if links:
            yield " · ".join(f"**[{words}]({url})**" for words, url in links)
        else:
            yield f"The deployment `{ANSWERS}` is not on this server: `plait deploy` puts it there."
        yield f"Or on the worker's machine: `plait approve {feature} {name}`, with `--reject 'REASON'` to send it back."
        contract = self.shop.contract(name)
        work = Informant(draft.owner, draft.commit, outputs=(*contract.files, *contract.mock))
        yield quoted_work(work, self.shop)

    def _links(self, named: str) -> tuple[tuple[str, str], ...]:
        """The page's form for an answer, filled in; nothing when the server does not have it."""
        deployment = _deployment(ANSWERS)
        if deployment is None:
            return ()
        given = {
            "repository": str(self.shop.control.common_dir),
            "feature": self.shop.feature,
            "contract": named,
        }
        return tuple(
            (words, _form(deployment, given | {"answer": answer}))
            for words, answer in (("Approve", "approve"), ("Send it back", "reject"))
        )


def _form(deployment: UUID, given: Mapping[str, str]) -> str:
    """Where a deployment is started, its form filled in.

    From where the artifact is shown: the server has two pages, / and /v2, and nobody knows which one is read.
    """
    return f"../../deployments/deployment/{deployment}/run?parameters={quote(json.dumps(given))}"


def _deployment(name: str) -> UUID | None:
    try:
        with get_client(sync_client=True) as client:
            return client.read_deployment_by_name(name).id
    except ObjectNotFound:
        return None
    except (httpx.HTTPError, RuntimeError) as problem:
        _LOG.warning("the form for answers was not found: %s", problem)
        return None
