"""Faults in a row where who leads, who lags and who forgot do not go together.

Rules: those of plot.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from .plot import LOOK_EVERY, LOOKS, Over, Plot

if TYPE_CHECKING:
    from .dice import Dice
    from .replica import Replica
    from .world import World

__all__ = ["PLOTS"]


def _relapse(world: World, dice: Dice, over: Over) -> None:
    """Have a leader die with votes that nobody heard of; cut the power once there is another."""
    plot = Plot(world, dice, over)
    plot.cut_off()
    plot.after(dice.between(0.05, 0.3), partial(_die, plot))


def _die(plot: Plot) -> None:
    plot.leader.crash()
    plot.after(LOOKS * LOOK_EVERY, plot.leader.start)
    plot.mend()
    plot.once_led(lambda: plot.after(plot.dice.soon(0.03), partial(_power_cut, plot)))


def _power_cut(plot: Plot) -> None:
    """Cut it; the new leader comes back last, so that others find out what it did."""
    plot.leader.crash()
    plot.after(2.0, plot.leader.start)
    for replica in plot.others:
        replica.crash()
        plot.after(plot.dice.soon(0.02), replica.start)


def _laggard(world: World, dice: Dice, over: Over) -> None:
    """Have one lead next that has missed what the leader announced for a while."""
    plot = Plot(world, dice, over)
    laggard = dice.choice(plot.others or [plot.leader])
    plot.separate(plot.leader, laggard)
    plot.after(dice.between(0.1, 0.6), partial(_succeed, plot, laggard))


def _succeed(plot: Plot, laggard: Replica) -> None:
    plot.leader.crash()
    plot.after(LOOKS * LOOK_EVERY, plot.leader.start)
    plot.mend()
    plot.seize([laggard], 2 * plot.world.parts.timing.lease)


PLOTS: dict[str, Callable[[World, Dice, Over], None]] = {
    "laggard": _laggard,
    "relapse": _relapse,
}
"""By the names that profiles use."""
