"""Tests of what is advised before a run: lint, forecasts, searches."""
