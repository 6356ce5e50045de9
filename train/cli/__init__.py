"""The command line of training: one group, one file per command, nothing heavy before it is needed."""

import click

from train.cli.calibrate import calibrate
from train.cli.crossval import crossval
from train.cli.evaluate import evaluate
from train.cli.figures import figures
from train.cli.fit import fit
from train.cli.ocean import ocean
from train.cli.prepare import prepare
from train.cli.sample import sample
from train.cli.study import study
from train.cli.sweep import sweep


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train spiking networks to hear right whales."""


for command in (fit, calibrate, evaluate, crossval, sweep, study, figures, prepare, sample, ocean):
    main.add_command(command)
