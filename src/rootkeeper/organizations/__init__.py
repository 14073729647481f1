"""The organizations of a settings file: added, removed, and seen together."""
