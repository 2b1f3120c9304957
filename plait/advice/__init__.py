"""What is worth knowing of a plan before it runs: doubts, forecasts, better orders; no input, no output, no clock."""
