"""What an operator is told who isn't looking: standing alerts and events as messages, a thread for each of his targets."""
