"""The use cases, one function each: requests in, results out. No flags, no printing, no exit codes, no question in the middle."""
