"""Trains a DenseNet-CTC reader on a data set that beam_jobs.convert made.

    python -m model.train --data=data --run=run

The run folder gets the configuration, the charset, weights of every epoch and of the best one, history.csv,
curves.png and TensorBoard's logs, which show some lines of the validation split as they are read. The same
command on an existing run goes on after its last checkpoint, to the same weights as if it had not been stopped.
SIGTERM and Ctrl-C save first; the exit code is 75 then. With --init_from=OLD_RUN it begins with that run's
weights, character by character; --init_from=FILE.h5 takes weights that the original notebook's Keras 2 wrote,
and --init_charset=FILE their charset. The last line on standard output is {"step", "loss", "images_per_second",
"split", "lines", "exact_match", "cer"}, the last four of the validation split at the best epoch.
"""

import sys

from absl import flags

from densenet_ocr.model.training.config import (
    CHARSET_MODES,
    OPTIMIZERS,
    PRECISIONS,
    PRESETS,
    SCHEDULES,
    STRATEGIES,
    CheckpointConfig,
    DeviceConfig,
    LoggingConfig,
    TrainConfig,
)
from densenet_ocr.model.training.preemption import EXIT_CODE, Preempted
from densenet_ocr.pipeline.augmentation.config import OPS, AugmentConfig
from densenet_ocr.pipeline.ui import command

_DATA = flags.DEFINE_string("data", None, "Folder of the data set.", required=True)
_RUN = flags.DEFINE_string("run", None, "Folder of the run; new, or one to resume.")
_PREVIEW = flags.DEFINE_string(
    "preview", None, "PNG file for a sheet of what the network would see; in place of training."
)
_BENCHMARK_INPUT = flags.DEFINE_bool(
    "benchmark_input", False, "Measure how fast the data are read, for ten seconds; in place of training."
)
_PRESET = flags.DEFINE_enum(
    "preset",
    "notebook",
    list(PRESETS),
    "Values of flags that are not given; see training.config.PRESETS.",
)
_TRAIN_SPLIT = flags.DEFINE_string("train_split", TrainConfig.train_split, "Split to train on.")
_VALIDATION_SPLIT = flags.DEFINE_string(
    "validation_split",
    TrainConfig.validation_split,
    "Split to validate on; by default validation, else test, else none.",
)
_INIT_FROM = flags.DEFINE_string(
    "init_from",
    TrainConfig.init_from,
    "Run to begin with the weights of, or a file in its folder weights, or one of the original notebook's.",
)
_INIT_CHARSET = flags.DEFINE_string(
    "init_charset",
    TrainConfig.init_charset,
    "Charset file that the notebook's weights of --init_from were trained with; by default the data's.",
)
_CHARSET_MODE = flags.DEFINE_enum(
    "charset_mode",
    TrainConfig.charset_mode,
    CHARSET_MODES,
    "Where --init_from knows other characters than the data: fail, keep all of both (union), or keep the "
    "data's alone (new).",
)
_FREEZE_TRUNK_STEPS = flags.DEFINE_integer(
    "freeze_trunk_steps",
    TrainConfig.freeze_trunk_steps,
    "First steps, in which only the last layer changes; for --init_from.",
    lower_bound=0,
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", TrainConfig.epochs, "Passes over the training split at most.", lower_bound=1
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", TrainConfig.batch_size, "Lines a step, over all replicas.", lower_bound=1
)
_OPTIMIZER = flags.DEFINE_enum("optimizer", TrainConfig.optimizer, OPTIMIZERS, "What applies the gradients.")
_WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay", TrainConfig.weight_decay, "AdamW's decay, of all but biases and batch norm."
)
_CLIP_NORM = flags.DEFINE_float(
    "clip_norm", TrainConfig.clip_norm, "Highest norm of all gradients together; 0 sets no bound."
)
_LEARNING_RATE = flags.DEFINE_float("learning_rate", TrainConfig.learning_rate, "Adam's highest learning rate.")
_SCHEDULE = flags.DEFINE_enum(
    "schedule", TrainConfig.schedule, SCHEDULES, "Course of the learning rate after warm-up."
)
_WARMUP_STEPS = flags.DEFINE_integer(
    "warmup_steps", TrainConfig.warmup_steps, "Steps of linear warm-up.", lower_bound=0
)
_EMA_DECAY = flags.DEFINE_float(
    "ema_decay",
    TrainConfig.ema_decay,
    "Decay a step of the weights' moving average, which is read then; 0: none.",
)
_PRECISION = flags.DEFINE_enum(
    "precision", TrainConfig.precision, PRECISIONS, "What the network computes in; low ones are for GPUs."
)
_JIT_COMPILE = flags.DEFINE_bool(
    "jit_compile", TrainConfig.jit_compile, "Compile the network with XLA; for GPUs, and lines of one width."
)
_AUGMENT = flags.DEFINE_list("augment", [], f"What lines may get on the way: all, or some of {', '.join(OPS)}.")
_AUGMENT_PROBABILITY = flags.DEFINE_float(
    "augment_probability", AugmentConfig.probability, "Chance of each of these, line by line."
)
_AUGMENT_STRENGTH = flags.DEFINE_float(
    "augment_strength", AugmentConfig.strength, "Factor to how far each of these goes."
)
_PATIENCE = flags.DEFINE_integer(
    "patience",
    TrainConfig.patience,
    "Epochs without a lower validation loss after which training stops.",
    lower_bound=1,
)
_SHUFFLE_BUFFER = flags.DEFINE_integer(
    "shuffle_buffer",
    TrainConfig.shuffle_buffer,
    "Records mixed in memory, beside the new order of shards.",
    lower_bound=1,
)
_SEED = flags.DEFINE_integer(
    "seed", TrainConfig.seed, "Seed of initial weights, shuffling and dropout.", lower_bound=0
)
_STRATEGY = flags.DEFINE_enum(
    "strategy",
    DeviceConfig.strategy,
    STRATEGIES,
    "Devices to train on; auto mirrors over the GPUs where there are several.",
)
_GPU_MEMORY_FRACTION = flags.DEFINE_float(
    "gpu_memory_fraction",
    DeviceConfig.gpu_memory_fraction,
    "Hard share of each GPU's memory; by default it grows as needed.",
)
_INTRA_OP_THREADS = flags.DEFINE_integer(
    "intra_op_threads",
    DeviceConfig.intra_op_threads,
    "Threads of one operation; 0 takes OMP_NUM_THREADS, else all.",
    0,
)
_INTER_OP_THREADS = flags.DEFINE_integer(
    "inter_op_threads",
    DeviceConfig.inter_op_threads,
    "Operations side by side; 0 leaves it to TensorFlow.",
    lower_bound=0,
)
_CHECKPOINT_STEPS = flags.DEFINE_integer(
    "checkpoint_steps",
    CheckpointConfig.checkpoint_steps,
    "Steps between checkpoints; 0 leaves it to minutes.",
    0,
)
_CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes",
    CheckpointConfig.checkpoint_minutes,
    "Minutes between checkpoints, beside those of each epoch.",
)
_KEEP_CHECKPOINTS = flags.DEFINE_integer(
    "keep_checkpoints",
    CheckpointConfig.keep_checkpoints,
    "Checkpoints that stay, the newest ones.",
    lower_bound=1,
)
_HISTOGRAM_EPOCHS = flags.DEFINE_integer(
    "histogram_epochs",
    LoggingConfig.histogram_epochs,
    "Epochs from one set of weights' histograms for TensorBoard to the next; 0 writes none.",
    lower_bound=0,
)


