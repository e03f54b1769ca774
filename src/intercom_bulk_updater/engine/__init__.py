"""The work on many items: the worker pool, what a failure means for an item, outages, throughput. Knows neither search nor screen."""
