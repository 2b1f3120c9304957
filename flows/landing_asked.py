"""The flow `land-feature`: how people bring a finished feature onto base from the Prefect page."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed

from plait.flows.inputs.parameters import repository_place
from plait.flows.landing import LandCall, land_feature
from plait.flows.recording.artifacts import artifact_key, publish_question
from plait.plans.errors import PlaitError
from plait.plans.wording import markdown
from plait.show.base_lines import base_lines, told_of_base

Way = Literal["as the plan says", "merge", "squash", "fast-forward"]


@flow(name="land-feature", flow_run_name="land {feature}", persist_result=False)
def land_on_base(
    repository: str, feature: str, way: Way = "as the plan says", onto: str = "", pull_request: bool = False
) -> State[Any]:
    """
    Bring a feature that has landed on its own branch onto base: merged, verified as that exact tree, moved once.

    It is what `plait land` does. Base that follows a remote's branch is moved there; nobody's checkout is touched.

    Args:
        repository: Name of a Feature Repository block, or the path of a clone on the worker's machine (with a slash).
        feature: The feature's name.
        way: By a merge, as one commit, or as it is; what the plan says when nobody chooses.
        onto: The branch to land on. Empty: the one that the feature began on.
        pull_request: Push the feature branch and ask the remote's people to take it, in place of landing it.
    """
    call_way = "pull-request" if pull_request else None if way == "as the plan says" else way
    try:
        place: Path = repository_place(repository)
        call = LandCall(
            feature.strip(),
            place,
            way=call_way,
            strictly=way == "fast-forward" and not pull_request,
            onto=onto.strip() or None,
            request=pull_request,
        )
        outcome = land_feature(call)
    except PlaitError as problem:
        return Failed(message=f"{problem}\nHint: {problem.hint}" if problem.hint else str(problem))
    told = "\n".join(told_of_base(outcome))
    if not outcome.is_done:
        return Failed(message=told)
    if FlowRunContext.get() is not None:  # else it was called as a function, and there is no page
        text = "\n\n".join(markdown(line, 2_000) for line in base_lines(outcome))
        publish_question(artifact_key(outcome.feature, "landing"), text, description=f"{outcome.feature} on base")
    return Completed(message=told)