# The flags that are fields of Training, which a preset may set.
_TRAINING = (
    _TRAIN_SPLIT,
    _VALIDATION_SPLIT,
    _INIT_FROM,
    _INIT_CHARSET,
    _CHARSET_MODE,
    _FREEZE_TRUNK_STEPS,
    _EPOCHS,
    _BATCH_SIZE,
    _OPTIMIZER,
    _WEIGHT_DECAY,
    _CLIP_NORM,
    _LEARNING_RATE,
    _SCHEDULE,
    _WARMUP_STEPS,
    _EMA_DECAY,
    _PRECISION,
    _JIT_COMPILE,
    _PATIENCE,
    _SHUFFLE_BUFFER,
    _SEED,
)


@flags.multi_flags_validator(
    ["run", "preview", "benchmark_input"], "Give --run, --preview or --benchmark_input."
)
def _says_what_to_do(values: dict) -> bool:
    return any(values.values())


def main() -> int:
    """Trains as the flags say and prints the result; returns the exit code."""
    training = _read_training()
    data = {"folder": _DATA.value, "split": training.train_split, "seed": training.seed}
    if _PREVIEW.value:
        from densenet_ocr.pipeline.augmentation.preview import save_preview

        save_preview(_PREVIEW.value, augmentation=training.augmentation, **data)
    elif _BENCHMARK_INPUT.value:
        from densenet_ocr.pipeline.input_benchmark import measure_input

        names = ("batch_size", "shuffle_buffer", "augmentation")
        command.print_result(measure_input(**data, **{name: getattr(training, name) for name in names}))
    else:
        return _train(training)
    return 0


def _train(training: TrainConfig) -> int:
    devices = DeviceConfig(
        strategy=_STRATEGY.value,
        gpu_memory_fraction=_GPU_MEMORY_FRACTION.value,
        intra_op_threads=_INTRA_OP_THREADS.value,
        inter_op_threads=_INTER_OP_THREADS.value,
    )
    saving = CheckpointConfig(
        checkpoint_steps=_CHECKPOINT_STEPS.value,
        checkpoint_minutes=_CHECKPOINT_MINUTES.value,
        keep_checkpoints=_KEEP_CHECKPOINTS.value,
    )
    watching = LoggingConfig(histogram_epochs=_HISTOGRAM_EPOCHS.value)
    from densenet_ocr.model.training.trainer import (
        train,  # loads TensorFlow, for which --help and wrong flags need not wait
    )

    try:
        result = train(
            config=training,
            devices=devices,
            data=_DATA.value,
            run=_RUN.value,
            checkpoints=saving,
            logs=watching,
        )
    except Preempted as stopped:
        print(f"stopped by {stopped}; saved: the same command goes on from there", file=sys.stderr)
        return EXIT_CODE
    command.print_result(result)
    return 0


def _read_training() -> TrainConfig:
    """The flags that were given, the preset's values, and the defaults, in this order."""
    preset = PRESETS[_PRESET.value]
    given = {flag.name: flag.value for flag in _TRAINING if flag.present or flag.name not in preset}
    augmentation = AugmentConfig(
        ops=tuple(_AUGMENT.value), probability=_AUGMENT_PROBABILITY.value, strength=_AUGMENT_STRENGTH.value
    )
    return TrainConfig(**{**preset, **given}, augmentation=augmentation)


def run() -> None:
    """Entry point of ocr-train."""
    command.run(main, resumes=True)


if __name__ == "__main__":
    run()
