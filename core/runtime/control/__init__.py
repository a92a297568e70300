"""The control socket: how other processes of the same user reach a running core, and how screens look on and act.

``protocol`` says what a line is, ``viewers`` who looks on and who may act, ``watching`` sends snapshots and what changed of
them, ``looking`` makes previews, ``server`` answers.
"""
