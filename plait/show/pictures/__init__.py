"""Charts and graphs of plans and runs, as SVG and in the cells of a terminal."""
