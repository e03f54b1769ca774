"""One request at a time to one workspace: transport, client, budget, retry. Has never heard of runs."""
