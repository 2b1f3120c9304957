"""The run as a decision: what each thing that happens makes of every task, and what is to be done next."""
