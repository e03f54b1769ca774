"""Chance that repeats: it depends on nothing but the seed and what is asked for."""

from __future__ import annotations


def draw(seed: int, slot: int) -> float:
    """A number in [0, 1) that depends on nothing but its arguments (splitmix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + slot * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return ((mixed ^ (mixed >> 31)) >> 11) / float(1 << 53)


def seed_and_rate(text: str) -> tuple[int, float] | None:
    """What SEED[,RATE] says; None for "". Raises ValueError."""
    if not text:
        return None
    seed, _, rate = text.partition(",")
    try:
        found = int(seed), float(rate or 1)
    except ValueError:
        raise ValueError(f"mutate must be SEED or SEED,RATE such as 7,0.1, not {text!r}") from None
    if not 0 <= found[1] <= 1:
        raise ValueError(f"the rate of mutate must be from 0 to 1, not {rate!r}")
    return found
