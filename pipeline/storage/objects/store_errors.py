"""Errors of object stores in the user's terms: what went wrong with which URL, and what to do."""

import re

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import Kind, MissingFile, NoPermission

# The first kind whose signs an answer has counts. Codes are those of S3, Azure and Google; the rest are
# statuses and causes as obstore writes them.
_KINDS = {
    r"NoSuchBucket|ContainerNotFound|The specified bucket does not exist|bucket does not exist": Kind(
        "no such bucket",
        "a bucket that exists",
        "Check the bucket's name, and the endpoint and the account in the settings.",
    ),
    r"169\.254\.169\.254|metadata\.google|NoCredentials|Error after .* token|fetching token": Kind(
        "no credentials",
        "keys, a profile or the role of a machine",
        "Set them as docs/storage.md says, or declare the bucket public by AWS_SKIP_SIGNATURE=true, "
        "GOOGLE_SKIP_SIGNATURE=true or AZURE_SKIP_SIGNATURE=true.",
    ),
    (
        r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint|TemporaryRedirect"
        r"|Received redirect|status code: 301"
    ): Kind("another region than the bucket's", "the region of the bucket", "Set AWS_REGION to {region}."),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|TokenRefreshRequired|InvalidSecurity"
        r"|Server failed to authenticate"
        r"|AuthenticationFailed|InvalidAuthenticationInfo|NoAuthenticationInformation|status code: 401"
    ): Kind(
        "credentials that the store does not accept",
        "the credentials of an account of this store",
        "Check the keys, and whether they have expired.",
    ),
    r"RequestTimeTooSkewed": Kind(
        "a request from a wrong time", "the right time on this machine", "Set the clock."
    ),
    (
        r"AccessDenied|AuthorizationPermissionMismatch|AuthorizationFailure|PublicAccessNotPermitted"
        r"|status code: 403"
    ): Kind(
        "no permission",
        "credentials that may do this",
        "Give them the right, or use others. Without the right to list, a missing file reads the same.",
        NoPermission,
    ),
    r"NoSuchKey|BlobNotFound|status code: 404|not found:": Kind(
        "no such file", "a file that exists", "Check the URL; names of files are case-sensitive.", MissingFile
    ),
    r"dns error|failed to lookup address": Kind(
        "no such host", "a host that exists", "Check the endpoint in the settings, and the network."
    ),
    r"Connection refused|ConnectionRefused": Kind(
        "a connection that was refused",
        "a store that answers",
        "Check the endpoint in the settings, and whether the store runs.",
    ),
    r"status code: (429|503)|SlowDown|ServerBusy": Kind(
        "a store that is too busy, also after retries",
        "an answer",
        "Run the same command again later, or with fewer --workers.",
    ),
    r"status code: 5\d\d": Kind(
        "an error of the store, also after retries", "an answer", "Run the same command again later."
    ),
    r"kind: Timeout|timed out|TimedOut|deadline has elapsed": Kind(
        "no answer in time, also after retries",
        "a store that answers",
        "Check the endpoint in the settings, and the network.",
    ),
    (
        r"connection closed|reset|IncompleteMessage|unexpected end"
        r"|kind: (Connect|Interrupted|Decode|Request)"
    ): Kind(
        "a connection that broke, also after retries",
        "a whole answer",
        "Check the network, and run the same command again.",
    ),
    r"InvalidPath|Could not parse path|illegal character": Kind(
        "a name that no file can have here",
        "names without empty parts, '.', '..' and control characters",
        "Rename the file.",
    ),
}
_OTHER = Kind("{answer}", "an answer of the store", "Check the URL, and the settings in docs/storage.md.")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_REGION = re.compile(r"<Region>([^<]*)</Region>|expecting '([^']*)'")
_STATUS = re.compile(r"status code: (\d{3}[A-Za-z ]*)")


def explain(url: str, error: Exception) -> UserError:
    """Returns what to tell the user about an error of obstore."""
    text = str(error).replace("retry_timeout", "")
    for signs, kind in _KINDS.items():
        if re.search(signs, text):
            region = _REGION.search(text)
            return kind.explain(url, _quote_cause(text), region=region[1] or region[2] if region else "it")
    return _OTHER.explain(url, answer=text.partition("\n")[0])


def _quote_cause(text: str) -> str:
    """What the store said itself, such as its error code and message."""
    found = [
        match[1].strip().partition("\n")[0] for pattern in (_CODE, _MESSAGE) if (match := pattern.search(text))
    ]
    if not found and (status := _STATUS.search(text)):
        found = [status[1].strip()]
    return ": ".join(found)[:300]
