"""Agent backends: blocks that let a program or a script work in a checkout."""
