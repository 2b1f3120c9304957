"""Keeps a flow going that was suspended on the page: what runs in it finishes, and the process stays."""

from prefect.context import FlowRunContext


def undo_suspension() -> None:
    """Take back Prefect's wish to end this flow at its next step.

    Since 3.9.1 an observer marks a flow that has become `Suspended`, and whatever of Prefect it then calls raises
    `Pause`: a task that ends just then would lose its result. Its machine pauses it instead (`recording/page_pause`).
    """
    request = getattr(FlowRunContext.get(), "flow_run_suspension_request", None)
    if request is not None and request.is_requested():
        request.mark_requested(None)
