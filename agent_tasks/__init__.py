"""One step of work on one task or one batch, as Prefect tasks that may run twice."""
