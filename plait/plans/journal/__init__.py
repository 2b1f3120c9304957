"""What a run begins with, hears and orders, as data: the language between the machine and the loop, and its journal."""
