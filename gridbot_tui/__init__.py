"""GridBot: the command line and the terminal application."""
