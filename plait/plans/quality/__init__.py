"""What verifying means: which stages run, how long they may take, which tests failed, how those run alone."""
