"""What is shown of plans and runs: progress, figures, insight, reports, pictures; no input, no output, no clock."""
