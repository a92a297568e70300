"""The preview: what a grid would be, told once, for the command and for the screen."""
