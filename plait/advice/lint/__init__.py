"""What is doubtful in a plan that could run: rules over prepared facts, silenced in the plan with a reason."""
