"""A real S3 server, which verifies signatures: versitygw, built once, with its buckets in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hingecraft_sandbox.postgres import free_port
from support.folders import open_folder
from support.servers import listening
from toolchain.go_tools import built

MODULE, VERSION = "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"
KEY_ID, KEY, BUCKET = "test-access-key", "test-secret-access-key", "designs"


@dataclass(frozen=True)
class S3:
    """The server, and the folder that it shows as a bucket."""

    endpoint: str
    bucket: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a pod."""
        return {
            "downloads": f"s3://{BUCKET}", "s3_endpoint": self.endpoint, "s3_access_key_id": KEY_ID,
            "s3_secret_access_key": KEY,
        }  # fmt: skip


def program() -> Path:
    return built(MODULE, VERSION)


@contextmanager
def running_s3() -> Iterator[S3]:
    with open_folder() as folder:
        bucket = folder / BUCKET
        bucket.mkdir()
        address = f"127.0.0.1:{free_port()}"
        command: list[str | Path] = [
            program(),
            "--quiet",
            "--port",
            address,
            "posix",
            "--nometa",
            str(folder),
        ]
        with listening(command, address, ROOT_ACCESS_KEY=KEY_ID, ROOT_SECRET_KEY=KEY):
            yield S3(f"http://{address}", bucket)
