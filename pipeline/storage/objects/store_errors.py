"""Errors of object stores in the user's terms: what went wrong with which URL, and what to do."""

import re
from typing import NamedTuple

from densenet_ocr.pipeline.errors import UserError
from densenet_ocr.pipeline.storage.errors import MissingFile, NoPermission


class _Kind(NamedTuple):
    """A kind of error: how it shows, and what to say."""

    signs: str
    received: str
    expected: str
    remedy: str
    error: type[UserError] = UserError


# The first kind whose signs an answer has counts. Codes are those of S3, Azure and Google; the rest are
# statuses and causes as obstore writes them.
_KINDS = tuple(
    _Kind(*fields)
    for fields in (
        (
            r"NoSuchBucket|ContainerNotFound|The specified bucket does not exist|bucket does not exist",
            "no such bucket",
            "a bucket that exists",
            "Check the bucket's name, and the endpoint and the account in the settings.",
        ),
        (
            r"169\.254\.169\.254|metadata\.google|NoCredentials|Error after .* token|fetching token",
            "no credentials",
            "keys, a profile or the role of a machine",
            "Set them as docs/storage.md says, or declare the bucket public by AWS_SKIP_SIGNATURE=true, "
            "GOOGLE_SKIP_SIGNATURE=true or AZURE_SKIP_SIGNATURE=true.",
        ),
        (
            r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint|TemporaryRedirect"
            r"|Received redirect|status code: 301",
            "another region than the bucket's",
            "the region of the bucket",
            "Set AWS_REGION to {region}.",
        ),
        (
            r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|TokenRefreshRequired|InvalidSecurity"
            r"|Server failed to authenticate"
            r"|AuthenticationFailed|InvalidAuthenticationInfo|NoAuthenticationInformation|status code: 401",
            "credentials that the store does not accept",
            "the credentials of an account of this store",
            "Check the keys, and whether they have expired.",
        ),
        (
            r"RequestTimeTooSkewed",
            "a request from a wrong time",
            "the right time on this machine",
            "Set the clock.",
        ),
        (
            r"AccessDenied|AuthorizationPermissionMismatch|AuthorizationFailure|PublicAccessNotPermitted"
            r"|status code: 403",
            "no permission",
            "credentials that may do this",
            "Give them the right, or use others. Without the right to list, a missing file reads the same.",
            NoPermission,
        ),
        (
            r"NoSuchKey|BlobNotFound|status code: 404|not found:",
            "no such file",
            "a file that exists",
            "Check the URL; names of files are case-sensitive.",
            MissingFile,
        ),
        (
            r"dns error|failed to lookup address",
            "no such host",
            "a host that exists",
            "Check the endpoint in the settings, and the network.",
        ),
        (
            r"Connection refused|ConnectionRefused",
            "a connection that was refused",
            "a store that answers",
            "Check the endpoint in the settings, and whether the store runs.",
        ),
        (
            r"status code: (429|503)|SlowDown|ServerBusy",
            "a store that is too busy, also after retries",
            "an answer",
            "Run the same command again later, or with fewer --workers.",
        ),
        (
            r"status code: 5\d\d",
            "an error of the store, also after retries",
            "an answer",
            "Run the same command again later.",
        ),
        (
            r"kind: Timeout|timed out|TimedOut|deadline has elapsed",
            "no answer in time, also after retries",
            "a store that answers",
            "Check the endpoint in the settings, and the network.",
        ),
        (
            r"connection closed|reset|IncompleteMessage|unexpected end"
            r"|kind: (Connect|Interrupted|Decode|Request)",
            "a connection that broke, also after retries",
            "a whole answer",
            "Check the network, and run the same command again.",
        ),
        (
            r"InvalidPath|Could not parse path|illegal character",
            "a name that no file can have here",
            "names without empty parts, '.', '..' and control characters",
            "Rename the file.",
        ),
    )
)
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_REGION = re.compile(r"<Region>([^<]*)</Region>|expecting '([^']*)'")
_STATUS = re.compile(r"status code: (\d{3}[A-Za-z ]*)")


def explain(url: str, error: Exception) -> UserError:
    """Returns what to tell the user about an error of obstore."""
    text = str(error).replace("retry_timeout", "")
    for kind in _KINDS:
        if re.search(kind.signs, text):
            region = _REGION.search(text)
            received = f"{kind.received}{_quote_cause(text)}"
            remedy = kind.remedy.format(region=region[1] or region[2] if region else "it")
            return kind.error(f"file {url}", received=received, expected=kind.expected, remedy=remedy)
    return UserError(
        f"file {url}",
        received=text.partition("\n")[0],
        expected="an answer of the store",
        remedy="Check the URL, and the settings in docs/storage.md.",
    )


def _quote_cause(text: str) -> str:
    """What the store said itself, such as its error code and message."""
    found = [
        match[1].strip().partition("\n")[0] for pattern in (_CODE, _MESSAGE) if (match := pattern.search(text))
    ]
    if not found and (status := _STATUS.search(text)):
        found = [status[1].strip()]
    return f" ({': '.join(found)[:300]})" if found else ""
