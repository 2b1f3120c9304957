"""What a plan will probably take, with which crew, played by the dispatcher that runs it."""
