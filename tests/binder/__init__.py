"""Binder, emulated: what repo2docker would build and run, in a folder in place of a container."""
