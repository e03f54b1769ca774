"""What all tests share: hypothesis judges nothing by the clock, for a machine may have other things to do."""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
