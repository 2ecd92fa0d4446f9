"""Runs learners' notebooks behind walls and brings back observations, never verdicts.

`intake` reads a submission and restores the cells that are ours; `sandbox` builds the walls and
proves them; `inside/` is all of our code that exists behind them; `run` is the door, `one_run` puts the
questions.
"""
