"""Acceptance: the command against a sandbox on a real socket; what counts is read from the server."""
