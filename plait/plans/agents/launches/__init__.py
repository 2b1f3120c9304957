"""How each agent program is started: pure functions of an order, one file for each program."""
