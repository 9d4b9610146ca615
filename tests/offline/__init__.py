"""What Python does when it starts with this folder on its path: see ``sitecustomize``."""
