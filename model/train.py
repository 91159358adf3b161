"""Trains a DenseNet-CTC reader on a data set that beam_jobs.convert made.

    python -m model.train --data=data --run=run

The run folder gets the configuration, the charset, weights of every epoch and of the best one, history.csv and
TensorBoard's logs. The same command on an existing run goes on after its last checkpoint, to the same weights
as if it had not been stopped. SIGTERM and Ctrl-C save first; the exit code is 75 then. The last line on
standard output is {"step", "loss", "images_per_second", "split", "lines", "exact_match", "cer"}, the last four
of the validation split at the best epoch.
"""

import sys

from absl import flags

from model.config import OPTIMIZERS, SCHEDULES, STRATEGIES, Devices, Saving, Training
from model.stopping import EXIT_CODE, Stopped
from pipeline import command

_DATA = flags.DEFINE_string("data", None, "Folder of the data set.", required=True)
_RUN = flags.DEFINE_string("run", None, "Folder of the run; new, or one to resume.", required=True)
_TRAIN_SPLIT = flags.DEFINE_string("train_split", Training.train_split, "Split to train on.")
_VALIDATION_SPLIT = flags.DEFINE_string(
    "validation_split",
    Training.validation_split,
    "Split to validate on; by default validation, else test, else none.",
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", Training.epochs, "Passes over the training split at most.", lower_bound=1
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", Training.batch_size, "Lines a step, over all replicas.", lower_bound=1
)
_OPTIMIZER = flags.DEFINE_enum("optimizer", Training.optimizer, OPTIMIZERS, "What applies the gradients.")
_WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay", Training.weight_decay, "AdamW's decay, of all but biases and batch norm."
)
_CLIP_NORM = flags.DEFINE_float(
    "clip_norm", Training.clip_norm, "Highest norm of all gradients together; 0 sets no bound."
)
_LEARNING_RATE = flags.DEFINE_float("learning_rate", Training.learning_rate, "Adam's highest learning rate.")
_SCHEDULE = flags.DEFINE_enum(
    "schedule", Training.schedule, SCHEDULES, "Course of the learning rate after warm-up."
)
_WARMUP_STEPS = flags.DEFINE_integer(
    "warmup_steps", Training.warmup_steps, "Steps of linear warm-up.", lower_bound=0
)
_PATIENCE = flags.DEFINE_integer(
    "patience",
    Training.patience,
    "Epochs without a lower validation loss after which training stops.",
    lower_bound=1,
)
_SHUFFLE_BUFFER = flags.DEFINE_integer(
    "shuffle_buffer",
    Training.shuffle_buffer,
    "Records mixed in memory, beside the new order of shards.",
    lower_bound=1,
)
_SEED = flags.DEFINE_integer(
    "seed", Training.seed, "Seed of initial weights, shuffling and dropout.", lower_bound=0
)
_STRATEGY = flags.DEFINE_enum(
    "strategy",
    Devices.strategy,
    STRATEGIES,
    "Devices to train on; auto mirrors over the GPUs where there are several.",
)
_GPU_MEMORY_FRACTION = flags.DEFINE_float(
    "gpu_memory_fraction",
    Devices.gpu_memory_fraction,
    "Hard share of each GPU's memory; by default it grows as needed.",
)
_INTRA_OP_THREADS = flags.DEFINE_integer(
    "intra_op_threads",
    Devices.intra_op_threads,
    "Threads of one operation; 0 takes OMP_NUM_THREADS, else all.",
    0,
)
_INTER_OP_THREADS = flags.DEFINE_integer(
    "inter_op_threads",
    Devices.inter_op_threads,
    "Operations side by side; 0 leaves it to TensorFlow.",
    lower_bound=0,
)
_CHECKPOINT_STEPS = flags.DEFINE_integer(
    "checkpoint_steps", Saving.checkpoint_steps, "Steps between checkpoints; 0 leaves it to minutes.", 0
)
_CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes", Saving.checkpoint_minutes, "Minutes between checkpoints, beside those of each epoch."
)
_KEEP_CHECKPOINTS = flags.DEFINE_integer(
    "keep_checkpoints", Saving.keep_checkpoints, "Checkpoints that stay, the newest ones.", lower_bound=1
)


def main() -> int:
    """Trains as the flags say and prints the result; returns the exit code."""
    training = Training(
        train_split=_TRAIN_SPLIT.value,
        validation_split=_VALIDATION_SPLIT.value,
        epochs=_EPOCHS.value,
        batch_size=_BATCH_SIZE.value,
        optimizer=_OPTIMIZER.value,
        weight_decay=_WEIGHT_DECAY.value,
        clip_norm=_CLIP_NORM.value,
        learning_rate=_LEARNING_RATE.value,
        schedule=_SCHEDULE.value,
        warmup_steps=_WARMUP_STEPS.value,
        patience=_PATIENCE.value,
        shuffle_buffer=_SHUFFLE_BUFFER.value,
        seed=_SEED.value,
    )
    devices = Devices(
        strategy=_STRATEGY.value,
        gpu_memory_fraction=_GPU_MEMORY_FRACTION.value,
        intra_op_threads=_INTRA_OP_THREADS.value,
        inter_op_threads=_INTER_OP_THREADS.value,
    )
    saving = Saving(
        checkpoint_steps=_CHECKPOINT_STEPS.value,
        checkpoint_minutes=_CHECKPOINT_MINUTES.value,
        keep_checkpoints=_KEEP_CHECKPOINTS.value,
    )
    from model.training import train  # loads TensorFlow, for which --help and wrong flags need not wait

    try:
        result = train(training=training, devices=devices, data=_DATA.value, run=_RUN.value, saving=saving)
    except Stopped as stopped:
        print(f"stopped by {stopped}; saved: the same command goes on from there", file=sys.stderr)
        return EXIT_CODE
    command.print_result(result)
    return 0


def run() -> None:
    """Entry point of ocr-train."""
    command.run(main, resumes=True)


if __name__ == "__main__":
    run()
