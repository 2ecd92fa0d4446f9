"""How a forward pass is recorded: every operator and module call, and everything put back afterwards."""


class TraceError(ValueError, TypeError):
    """`trace` was given something that it cannot trace. Says what was expected, what came, what to do."""
