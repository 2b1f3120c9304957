"""What is said of a run, before, during and after it: reports, figures, insight."""
