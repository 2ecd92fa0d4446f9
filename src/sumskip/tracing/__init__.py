"""How a forward pass is recorded: every operator and module call, and everything put back afterwards."""
