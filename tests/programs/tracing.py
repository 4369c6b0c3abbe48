# SPDX-License-Identifier: Apache-2.0
"""Runs sockwarden beside a program, and the programs themselves, for the tests in this folder."""
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77  # what ctest takes as "skipped"


class Skip(Exception):
    """The machine lacks what the test needs."""


def need(program):
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise Skip(f"no {program}")
    return found


def until(condition, what, seconds=20.0):
    """Waits until `condition()` is true and returns what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


@contextlib.contextmanager
def folder(owner=None):
    path = tempfile.mkdtemp(prefix="sockwarden-programs-")
    try:
        if owner is not None:
            shutil.chown(path, owner)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def running(command, **options):
    """A server, ended when the block is."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Trace:
    """A trace of some processes and their descendants; `records` when the block is left."""

    def __init__(self, sockwarden, engine, events, pids):
        self.command = [sockwarden, "trace", "--engine", engine, "--output", "json", "--snaplen", "65535",
                        "--events", events]
        for pid in pids:
            self.command += ["--pid", str(pid)]
        self.records = []

    def __enter__(self):
        self.out = tempfile.TemporaryFile()
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=self.out, stderr=self.said)
        try:
            until(self.is_tracing, "sockwarden")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def words(self):
        self.said.seek(0)
        return self.said.read().decode()

    def is_tracing(self):
        if self.process.poll() is not None:
            raise AssertionError("sockwarden ended: " + self.words())
        return "tracing with" in self.words()

    def __exit__(self, kind, value, traceback):
        time.sleep(0.2)  # the reader merges within a window
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self.out.seek(0)
        lines = [json.loads(line) for line in self.out]
        self.records = [line for line in lines if line["event"] not in ("start", "lost", "stop")]
        stop = lines[-1] if lines else {}
        if kind is None:
            assert stop.get("event") == "stop" and not stop["dropped"] and not stop["missed"], self.words()

    def of(self, *events, **facts):
        """Records of these events; a fact is a path with __ for a dot."""
        return [record for record in self.records
                if (not events or record["event"] in events) and
                all(at(record, path.replace("__", ".")) == value for path, value in facts.items())]


def at(record, path):
    for key in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def payload(record):
    """The captured bytes of a record."""
    shown = record["payload"]
    return shown["text"].encode() if "text" in shown else base64.b64decode(shown["base64"])


def payloads(records):
    return b"".join(payload(record) for record in records)


def delivered(records):
    """Bytes that calls returned, the failed ones left out."""
    return sum(record["return"] for record in records if record["return"] > 0)


def equal(seen, said, what):
    assert seen == said, f"{what}: sockwarden {seen!r}, the program {said!r}"


def main(tests):
    if len(sys.argv) != 4 or sys.argv[3] not in tests:
        print(f"usage: {sys.argv[0]} SOCKWARDEN ENGINE {'|'.join(tests)}", file=sys.stderr)
        sys.exit(2)
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(SKIPPED)
    try:
        tests[sys.argv[3]](lambda events, *pids: Trace(sys.argv[1], sys.argv[2], events, pids))
    except Skip as why:
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
