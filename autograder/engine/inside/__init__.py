"""All of the engine's code that exists inside the sandbox, beside `sumskip` and the interpreter.

It is bound there as a package of its own and imports nothing of `autograder`. Whatever it holds, a
learner's code can read and change; so it holds nothing that decides a grade.
"""
