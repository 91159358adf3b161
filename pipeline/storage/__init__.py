"""Files and folders on local disks, in object stores, in HDFS and on web servers, behind a few functions.

A path is a local one or a URL: s3://, gs://, az://, abfs(s)://, hdfs://, and http(s):// to read.
docs/storage.md says which settings count.
"""

from densenet_ocr.pipeline.storage.cache import find_cache_folder, kept_copy, local_copy, local_folder
from densenet_ocr.pipeline.storage.copies import download_folder, upload_folder
from densenet_ocr.pipeline.storage.errors import MissingFile, NoPermission
from densenet_ocr.pipeline.storage.files import (
    atomic_file,
    check_writable,
    download,
    exists,
    find,
    free_bytes,
    hash_file,
    is_folder,
    list_files,
    list_names,
    list_versions,
    make_folder,
    open_file,
    read_bytes,
    read_json,
    read_range,
    remove,
    remove_many,
    size,
    write_atomically,
)
from densenet_ocr.pipeline.storage.local_files import (
    explained,
    is_special,
    open_at_once,
    open_regular,
    plain_path,
)
from densenet_ocr.pipeline.storage.locks import flocked, held, locked
from densenet_ocr.pipeline.storage.many import map_many, read_many
from densenet_ocr.pipeline.storage.paths import (
    TEMPORARY,
    absolute,
    describe_size,
    is_plain_name,
    is_url,
    is_web,
    join,
    local_path,
    normalise,
    parent,
)
