"""The rate limiter: when the next request may leave. Knows nothing of Intercom but the names of its headers."""
