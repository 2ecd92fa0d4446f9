"""Checking: an answer is probed with cases, and its observations judged by a key. `probe` never judges,
`judge` never sees the answer.
"""
