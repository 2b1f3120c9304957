"""Tests of what is shown of plans and runs."""
