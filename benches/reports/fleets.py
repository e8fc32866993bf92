"""Fleets of small networks beside JAX and PyTorch: `python -m benches.reports.fleets [CASE ...]`.

Prints the steps of all networks together in a second, on one thread and on all: `fit_many`, JAX's
`vmap` of the number of networks that is fastest, and a loop in PyTorch, on one thread only, since
it uses more by more processes. Each has a process of its own; they take turns, and the best turn
counts. Networks and samples are made before.
"""

import argparse

from benches.common.cases import from_command_line
from benches.common.fleets import FLEETS, PEERS, TorchLoop
from benches.common.hardware import processor
from benches.reports.peers import Peer, drop_variables, peers, race

_TURNS = 5


def main():
    """A table for each fleet."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.fleets", description=__doc__)
    names = from_command_line(parser, FLEETS, FLEETS).cases
    drop_variables()
    print(processor())
    everyone = [Peer(*each) for each in peers(PEERS) if each[1] is not TorchLoop or each[2] == 1]
    for name in names:
        fleet = FLEETS[name]
        sizes = "-".join(map(str, fleet.case.sizes))
        print(f"\n{name}: {fleet.networks} networks {sizes}, batch {fleet.case.batch_size}")
        times, failed = race(fleet, everyone, _TURNS)
        for peer in everyone:
            if peer.label in failed:
                print(f"  {peer.label:28s}not run: {failed[peer.label]}")
                continue
            speed = 1e3 * fleet.steps * peer.kind.share / times[peer.label]
            print(f"  {peer.label:28s}{speed:12,.0f} steps a second", flush=True)


if __name__ == "__main__":
    main()
