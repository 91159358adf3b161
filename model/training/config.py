"""Configuration of training; its fields are the flags of ocr-train. Loads no TensorFlow: --help is quick."""

import dataclasses
from collections.abc import Mapping

from densenet_ocr.pipeline.augmentation.config import AugmentConfig
from densenet_ocr.pipeline.charsets.charset_file import BLANK_HELP, BLANK_ROWS, FIRST_ROW
from densenet_ocr.pipeline.errors import check_left_out, check_setting
from densenet_ocr.pipeline.geometry import check_frame_stride
from densenet_ocr.pipeline.ui.flags import Validated, option, validate

# Values of --preset; flags on the command line override them. `notebook` has the defaults, which are those of
# the original notebook. benchmarks.training.time_to_accuracy compares the two; see docs/training.md.
PRESETS: Mapping[str, Mapping[str, str | int | float]] = {
    "notebook": {
        "batch_size": 64,
        "learning_rate": 1e-3,
        "schedule": "constant",
        "warmup_steps": 0,
        "clip_norm": 0.0,
        "ema_decay": 0.0,
    },
    "recommended": {
        "batch_size": 32,
        "learning_rate": 4e-3,
        "schedule": "cosine",
        "warmup_steps": 100,
        "clip_norm": 5.0,
        "ema_decay": 0.999,
    },
}


# Value of --validation_split for a training without validation.
NO_VALIDATION = "none"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Training configuration, validated on construction.

    Together with the data it determines the weights, so a run resumes only with an equal one, but for `epochs`,
    which may rise. The defaults are the notebook's: Adam at a constant 1e-3, batches of 64, at most 100 epochs,
    patience 10.
    """

    train_split: str = option("train", help="Split to train on.")
    validation_split: str | None = option(
        None, help="Split to validate on, or none; by default 'validation', else 'test', if the data have it."
    )
    frame_stride: int | None = option(
        None,
        help="Pixels per frame, 8 or 4, by default as the data were converted; 4 suits all data, and takes "
        "longer.",
    )
    init_from: str | None = option(
        None,
        help="Initial weights: a run, a file in a run's weights folder, a float16 export, or weights of the "
        "original notebook.",
    )
    init_charset: str | None = option(
        None, help="Charset file of a notebook's weights in --init_from; by default the data's charset."
    )
    charset_blank: str = option(FIRST_ROW, help=BLANK_HELP, choices=BLANK_ROWS)
    charset_mode: str = option(
        "fail",
        help="If --init_from has another charset than the data: fail, keep the characters of both (union), or "
        "keep only the data's (new).",
        choices=("fail", "union", "new"),
    )
    freeze_trunk_steps: int = option(
        0, help="Number of first steps that train only the last layer; needs --init_from.", at_least=0
    )
    epochs: int = option(100, help="Maximum number of epochs.", at_least=1)
    epoch_steps: int = option(
        0,
        help="Steps of an epoch; 0 makes it one pass over the training split of the first --data.",
        at_least=0,
    )
    batch_size: int = option(64, help="Lines per step, over all replicas.", at_least=1)
    optimizer: str = option("adam", help="Optimizer.", choices=("adam", "adamw"))
    weight_decay: float = option(0.0, help="AdamW's weight decay; spares biases and batch norm.", at_least=0)
    clip_norm: float = option(0.0, help="Maximum global norm of the gradients; 0 does not clip.", at_least=0)
    learning_rate: float = option(1e-3, help="Learning rate, at its peak.", above=0)
    schedule: str = option("constant", help="Learning rate after warm-up.", choices=("constant", "cosine"))
    warmup_steps: int = option(0, help="Steps of linear warm-up.", at_least=0)
    patience: int = option(
        10, help="Epochs without a lower validation loss after which training stops.", at_least=1
    )
    ema_decay: float = option(
        0.0,
        help="Decay per step of the weights' exponential moving average, which is then validated and saved; "
        "0 keeps no average.",
        at_least=0,
        below=1,
    )
    second_head: float = option(
        0.0,
        help="Weight of the loss of a second head at half depth, which exists in training only, such as 0.3; 0 "
        "trains without one.",
        at_least=0,
    )
    precision: str = option(
        "float32",
        help="Computation dtype of the network; bfloat16 and float16 are for GPUs.",
        choices=("float32", "bfloat16", "float16"),
    )
    jit_compile: bool = option(False, help="Compile the network with XLA; for GPUs, and lines of one width.")
    augmentation: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    shuffle_buffer: int = option(
        4096, help="Records in the shuffle buffer; the order of shards is shuffled as well.", at_least=1
    )
    seed: int = option(0, help="Seed of initial weights, shuffling and dropout.", at_least=0, below=2**31)

    def __post_init__(self) -> None:
        validate(self)
        if self.frame_stride is not None:
            check_frame_stride(self.frame_stride)
        fits = self.weight_decay > 0 if self.optimizer == "adamw" else self.weight_decay == 0
        check_setting(
            "weight_decay", self.weight_decay, fits, "more than 0 with --optimizer=adamw, 0 with adam"
        )
        for name, unset in (("init_charset", None), ("charset_mode", "fail"), ("freeze_trunk_steps", 0)):
            value = getattr(self, name)
            check_left_out(name, value, self.init_from or value in (unset, ""), f"{unset} without --init_from")
        is_used = self.init_charset or self.charset_blank == FIRST_ROW
        check_left_out("charset_blank", self.charset_blank, is_used, f"{FIRST_ROW} without --init_charset")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointConfig(Validated):
    """When to save checkpoints, besides at the end of each epoch, and what to keep.

    It may change when a run is resumed.
    """

    checkpoint_steps: int = option(0, help="Steps between checkpoints; 0 saves by time only.", at_least=0)
    checkpoint_minutes: float = option(
        10.0, help="Minutes between checkpoints, besides those at the end of each epoch.", above=0
    )
    keep_checkpoints: int = option(3, help="Number of newest checkpoints to keep.", at_least=1)
    keep_weights: int = option(
        0, help="Number of newest epochs whose weights to keep, besides the best; 0 keeps all.", at_least=0
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggingConfig(Validated):
    """What TensorBoard gets besides scalars and example lines; may change when a run is resumed."""

    histogram_epochs: int = option(
        0, help="Epochs between histograms of the weights in TensorBoard; 0 writes none.", at_least=0
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceConfig(Validated):
    """Devices, memory and threads of a process; may change when a run is resumed."""

    strategy: str = option(
        "auto",
        help="Devices to train on; auto mirrors over all GPUs if there are several, multi_worker trains "
        "with the processes that TF_CONFIG or Slurm names.",
        choices=("auto", "one", "mirrored", "multi_worker"),
    )
    worker_timeout: float = option(
        60.0,
        help="With multi_worker: timeout in seconds for workers that do not start or do not answer.",
        above=0,
    )
    gpu_memory_fraction: float | None = option(
        None,
        help="Hard limit on the share of each GPU's memory; by default memory grows as needed.",
        above=0,
        at_most=1,
    )
    intra_op_threads: int = option(
        0, help="Threads of one operation; 0 takes OMP_NUM_THREADS, else all cores.", at_least=0
    )
    inter_op_threads: int = option(
        0, help="Operations that run in parallel; 0 leaves the choice to TensorFlow.", at_least=0
    )
