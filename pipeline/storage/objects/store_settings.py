"""Connections to object stores, set up as the user's other tools are: see docs/storage.md."""

import importlib.util
import os
import urllib.parse
from datetime import timedelta
from typing import Any

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.packages import explain_missing
from densenet_ocr.pipeline.storage.paths import scheme_of
from densenet_ocr.pipeline.storage.requests import RETRY_SECONDS

RETRIES = {
    "max_retries": 100,
    "retry_timeout": timedelta(seconds=RETRY_SECONDS),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3), "base": 2},
}
# `timeout` is that of a whole request: reads of a gigabyte and writes of 256 MiB have to fit.
_PATIENT = {"allow_http": True, "connect_timeout": "5s", "timeout": "600s"}
_PROMPT = {**_PATIENT, "read_timeout": "10s"}

_AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE")
_AZURE_ACCOUNT = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_USE_EMULATOR")
_AWS_CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


def open_store(url: str, *, uploads: bool) -> Any:
    """Returns obstore's store for the bucket of a URL.

    Args:
      url: A URL of the bucket.
      uploads: Whether it is for large uploads, during which a store says nothing for a long time.

    Raises:
      UserError: obstore is not installed, or a setting is missing or wrong.
    """
    with explain_missing():
        import obstore.store
    options: dict[str, Any] = {"client_options": _PATIENT if uploads else _PROMPT, "retry_config": RETRIES}
    scheme, authority = scheme_of(url), url.split("://", 1)[1].partition("/")[0]
    if not authority:
        raise _refuse(url, received="no bucket", expected="a bucket after ://", remedy="Name one.")
    try:
        if scheme == "s3":
            return obstore.store.S3Store(authority, **options, **_s3_settings(url))
        if scheme == "gs":
            return obstore.store.GCSStore(authority, **options, **_gcs_settings())
        return obstore.store.AzureStore(**options, **_azure_settings(url, authority))
    except UserError:
        raise
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise _refuse(
            url, received=reason, expected="complete settings", remedy="See docs/storage.md for the variables."
        ) from None


def _s3_settings(url: str) -> dict[str, Any]:
    """What obstore does not take from the environment: ~/.aws, by botocore if it is installed."""
    settings: dict[str, Any] = {}
    if any(os.environ.get(name) for name in (*_AWS_KEYS, *_AWS_CONTAINER)):
        return settings
    if importlib.util.find_spec("boto3") is None:
        if os.environ.get("AWS_PROFILE") or os.path.exists(os.path.expanduser("~/.aws/config")):
            with explain_missing():
                raise ModuleNotFoundError("boto3 reads ~/.aws", name="boto3")
        return settings
    import botocore.session
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = botocore.session.Session()
    if session.get_credentials() is None:
        raise _refuse(
            url,
            received="no credentials",
            expected="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile in ~/.aws or a machine's role",
            remedy="Set them, or AWS_SKIP_SIGNATURE=true for a public bucket.",
        )
    settings["credential_provider"] = Boto3CredentialProvider(session)
    if not os.environ.get("AWS_REGION") and (region := session.get_config_variable("region")):
        settings["region"] = region
    if not os.environ.get("AWS_ENDPOINT_URL") and (endpoint := session.get_scoped_config().get("endpoint_url")):
        settings["endpoint"] = endpoint
    return settings


def _gcs_settings() -> dict[str, Any]:
    """Google's own variables, and STORAGE_EMULATOR_HOST as Google's libraries read it."""
    host = os.environ.get("STORAGE_EMULATOR_HOST", "")
    if not host:
        return {}
    # obstore 0.12 asks for a token to write also where skip_signature is set.
    return {
        "base_url": host if "://" in host else f"http://{host}",
        "credential_provider": lambda: {"token": "emulator", "expires_at": None},
    }


def _azure_settings(url: str, authority: str) -> dict[str, Any]:
    """az://CONTAINER/..., or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/..., and the connection string."""
    container, _, host = authority.partition("@")
    settings: dict[str, Any] = {"container_name": container}
    if text := os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""):
        settings.update(_read_connection_string(url, text))
    if host:
        settings["account_name"] = host.partition(".")[0]
    if "account_name" not in settings and not any(map(os.environ.get, _AZURE_ACCOUNT)):
        raise _refuse(
            url,
            received="no storage account",
            expected="AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_CONNECTION_STRING, or the account in the URL",
            remedy="Set one, or write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH.",
        )
    return settings


def _read_connection_string(url: str, text: str) -> dict[str, str]:
    names = {
        "AccountName": "account_name",
        "AccountKey": "account_key",
        "SharedAccessSignature": "sas_key",
        "BlobEndpoint": "endpoint",
    }
    found = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    if not {"AccountName", "BlobEndpoint"} & set(found):
        raise _refuse(
            url,
            received="a connection string without AccountName",
            expected="AccountName=...;AccountKey=...",
            remedy="Correct AZURE_STORAGE_CONNECTION_STRING.",
        )
    settings = {setting: found[name] for name, setting in names.items() if name in found}
    if "account_name" not in settings:
        settings["account_name"] = (urllib.parse.urlsplit(settings["endpoint"]).hostname or "").partition(".")[
            0
        ]
    return settings


def _refuse(url: str, *, received: str, expected: str, remedy: str) -> UserError:
    return UserError(f"settings for {url}", received=received, expected=expected, remedy=remedy)
