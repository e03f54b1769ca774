"""The speed that people are shown."""

from intercom_bulk_updater.processing.pace import Pace


def test_a_window_with_its_burst_and_its_wait_is_one_speed() -> None:
    """200 a second for eight seconds and nothing for two are 160 a second, at every moment once a window has gone by."""
    pace, finished, shown = Pace(), 0, []
    for tick in range(100):
        if tick % 20 < 16:
            finished += 100
        pace.saw(tick / 2, finished)
        if tick > 24:
            shown.append(pace.rate)
    assert min(shown) >= 150 and max(shown) <= 170


def test_the_first_seconds_and_a_pause() -> None:
    """At the start it is the mean since the start; what a pause took is not counted."""
    pace = Pace()
    pace.saw(0.0, 0)
    assert pace.rate == 0.0
    pace.saw(1.0, 50)
    assert pace.rate == 50.0
    pace.begin_anew()
    pace.saw(600.0, 50)
    pace.saw(601.0, 110)
    assert pace.rate == 60.0
