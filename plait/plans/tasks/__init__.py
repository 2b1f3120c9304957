"""The tasks that a plan means, and the data that crosses their borders: orders, reports, outcomes."""
