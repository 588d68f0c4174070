"""Records in a bucket: written and verified over HTTP, by a server that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
import requests
import s3fs
from moto.server import ThreadedMotoServer
from tests.unit.archive.test_archived import RUNNER, verify
from tests.unit.core.record_chains import records

from slipway.archive import commands
from slipway.archive.export import files
from slipway.archive.reading import Chain
from slipway.cli import app


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket, with what the environment of whoever exports says of the server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=60)  # what it holds is held by the process
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="launches")
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        yield "s3://launches"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.fixture(autouse=True)
def three_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cluster has."""
    monkeypatch.setattr(commands, "_chains", lambda where, rollout: [Chain("shop", "web", records(3))])


def export(target: str) -> tuple[int, str]:
    found = RUNNER.invoke(app, ["records", "export", target])
    return found.exit_code, found.output


def test_what_was_exported_is_in_the_bucket_and_the_chain_holds_there(bucket: str) -> None:
    code, listed = export(f"{bucket}/shop")
    assert code == 0, listed
    held = boto3.resource("s3").Bucket("launches").objects.all()
    wanted = files([Chain("shop", "web", records(3))])
    assert {one.key: one.get()["Body"].read().decode() for one in held} == {f"shop/{p}": t for p, t in wanted.items()}
    found = verify(f"{bucket}/shop")
    assert (found.exit_code, found.output) == (0, "shop/web: 3 records (3 launch): the chain holds\n")


def test_a_changed_statement_is_found_in_the_bucket(bucket: str) -> None:
    export(bucket)
    objects = boto3.resource("s3").Bucket("launches").objects
    first = next(one for one in objects.filter(Prefix="records/") if one.key.endswith(".json"))
    first.put(Body=first.get()["Body"].read().replace(b"Succeeded", b"RolledBack"))
    found = verify(bucket)
    assert found.exit_code == 1
    assert "its content has changed" in found.output


def test_a_bucket_that_is_not_there_is_not_made(bucket: str) -> None:
    code, said = export("s3://lunches/shop")
    assert code == 1
    assert said.startswith("s3://lunches/shop: ")
    assert [one.name for one in boto3.resource("s3").buckets.all()] == ["launches"]


def test_who_has_no_credentials_is_told_so(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, said = export(bucket)
    assert (code, said) == (1, f"{bucket}: Unable to locate credentials\n")
    found = verify(bucket)
    assert (found.exit_code, found.output) == (2, f"{bucket}: Unable to locate credentials\n")
