"""A person's own code: the base class, its calls, its parameters, its result."""
