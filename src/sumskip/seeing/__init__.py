"""Seeing: what a forward pass did (`trace`, `compare`), what tensors look like, and pictures to work with."""
