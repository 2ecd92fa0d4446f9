"""Hostile and broken submissions, and what each would have gained or harmed.

`code` holds attacks written in cells, `handed_in` those made of the notebook file itself, `oddities`
what honest learners do that looks strange. They run inside the sandbox only, with short limits.
"""
