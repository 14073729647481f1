"""The state file of ``--state``: what was answered is on disk, so that a restart goes on where the last run ended.

The world is taken apart into pieces (``pieces``), each written as JSON (``values``): all of them once, then line by
line what each call has changed (``state_file``), before the answer leaves (``keeper``). Services know nothing of it.
"""
